"""The whole published supply as plain facts, for matching: read in a constant number of queries."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast
from uuid import UUID

from django.db import connection
from django.db.models import Model, Q, QuerySet

from providers.lifecycle import BOOKABLE_SESSIONS
from providers.models import CapacityWindow, Offering, OfferingPartner, Provider, Session

TABLES = (Provider, Offering, Session, CapacityWindow)
OF_PROVIDER: dict[type[Model], str] = {
    Provider: "id = %s",
    Offering: "provider_id = %s",
    Session: f"offering_id IN (SELECT id FROM {Offering._meta.db_table} WHERE provider_id = %s)",  # noqa: S608  our own
    CapacityWindow: "provider_id = %s",
}


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """What others than the provider measured: evaluations, people who answered, mean 0..1000 (None without any)."""

    count: int
    answers: int
    mean: int | None


@dataclass(frozen=True, slots=True)
class CatalogueSession:
    """A session that can still be booked; seats as they are at this moment."""

    session_id: int
    public_id: UUID
    code: str
    state: str
    start_on: date
    end_on: date
    precision: str
    enrolment_deadline: date | None
    modality: str
    country: str
    city: str
    languages: tuple[str, ...]
    seats_total: int
    seats_min: int
    seats_held: int
    seats_confirmed: int

    @property
    def seats_free(self) -> int:
        """Seats that are neither held nor confirmed."""
        return self.seats_total - self.seats_held - self.seats_confirmed


@dataclass(frozen=True, slots=True)
class CatalogueWindow:
    """A capacity window that has not ended; the same window serves every offering of its provider."""

    window_id: int
    public_id: UUID
    code: str
    unit: str  # trainer_days | parallel_deliveries
    start_on: date
    end_on: date
    precision: str
    quantity: int
    held: int
    confirmed: int

    @property
    def free(self) -> int:
        """What is neither held nor confirmed, in the window's unit."""
        return self.quantity - self.held - self.confirmed


@dataclass(frozen=True, slots=True)
class CatalogueOffer:
    """An offering with its provider's standing, its sessions to come and its provider's capacity."""

    offering_id: int
    public_id: UUID
    code: str
    reference: str  # code, else public id
    state: str
    external_id: str
    provider_id: int
    provider_code: str
    provider_public_id: UUID
    provider_state: str
    provider_verification_expires_on: date | None
    provider_names: Mapping[str, str]
    provider_country: str
    organization_id: int
    organization_code: str
    partner_organization_ids: frozenset[int]
    partner_organization_codes: frozenset[str]
    programme_code: str
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    objectives: Mapping[str, tuple[str, ...]]
    themes: tuple[str, ...]
    form: str
    modality: str
    languages: tuple[str, ...]
    interpretation_possible: bool
    audiences: tuple[str, ...]
    level: str
    governance_levels: tuple[str, ...]
    scope: str  # global | listed
    countries_served: tuple[str, ...]
    regions_served: tuple[str, ...]
    places: tuple[tuple[str, str], ...]  # (country, city); either may be empty
    in_country_on_request: bool
    on_request: bool
    duration_hours: int | None
    participants_min: int | None
    participants_max: int | None
    cost_per_delivery: Decimal | None
    cost_per_participant: Decimal | None
    currency: str
    lead_time_days: int
    customisable: bool
    accepts_lead: bool
    award: str
    is_umbrella: bool
    vetting_verdict: str
    vetting_expires_on: date | None
    outcomes: OutcomeFacts  # of the offering
    provider_outcomes: OutcomeFacts
    sessions: tuple[CatalogueSession, ...]
    windows: tuple[CatalogueWindow, ...]


def catalogue_version(*, provider_id: int | None = None) -> str:
    """Give a token that changes with every change of a provider, an offering, a session, a window or a hold; of one, if given.

    One query, no lock: versions only grow, so their sum does with every insert and change; the number of rows and the
    highest key tell of what was taken away. Read it before the catalogue: what slips in between is then read again.
    """
    parts = " UNION ALL ".join(
        f"SELECT {place}, COUNT(*), COALESCE(SUM(version), 0), COALESCE(MAX(id), 0) FROM {model._meta.db_table}"  # noqa: S608  our own table names
        + ("" if provider_id is None else f" WHERE {OF_PROVIDER[model]}")
        for place, model in enumerate(TABLES)
    )
    with connection.cursor() as cursor:
        cursor.execute(parts, None if provider_id is None else [provider_id] * len(TABLES))
        rows = sorted(cursor.fetchall())
    return "-".join(f"{count}.{versions}.{highest}" for _place, count, versions, highest in rows)


