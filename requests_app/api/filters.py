"""Allow-listed filters of requests."""

import django_filters
from django.db.models import Q, QuerySet

from marketplace.api.filters import CodesFilter, FilterSet, JsonListFilter, MomentFilter, StateFilter, UpdatedSince
from marketplace.kernel.lifecycle import Party
from marketplace.vocabularies import queries as vocabularies
from requests_app.lifecycle import REQUEST
from requests_app.models import RequestLine, TrainingRequest

Requests = QuerySet[TrainingRequest]


class LineFilter(CodesFilter):
    """Requests with a line that has one of the codes (dropped lines do not count)."""

    def filter(self, qs: Requests, value: list[str] | None) -> Requests:
        """Keep what has such a line."""
        if not value:
            return qs
        lines = RequestLine.objects.filter(**{f"{self.field_name}__in": sorted(self.widen(value))})
        return qs.filter(pk__in=lines.exclude(state="dropped").values("request_id"))

    def widen(self, codes: list[str]) -> set[str]:
        """Give the codes that stand for those asked."""
        return set(codes)


class ThemeFilter(LineFilter):
    """Requests on a theme or a narrower one."""

    def widen(self, codes: list[str]) -> set[str]:
        """Add the narrower concepts."""
        return {*codes, *(narrower for code in codes for narrower in vocabularies.concept_descendants(code))}


class RegionFilter(CodesFilter):
    """Requests with a line for an area, an area in it, or a country in it (M49)."""

    def filter(self, qs: Requests, value: list[str] | None) -> Requests:
        """Keep what lies in one of the areas."""
        if not value:
            return qs
        places = vocabularies.places()
        countries = {country for area in value for country in places.countries_in(area)}
        inside = {code for code in places.regions if any(places.contains(area, code) for area in value)}
        lines = RequestLine.objects.filter(Q(country__in=sorted(countries)) | Q(region__in=sorted(inside)))
        return qs.filter(pk__in=lines.exclude(state="dropped").values("request_id"))


WHOLE = Q(("reads_body", True))  # of the rows of `requests_visible_to`
# What these ask about is no part of a summary.
OF_BODY = ("external_id", "co_requester", "beneficiary", "audience", "language", "line_state", "funding_state")


class RequestFilters(FilterSet):
    """Filters of `GET /requests`."""

    state = StateFilter(REQUEST)
    reference = CodesFilter("reference")
    external_id = CodesFilter("external_id")
    requesting_organization = CodesFilter("requesting_organization__code")
    co_requester = CodesFilter("co_requesters__code", distinct=True)
    beneficiary = CodesFilter("beneficiaries__code", distinct=True)
    country = LineFilter("country", help_text="Country of a line (ISO 3166-1 alpha-3).")
    region = RegionFilter(help_text="Area of a line or of its country (M49).")
    theme = ThemeFilter("theme", help_text="Theme of a line, narrower ones included.")
    audience = LineFilter("audience")
    language = LineFilter("language", help_text="Language of a line (BCP 47).")
    line_state = LineFilter("state")
    form = JsonListFilter("forms")
    modality = JsonListFilter("modalities")
    programme = CodesFilter("programme__code")
    context_event = CodesFilter("context_event__code")
    visibility = CodesFilter("visibility", allowed=("agency", "group", "public"))
    funding_state = CodesFilter("funding_state")
    channel = CodesFilter("channel")
    waiting_for = CodesFilter("waiting_for", allowed=[party.value for party in Party])
    step = CodesFilter("step")
    due_before = MomentFilter("due_at", lookup_expr="lt")
    submitted_since = MomentFilter("submitted_at", lookup_expr="gte")
    window_from = django_filters.DateFilter("end_on", lookup_expr="gte", help_text="Window ends on or after this day.")
    window_to = django_filters.DateFilter("start_on", lookup_expr="lte", help_text="Window begins by this day.")
    updated_since = UpdatedSince()

    def filter_queryset(self, queryset: Requests) -> Requests:
        """Apply what was asked; a question about the body is answered from bodies that the caller reads."""
        if any(self.data.get(name) for name in OF_BODY):
            queryset = queryset.filter(WHOLE)
        return super().filter_queryset(queryset)
