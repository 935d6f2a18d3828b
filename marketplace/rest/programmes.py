"""Programmes and context events."""

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import queries
from marketplace.accounts.models import ContextEvent, Programme
from marketplace.accounts.roles import Permission
from marketplace.api.base import READING
from marketplace.api.filters import CodesFilter, FilterSet, JsonListFilter, UpdatedSince
from marketplace.api.finding import Facet
from marketplace.api.serializers import CodesField, LinksField, PeriodField, ThingOut
from marketplace.api.views import Lists, Reads, ThingViewSet
from marketplace.rest.organizations import STAMPS
from marketplace.search.queries import search


class ProgrammeOut(ThingOut):
    """A dated frame with parent, funders and members."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000005",
        **STAMPS,
        "code": "GFMD",
        "names": {"en": "Support to the Global Forum"},
        "lead": "IOM",
        "parent": None,
        "members": ["IOM", "UNITAR"],
        "funders": [],
        "countries": ["MLI"],
        "period": {"start": "2027-01-01", "end": "2027-12-31", "precision": "year"},
        "links": {"self": "https://marketplace.example/api/v1/programmes/0198c0de-0000-7000-8000-000000000005"},
    }

    code = serializers.CharField(read_only=True)
    names = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.")
    lead = serializers.CharField(source="lead.code", default=None, allow_null=True, read_only=True)
    parent = serializers.CharField(source="parent.code", default=None, allow_null=True, read_only=True)  # type: ignore[assignment]
    members = CodesField()
    funders = CodesField()
    countries = serializers.ListField(child=serializers.CharField(), read_only=True)
    period = PeriodField(source="*", read_only=True, allow_null=True)
    links = LinksField({"self": "programme-detail"})


class ProgrammeFilters(FilterSet):
    """Filters of the list."""

    code = CodesFilter("code")
    country = JsonListFilter("countries")
    member = CodesFilter("members__code", distinct=True)
    funder = CodesFilter("funders__code", distinct=True)
    updated_since = UpdatedSince()


class ProgrammeViewSet(Lists, Reads, ThingViewSet):
    """Programmes."""

    tag, noun, nouns = "Organizations", "programme", "programmes"
    in_test_mode = READING
    resource, basename = "programmes", "programme"
    access = Permission.ORGANIZATIONS_READ
    reads = ProgrammeOut
    reference_field = "code"
    filterset_class = ProgrammeFilters
    ordering, ordering_fields = ("code",), {"code": "code", "start": "start_on", "updated_at": "updated_at"}
    searchable = True
    facets = {"lead": Facet("lead__code"), "parent": Facet("parent__code")}
    highlighted = ("names",)

    def visible(self) -> QuerySet[Programme]:
        """All programmes, once signed in."""
        return queries.programmes_visible_to(self.request.actor, at=self.request.at)

    def search(self, things: QuerySet[Programme], q: str) -> QuerySet[Programme]:
        """Find by names and code, the best first."""
        return search(things, resource="programme", q=q, language=self.request.language)

    def prepare(self, things: QuerySet[Programme]) -> QuerySet[Programme]:
        """Fetch organizations ahead."""
        return things.select_related("lead", "parent").prefetch_related("members", "funders")


class ContextEventOut(ThingOut):
    """A forum, dialogue or conference that needs are tied to."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000006",
        **STAMPS,
        "code": "GFMD-2027",
        "names": {"en": "Global Forum 2027"},
        "host_country": "COL",
        "period": {"start": "2027-09-02", "end": "2027-09-04", "precision": "day"},
    }

    code = serializers.CharField(read_only=True)
    names = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.")
    host_country = serializers.CharField(read_only=True)
    period = PeriodField(source="*", read_only=True, allow_null=True)


class ContextEventFilters(FilterSet):
    """Filters of the list."""

    updated_since = UpdatedSince()


class ContextEventViewSet(Lists, Reads, ThingViewSet):
    """Context events."""

    tag, noun, nouns = "Organizations", "context event", "context events"
    in_test_mode = READING
    resource, basename = "context_events", "context-event"
    access = Permission.ORGANIZATIONS_READ
    reads = ContextEventOut
    reference_field = "code"
    filterset_class = ContextEventFilters
    ordering, ordering_fields = ("code",), {"code": "code", "start": "start_on"}
    searchable = True
    facets = {"host_country": Facet("host_country", "countries")}
    highlighted = ("names",)

    def visible(self) -> QuerySet[ContextEvent]:
        """All of them, once signed in."""
        rows = ContextEvent.objects.all()
        return rows.none() if self.request.actor.kind == "anonymous" else rows

    def search(self, things: QuerySet[ContextEvent], q: str) -> QuerySet[ContextEvent]:
        """Find by names and code, the best first."""
        return search(things, resource="context_event", q=q, language=self.request.language)