Mark = tuple[object, ...]  # changes with all that the facts of a row hang on
Facts = TypeVar("Facts")


@dataclass(slots=True)
class KeptCatalogue:
    """What a process has read of the catalogue: facts by key, each with the mark of the row they were read from."""

    offerings: dict[int, tuple[Mark, CatalogueOffer]] = field(default_factory=dict)
    sessions: dict[int, tuple[Mark, CatalogueSession]] = field(default_factory=dict)
    windows: dict[int, tuple[Mark, CatalogueWindow]] = field(default_factory=dict)


def catalogue_for_matching(
    *, at: datetime, kept: KeptCatalogue | None = None, provider_id: int | None = None
) -> list[CatalogueOffer]:
    """Give every published offering (of one provider, if given) with what can still be booked at ``at``, ordered by key.

    Offerings of providers that are out of standing, or whose vetting has ended, are there with these facts: to say why
    they do not fit is the engine's part. At most seven queries whatever the size; of what was ``kept`` from an earlier
    reading only what changed is read again, and what did not change at all is given as the same object.
    """
    known = KeptCatalogue() if kept is None else kept
    published, windows_of = Q(state="published"), Q()
    if provider_id is not None:
        published, windows_of = published & Q(provider_id=provider_id), Q(provider_id=provider_id)
    wanted = Offering.objects.filter(published)
    day, partners = at.date(), _partners(wanted if provider_id is not None else None)
    offerings = _up_to_date(
        known.offerings,
        wanted.order_by("pk"),
        MARK_OF_OFFERING,
        lambda rows: ((row["id"], _offer(row, partners[row["id"]])) for row in rows.values(*OFFER_COLUMNS)),
        partners,
    )
    sessions = _by_owner(
        known.sessions,
        _sessions_of(wanted if provider_id is not None else None).filter(state__in=BOOKABLE_SESSIONS, end_on__gte=day),
        "offering_id",
        _sessions,
    )
    windows = _by_owner(
        known.windows, CapacityWindow.objects.filter(windows_of, end_on__gte=day), "provider_id", _windows
    )
    dated = [_dated(row, tuple(sessions[pk]), tuple(windows[row.provider_id])) for pk, row in offerings.items()]
    for row in dated:
        known.offerings[row.offering_id] = (known.offerings[row.offering_id][0], row)
    return dated


def _up_to_date(
    kept: dict[int, tuple[Mark, Facts]],
    wanted: QuerySet[Any],
    mark: tuple[str, ...],
    read: Callable[[QuerySet[Any]], Iterable[tuple[int, Facts]]],
    beside: Mapping[int, Iterable[object]] | None = None,
) -> dict[int, Facts]:
    """Give the facts of the wanted rows, in their order; read what changed, forget what is wanted no longer."""
    marks: dict[int, Mark] = {
        row[0]: (*row, *(beside.get(row[0], ()) if beside else ())) for row in wanted.values_list("pk", *mark)
    }
    changed = [pk for pk, seen in marks.items() if pk not in kept or kept[pk][0] != seen]
    if changed:
        for pk, facts in read(wanted.filter(pk__in=changed) if len(changed) <= FEW else wanted):
            # A row that came between the two queries has no mark yet: it is read the next time.
            if pk in marks:
                kept[pk] = (marks[pk], facts)
    for pk in kept.keys() - marks.keys():
        del kept[pk]
    return {pk: kept[pk][1] for pk in marks if pk in kept}


def _by_owner(
    kept: dict[int, tuple[Mark, Facts]],
    wanted: QuerySet[Any],
    owner: str,
    read: Callable[[QuerySet[Any]], Iterable[tuple[int, Facts]]],
) -> dict[int, list[Facts]]:
    """Give the facts of dated rows by the key of whom they belong to, the earliest first."""
    found: dict[int, list[Facts]] = defaultdict(list)
    facts = _up_to_date(kept, wanted.order_by("start_on", "pk"), ("version", owner), read)
    for pk, row in facts.items():
        found[cast("int", kept[pk][0][2])].append(row)
    return found


def _dated(
    row: CatalogueOffer, sessions: tuple[CatalogueSession, ...], windows: tuple[CatalogueWindow, ...]
) -> CatalogueOffer:
    if row.sessions == sessions and row.windows == windows:
        return row
    return replace(row, sessions=sessions, windows=windows)


