"""What the matching engine and other readers need of a request, as plain values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.kernel.money import Money
from marketplace.kernel.periods import Period
from requests_app.models import RequestLine, TrainingRequest

UNSERVED_STATES = ("open", "matched", "in_delivery", "fulfilled", "unmet")  # in which a line may wait for a partner


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line: codes, numbers of participants, and how many are placed already."""

    line_id: int
    public_id: UUID
    number: int
    state: str
    theme: str
    audience: str
    country: str  # alpha-3, or empty where the region counts
    region: str  # M49, or empty
    language: str
    participants_min: int
    participants_max: int
    claimed: int
    divisible: bool
    level: str
    governance_level: str

    @property
    def free(self) -> int:
        """Participants that may still be placed."""
        return self.participants_max - self.claimed


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """A request as the engine sees it; organizations by key and code, dates with their precision."""

    request_id: int
    public_id: UUID
    reference: str
    state: str
    reason_code: str  # of the state; why it is not yet met, where it or a part of it was answered so
    version: int
    content_version: int
    requesting_organization_id: int
    requesting_organization: str
    co_requester_ids: frozenset[int]
    beneficiary_ids: frozenset[int]
    excluded_organization_ids: frozenset[int]
    kept_apart: frozenset[tuple[str, str]]  # codes of organizations that must not deliver together
    lead_required: bool
    funder_id: int | None
    title: dict[str, str]
    need_statement: dict[str, str]
    language: str
    languages_must: tuple[str, ...]
    languages_may: tuple[str, ...]
    forms: tuple[str, ...]
    modalities: tuple[str, ...]
    window: Period | None
    place_preference: str
    place_country: str
    place_city: str
    budget: Money | None
    funding_state: str
    award: str
    context_event: str
    context_event_on: date | None
    programme: str
    priority_facts: tuple[str, ...]
    visibility: str
    submitted_at: datetime | None
    opened_at: datetime | None
    lines: tuple[LineFacts, ...]


def request_for_matching(request_id: int) -> RequestFacts:
    """Read all facts of one request in a constant number of queries. Raises TrainingRequest.DoesNotExist."""
    return _facts(_with_relations(TrainingRequest.objects.all()).get(pk=request_id))


def open_requests_for_matching(request_ids: Iterable[int] | None = None) -> list[RequestFacts]:
    """Read all facts of the open requests (of those given, if any) in a constant number of queries, ordered by key."""
    rows = TrainingRequest.objects.filter(state="open").order_by("pk")
    if request_ids is not None:
        rows = rows.filter(pk__in=list(request_ids))
    return [_facts(row) for row in _with_relations(rows)]


def unserved_requests(rows: QuerySet[TrainingRequest]) -> list[RequestFacts]:
    """Read all facts of those of the requests that are open or have a line that was answered "not yet met", by key."""
    unmet = RequestLine.objects.filter(request=OuterRef("pk"), state="unmet")
    waiting = rows.filter(Q(state="open") | Q(Exists(unmet)), state__in=UNSERVED_STATES)
    return [_facts(row) for row in _with_relations(waiting.order_by("pk"))]


def requests_for_matching(request_ids: Iterable[int]) -> list[RequestFacts]:
    """Read all facts of the requests named, whatever their state, in a constant number of queries, ordered by key."""
    rows = TrainingRequest.objects.filter(pk__in=list(request_ids)).order_by("pk")
    return [_facts(row) for row in _with_relations(rows)]


def _with_relations(rows: QuerySet[TrainingRequest]) -> QuerySet[TrainingRequest]:
    return rows.select_related("requesting_organization", "context_event", "programme").prefetch_related(
        "lines",
        "co_requesters",
        "beneficiaries",
        "excluded_organizations",
        "kept_apart__first",
        "kept_apart__second",
    )


def _facts(request: TrainingRequest) -> RequestFacts:
    event, programme = request.context_event, request.programme
    return RequestFacts(
        request_id=request.pk,
        public_id=request.public_id,
        reference=request.reference_text,
        state=request.state,
        reason_code=request.reason_code,
        version=request.version,
        content_version=request.content_version,
        requesting_organization_id=request.requesting_organization_id,
        requesting_organization=request.requesting_organization.code,
        co_requester_ids=frozenset(row.pk for row in request.co_requesters.all()),
        beneficiary_ids=frozenset(row.pk for row in request.beneficiaries.all()),
        excluded_organization_ids=frozenset(row.pk for row in request.excluded_organizations.all()),
        kept_apart=frozenset(pair.codes for pair in request.kept_apart.all()),
        lead_required=request.lead_required,
        funder_id=request.funder_id,
        title=dict(request.title),
        need_statement=dict(request.need_statement),
        language=request.language,
        languages_must=tuple(request.languages_must),
        languages_may=tuple(request.languages_may),
        forms=tuple(request.forms),
        modalities=tuple(request.modalities),
        window=request.period,
        place_preference=request.place_preference,
        place_country=request.place_country,
        place_city=request.place_city,
        budget=request.budget,
        funding_state=request.funding_state,
        award=request.award,
        context_event=event.code if event else "",
        context_event_on=event.start_on if event else None,
        programme=programme.code if programme else "",
        priority_facts=tuple(request.priority_facts),
        visibility=request.visibility,
        submitted_at=request.submitted_at,
        opened_at=request.opened_at,
        lines=tuple(line_facts(line) for line in sorted(request.lines.all(), key=lambda line: line.number)),
    )


def line_facts(line: RequestLine) -> LineFacts:
    """Read one line."""
    return LineFacts(
        line_id=line.pk,
        public_id=line.public_id,
        number=line.number,
        state=line.state,
        theme=line.theme,
        audience=line.audience,
        country=line.country,
        region=line.region,
        language=line.language,
        participants_min=line.participants_min,
        participants_max=line.participants_max,
        claimed=line.claimed,
        divisible=line.divisible,
        level=line.level,
        governance_level=line.governance_level,
    )
