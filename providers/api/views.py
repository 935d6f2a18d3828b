"""Providers, offerings, sessions and capacity over HTTP."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from marketplace.accounts.roles import Permission
from marketplace.api.base import READING
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.finding import Facet
from marketplace.api.rows import Rows, Seat
from marketplace.api.views import Changes, Creates, Lists, Reads, Removes, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from marketplace.search.queries import found_through, search
from marketplace.vocabularies.queries import THEMES
from providers import operations, queries
from providers.api import filters, formats, reliefweb, serializers
from providers.models import CapacityWindow, Offering, OfferingFacet, Provider, Session

READ, WRITE, VET = Permission.CATALOGUE_READ, Permission.CATALOGUE_WRITE, Permission.CATALOGUE_VET
REFUSED = (ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN)
TIMES = {"created_at": "created_at", "updated_at": "updated_at"}
SEATS = ("seats_total", "seats_held", "seats_confirmed")
UPSERT = "With an `external_id` that is known already, the thing is changed instead and the answer is 200."


def coded(facet: str, scheme: str) -> Facet:
    """Make the facet of one of the lists of codes of an offering."""
    return Facet("code", scheme, OfferingFacet, "offering", Q(facet=facet))


def moves(name: str, summary: str, operation: Any, *, by: Permission, body: Any = None, errors: Any = ()) -> Any:
    """Make the route of a verb of a life cycle."""
    found = (ErrorCode.WRONG_STATE, *errors)
    write = Write(summary, by, body=body, if_match=IfMatch.OPTIONAL, errors=found, operation=operation)
    return verb(name, write)


class ProviderViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Organizations that offer training."""

    tag, noun, nouns, resource, basename = "Providers", "provider", "providers", "providers", "provider"
    access = READ
    in_test_mode = READING
    reads = serializers.ProviderOut
    reference_field, id_argument = "code", "provider_id"
    filterset_class = filters.ProviderFilters
    ordering, ordering_fields = ("code",), {**TIMES, "code": "code", "due_at": "due_at"}
    searchable = True
    facets = {"state": Facet("state"), "scope": Facet("scope")}
    highlighted = ("names",)
    rows = Rows(
        Provider,
        follows={
            "allowed_actions": ("state", Seat("organization_id")),
            "organization": ("organization__code", "organization__names"),
        },
    )
    create_with = Write(
        "Register a provider",
        WRITE,
        description="By staff of the organization or by the secretariat; the provider is pending until it is verified.",
        body=serializers.ProviderIn,
        errors=(*REFUSED, ErrorCode.DUPLICATE),
        operation=operations.register_provider,
    )
    change_with = Write(
        "Change a provider",
        WRITE,
        body=serializers.ProviderChange,
        if_match=IfMatch.REQUIRED,
        errors=REFUSED,
        operation=operations.change_provider,
    )
    verify = moves(
        "verify",
        "Verify a provider, or renew its verification",
        operations.verify_provider,
        by=VET,
        body=serializers.VerificationIn,
        errors=REFUSED,
    )
    suspend = moves(
        "suspend",
        "Suspend a provider (suspension_reasons)",
        operations.suspend_provider,
        by=VET,
        body=serializers.CatalogueReasonIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )
    reinstate = moves(
        "reinstate",
        "End the suspension of a provider",
        operations.reinstate_provider,
        by=VET,
        body=serializers.CatalogueNoteIn,
    )

    def visible(self) -> QuerySet[Provider]:
        """Give the providers that the caller may see."""
        return queries.providers_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Provider]) -> QuerySet[Provider]:
        """Fetch organizations and networks ahead."""
        return things.select_related("organization", "network_parent")

    def search(self, things: QuerySet[Provider], q: str) -> QuerySet[Provider]:
        """Find by name and code, the best first."""
        return search(things, resource="provider", q=q, language=self.request.language, most=self.most_ranked())

    def allowed_actions(self, thing: Provider) -> list[str]:
        """List what the caller may do with this provider."""
        return queries.allowed_actions(thing, self.request.actor, self.request.at)


class OfferingViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """The catalogue: published offerings for everyone signed in, the others for their provider and the secretariat."""

    tag, noun, nouns, resource, basename = "Providers", "offering", "offerings", "offerings", "offering"
    access = READ
    in_test_mode = frozenset({*READING, "create", "partial_update", "submit", "retire"})
    reads = serializers.OfferingOut
    representations = (formats.COURSES, formats.OFFERING_FEED)
    reference_field, id_argument = "code", "offering_id"
    filterset_class = filters.OfferingFilters
    ordering_fields = {**TIMES, "due_at": "due_at", "lead_time_days": "lead_time_days", "hours": "duration_hours"}
    searchable = True
    facets = {
        "theme": coded("theme", THEMES),
        "language": coded("language", "languages"),
        "audience": coded("audience", "audiences"),
        "country": coded("country", "countries"),
        "region": coded("region", "regions"),
        "governance_level": coded("governance_level", "governance_levels"),
        "form": Facet("form", "forms"),
        "modality": Facet("modality", "modalities"),
        "level": Facet("level", "levels"),
        "award": Facet("award", "awards"),
        "provider": Facet("provider__code"),
        "programme": Facet("programme__code"),
        "state": Facet("state"),
    }
    highlighted = ("titles", "summaries")
    rows = Rows(
        Offering,
        follows={
            "allowed_actions": ("state", Seat("provider__organization_id"), "programme__code"),
            "reference": ("code", "public_id"),
            "series": ("series__code", "series__public_id"),
        },
        many={"partners": ("organization__code", "organization__names", "role")},
    )
    create_with = Write(
        "Draft an offering, or change the one with this external id",
        WRITE,
        description=UPSERT,
        body=serializers.OfferingIn,
        if_match=IfMatch.OPTIONAL,
        errors=(*REFUSED, ErrorCode.WRONG_STATE, ErrorCode.DUPLICATE),
        operation=operations.file_offering,
    )
    change_with = Write(
        "Change an offering",
        WRITE,
        body=serializers.OfferingChange,
        if_match=IfMatch.REQUIRED,
        errors=(*REFUSED, ErrorCode.WRONG_STATE),
        operation=operations.change_offering,
    )
    submit = moves(
        "submit",
        "Submit an offering for vetting",
        operations.submit_offering,
        by=WRITE,
        errors=(ErrorCode.RULE_BROKEN,),
    )
    publish = moves(
        "publish",
        "Accept an offering into the catalogue",
        operations.publish_offering,
        by=VET,
        body=serializers.PublicationIn,
        errors=(ErrorCode.RULE_BROKEN,),
    )
    return_ = moves(
        "return",
        "Return an offering to its provider (return_reasons)",
        operations.return_offering,
        by=VET,
        body=serializers.CatalogueReasonIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )
    suspend = moves(
        "suspend",
        "Suspend an offering (suspension_reasons)",
        operations.suspend_offering,
        by=VET,
        body=serializers.CatalogueReasonIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )
    reinstate = moves(
        "reinstate",
        "End the suspension of an offering",
        operations.reinstate_offering,
        by=VET,
        body=serializers.CatalogueNoteIn,
    )
    retire = moves(
        "retire", "Retire an offering for good", operations.retire_offering, by=WRITE, body=serializers.CatalogueNoteIn
    )

    def visible(self) -> QuerySet[Offering]:
        """Give the offerings that the caller may see."""
        return queries.offerings_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Offering]) -> QuerySet[Offering]:
        """Fetch ahead what every row shows, and what was asked to be expanded."""
        found = things.select_related(
            "provider__organization", "provider__network_parent", "programme", "series"
        ).prefetch_related("partners__organization")
        if "sessions" not in self.expand:
            return found
        sessions = Session.objects.select_related("offering__provider__organization", "offering__programme")
        return found.prefetch_related(Prefetch("sessions", sessions))

    def search(self, things: QuerySet[Offering], q: str) -> QuerySet[Offering]:
        """Find by title, summary, objectives, themes and provider, the best first."""
        return search(things, resource="offering", q=q, language=self.request.language, most=self.most_ranked())

    def allowed_actions(self, thing: Offering | Provider | Session) -> list[str]:
        """List what the caller may do with this offering, or with what is shown inside it."""
        return queries.allowed_actions(thing, self.request.actor, self.request.at)


class SessionViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Dated deliveries with seats."""

    tag, noun, nouns, resource, basename = "Providers", "session", "sessions", "sessions", "session"
    access = READ
    reads = serializers.TrainingSessionOut
    representations = (formats.INSTANCES, formats.SESSION_CALENDAR, reliefweb.TRAININGS)
    reference_field, id_argument = "code", "session_id"
    filterset_class = filters.SessionFilters
    ordering, ordering_fields = ("start_on",), {**TIMES, "start": "start_on", "end": "end_on"}
    searchable = True
    facets = {
        "state": Facet("state"),
        "modality": Facet("modality", "modalities"),
        "country": Facet("country", "countries"),
        "provider": Facet("offering__provider__code"),
    }
    rows = Rows(
        Session,
        follows={
            "allowed_actions": ("state", Seat("offering__provider__organization_id"), "offering__programme__code"),
            "reference": ("code", "public_id"),
            "offering_reference": ("offering__code", "offering__public_id"),
            "seats_free": SEATS,
            "is_full": ("state", *SEATS),
        },
    )
    create_with = Write(
        "Plan a session, or change the one with this external id",
        WRITE,
        description=UPSERT,
        body=serializers.TrainingSessionIn,
        if_match=IfMatch.OPTIONAL,
        errors=(*REFUSED, ErrorCode.WRONG_STATE, ErrorCode.DUPLICATE),
        operation=operations.file_session,
    )
    change_with = Write(
        "Change a session",
        WRITE,
        body=serializers.TrainingSessionChange,
        if_match=IfMatch.REQUIRED,
        errors=(*REFUSED, ErrorCode.WRONG_STATE),
        operation=operations.change_session,
    )
    open = moves("open", "Open a session for enrolment", operations.open_session, by=WRITE)
    start = moves("start", "Record that a session has begun", operations.start_session, by=WRITE)
    complete = moves("complete", "Record that a session has ended", operations.complete_session, by=WRITE)
    cancel = moves(
        "cancel",
        "Cancel a session (cancellation_reasons)",
        operations.cancel_session,
        by=WRITE,
        body=serializers.CatalogueReasonIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE,),
    )

    def visible(self) -> QuerySet[Session]:
        """Give the sessions of the offerings that the caller may see."""
        return queries.sessions_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Session]) -> QuerySet[Session]:
        """Fetch offerings and providers ahead."""
        found = things.select_related("offering__provider__organization", "offering__programme", "offering__series")
        return found.prefetch_related("offering__partners__organization") if "offering" in self.expand else found

    def search(self, things: QuerySet[Session], q: str) -> QuerySet[Session]:
        """Find by the words of their offerings, the best first."""
        offerings = queries.offerings_visible_to(self.request.actor, at=self.request.at)
        wanted = search(offerings, resource="offering", q=q, language=self.request.language)
        return found_through(things, most=self.most_ranked(), offering=wanted)

    def allowed_actions(self, thing: Session | Offering | Provider) -> list[str]:
        """List what the caller may do with this session, or with what is shown inside it."""
        return queries.allowed_actions(thing, self.request.actor, self.request.at)


class WindowViewSet(Lists, Reads, Creates, Changes, Removes, ThingViewSet):
    """How much a provider can deliver: its own affair and the secretariat's."""

    tag, noun, nouns = "Providers", "capacity window", "capacity windows"
    resource, basename = "capacity_windows", "capacity-window"
    access = READ
    reads = serializers.CapacityWindowOut
    reference_field, id_argument = "code", "window_id"
    filterset_class = filters.WindowFilters
    ordering, ordering_fields = ("start_on",), {**TIMES, "start": "start_on", "end": "end_on"}
    rows = Rows(
        CapacityWindow,
        follows={"reference": ("code", "public_id"), "free": ("quantity", "held", "confirmed")},
    )
    create_with = Write(
        "Add capacity",
        WRITE,
        body=serializers.CapacityWindowIn,
        errors=(*REFUSED, ErrorCode.DUPLICATE),
        operation=operations.file_window,
    )
    change_with = Write(
        "Change capacity",
        WRITE,
        body=serializers.CapacityWindowChange,
        if_match=IfMatch.REQUIRED,
        errors=REFUSED,
        operation=operations.change_window,
    )
    remove_with = Write(
        "Take away capacity of which nothing was ever held",
        WRITE,
        status=204,
        if_match=IfMatch.REQUIRED,
        errors=(ErrorCode.RULE_BROKEN,),
        operation=operations.delete_window,
    )

    def visible(self) -> QuerySet[CapacityWindow]:
        """Give the capacity of which the caller may know."""
        return queries.windows_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[CapacityWindow]) -> QuerySet[CapacityWindow]:
        """Fetch providers ahead."""
        return things.select_related("provider__organization")