# Columns that have the same name in the facts.
OWN_COLUMNS = (
    "public_id",
    "code",
    "state",
    "external_id",
    "provider_id",
    "titles",
    "summaries",
    "form",
    "modality",
    "interpretation_possible",
    "level",
    "scope",
    "in_country_on_request",
    "on_request",
    "duration_hours",
    "participants_min",
    "participants_max",
    "cost_per_delivery",
    "cost_per_participant",
    "currency",
    "lead_time_days",
    "customisable",
    "accepts_lead",
    "award",
    "is_umbrella",
    "vetting_verdict",
    "vetting_expires_on",
)
CODE_LISTS = ("themes", "languages", "audiences", "governance_levels", "countries_served", "regions_served")
OUTCOMES = ("outcome_count", "outcome_answers", "outcome_mean")
JOINED = {
    "provider_code": "provider__code",
    "provider_public_id": "provider__public_id",
    "provider_state": "provider__state",
    "provider_verification_expires_on": "provider__verification_expires_on",
    "provider_names": "provider__names",
    "provider_country": "provider__organization__country",
    "organization_id": "provider__organization_id",
    "organization_code": "provider__organization__code",
}
OFFER_COLUMNS = (
    "id",
    *OWN_COLUMNS,
    *CODE_LISTS,
    *OUTCOMES,
    *(f"provider__{column}" for column in OUTCOMES),
    *JOINED.values(),
    "programme__code",
    "objectives",
    "places",
)
# What is read of every offering each time, to see whether the rest has to be.
MARK_OF_OFFERING = (
    "version",
    "provider__version",
    "provider__organization__code",
    "provider__organization__country",
    "programme__code",
)
FEW = 500  # rows read by their keys; beyond it all are read
# In the order of the facts.
SESSION_COLUMNS = (
    "pk",
    "public_id",
    "code",
    "state",
    "start_on",
    "end_on",
    "precision",
    "enrolment_deadline",
    "modality",
    "country",
    "city",
    "languages",
    "seats_total",
    "seats_min",
    "seats_held",
    "seats_confirmed",
)
WINDOW_COLUMNS = ("pk", "public_id", "code", "unit", "start_on", "end_on", "precision", "quantity", "held", "confirmed")


def _offer(row: Mapping[str, Any], partners: Iterable[tuple[int, str]]) -> CatalogueOffer:
    """Give the facts of an offering, without its dates."""
    behind = tuple(partners)
    facts: dict[str, Any] = {column: row[column] for column in OWN_COLUMNS}
    facts |= {column: tuple(row[column]) for column in CODE_LISTS}
    facts |= {name: row[column] for name, column in JOINED.items()}
    return CatalogueOffer(
        offering_id=row["id"],
        reference=row["code"] or str(row["public_id"]),
        programme_code=row["programme__code"] or "",
        partner_organization_ids=frozenset(pk for pk, _ in behind),
        partner_organization_codes=frozenset(code for _, code in behind),
        objectives={language: tuple(texts) for language, texts in row["objectives"].items()},
        places=tuple((place.get("country") or "", place.get("city") or "") for place in row["places"]),
        outcomes=OutcomeFacts(*(row[column] for column in OUTCOMES)),
        provider_outcomes=OutcomeFacts(*(row[f"provider__{column}"] for column in OUTCOMES)),
        sessions=(),
        windows=(),
        **facts,
    )


def _sessions(rows: QuerySet[Any]) -> Iterator[tuple[int, CatalogueSession]]:
    spoken = SESSION_COLUMNS.index("languages")
    for row in rows.values_list(*SESSION_COLUMNS):
        facts = list(row)
        facts[spoken] = tuple(facts[spoken])
        yield row[0], CatalogueSession(*facts)


def _windows(rows: QuerySet[Any]) -> Iterator[tuple[int, CatalogueWindow]]:
    for row in rows.values_list(*WINDOW_COLUMNS):
        yield row[0], CatalogueWindow(*row)


def _sessions_of(offerings: QuerySet[Offering] | None) -> QuerySet[Session]:
    """Give the sessions of some offerings; None: of all that are published."""
    if offerings is None:
        return Session.objects.filter(offering__state="published")
    return Session.objects.filter(offering__in=offerings.order_by())


def _partners(offerings: QuerySet[Offering] | None) -> dict[int, list[tuple[int, str]]]:
    """Give who stands behind some offerings; None: behind all that are published."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    rows = OfferingPartner.objects.filter(offering__state="published")
    if offerings is not None:
        rows = rows.filter(offering__in=offerings.order_by())
    ordered = rows.values_list("offering_id", "organization_id", "organization__code").order_by("offering_id", "pk")
    for offering_id, organization_id, code in ordered:
        found[offering_id].append((organization_id, code))
    return found
