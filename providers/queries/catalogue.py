"""The whole published supply as plain facts, for matching: read in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Coalesce

from providers.lifecycle import BOOKABLE_SESSIONS
from providers.models import CapacityWindow, Offering, OfferingPartner, Provider, Session
from providers.queries.facts import CatalogueOffer, CatalogueSession, CatalogueWindow, OutcomeFacts
from providers.queries.keeping import ALL, Blocks, KeptRows, Stale, bring_up_to_date, stale, sums

TABLES = (Provider, Offering, Session, CapacityWindow)
OF_PROVIDER: dict[type[Model], str] = {
    Provider: "id = %s",
    Offering: "provider_id = %s",
    Session: f"offering_id IN (SELECT id FROM {Offering._meta.db_table} WHERE provider_id = %s)",  # noqa: S608  our own
    CapacityWindow: "provider_id = %s",
}


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


Dated = TypeVar("Dated", CatalogueSession, CatalogueWindow)


@dataclass(slots=True)
class KeptCatalogue:
    """What a process has read of the catalogue: rows of its tables, and what was made of them as seen on one day."""

    day: date | None = None
    offerings: KeptRows[CatalogueOffer] = field(default_factory=KeptRows)  # a provider's
    sessions: KeptRows[CatalogueSession] = field(default_factory=KeptRows)  # an offering's
    windows: KeptRows[CatalogueWindow] = field(default_factory=KeptRows)  # a provider's
    partners: Blocks = field(default_factory=dict)
    dated: dict[int, CatalogueOffer] = field(default_factory=dict)

    def forget(self) -> None:
        """Begin anew at the next reading."""
        self.day, self.partners, self.dated = None, {}, {}
        self.offerings, self.sessions, self.windows = KeptRows(), KeptRows(), KeptRows()

    def look(self, day: date) -> tuple[Stale, Stale, Stale]:
        """Tell which offerings, sessions and windows have to be looked at, and remember how they are now; four queries."""
        offerings = sums(
            Offering.objects.alias(programme_version=Coalesce("programme__version", 0)),
            "version",
            "provider__version",
            "provider__organization__version",
            "programme_version",
        )
        sessions = sums(Session.objects.all(), "version", "offering__version")
        windows = sums(CapacityWindow.objects.all(), "version")
        partners = sums(OfferingPartner.objects.all(), "organization__version", key="offering_id")
        if self.day != day:  # what is over on one day was not on another
            self.day = day
            found = (ALL, ALL, ALL)
        else:
            behind = stale(self.partners, partners)
            found = (
                stale(self.offerings.blocks, offerings) | behind,
                stale(self.sessions.blocks, sessions),
                stale(self.windows.blocks, windows),
            )
        self.offerings.blocks, self.sessions.blocks, self.windows.blocks = offerings, sessions, windows
        self.partners = partners
        return found


def catalogue_for_matching(
    *, at: datetime, kept: KeptCatalogue | None = None, provider_id: int | None = None
) -> list[CatalogueOffer]:
    """Give every published offering (of one provider, if given) with what can still be booked at ``at``, ordered by key.

    Offerings of providers that are out of standing, or whose vetting has ended, are there with these facts: to say why
    they do not fit is the engine's part. At most seven queries whatever the size, and four more to compare with what was
    ``kept`` from an earlier reading: only what changed is read again, and what did not change is given as the same object.
    """
    if kept is None:
        return _read(KeptCatalogue(), (ALL, ALL, ALL), at.date(), provider_id)
    try:
        return _read(kept, kept.look(at.date()), at.date(), provider_id)
    except BaseException:  # half of it is read, and nothing would tell which
        kept.forget()
        raise


def _read(
    known: KeptCatalogue, looked_at: tuple[Stale, Stale, Stale], day: date, provider_id: int | None
) -> list[CatalogueOffer]:
    offerings, sessions, windows = looked_at
    published, windows_of = Q(state="published"), Q()
    if provider_id is not None:
        published, windows_of = published & Q(provider_id=provider_id), Q(provider_id=provider_id)
    wanted = Offering.objects.filter(published)
    of_one = wanted if provider_id is not None else None
    partners = _partners(of_one, offerings)
    before = set(known.offerings.facts)
    providers = bring_up_to_date(
        known.offerings,
        offerings,
        wanted.order_by("pk"),
        MARK_OF_OFFERING,
        lambda rows: ((row["id"], _offer(row, partners[row["id"]])) for row in rows.values(*OFFER_COLUMNS)),
        partners,
    )
    bookable = _sessions_of(of_one).filter(state__in=BOOKABLE_SESSIONS, end_on__gte=day)
    touched = bring_up_to_date(known.sessions, sessions, bookable, ("offering_id", "version"), _sessions)
    to_come = CapacityWindow.objects.filter(windows_of, end_on__gte=day)
    providers |= bring_up_to_date(known.windows, windows, to_come, ("provider_id", "version"), _windows)
    touched.update(pk for owner in providers for pk, _ in known.offerings.of_owner(owner))
    return _put_together(known, touched, gone=before - known.offerings.facts.keys())


def _put_together(known: KeptCatalogue, touched: Iterable[int], gone: Iterable[int]) -> list[CatalogueOffer]:
    """Put the dates to the offerings that were touched; an offering that stays as it was stays the same object."""
    for key in gone:
        del known.dated[key]
    for key in touched:
        if key in known.offerings.facts:
            made, before = _with_dates(known, key), known.dated.get(key)
            known.dated[key] = before if before is not None and before == made else made
    return [known.dated[key] for key in sorted(known.dated)]


def _with_dates(known: KeptCatalogue, key: int) -> CatalogueOffer:
    row = known.offerings.facts[key][1]
    return replace(
        row,
        sessions=_earliest_first(known.sessions.of_owner(key)),
        windows=_earliest_first(known.windows.of_owner(row.provider_id)),
    )


def _earliest_first(rows: Iterable[tuple[int, Dated]]) -> tuple[Dated, ...]:
    return tuple(row for _, row in sorted(rows, key=lambda entry: (entry[1].start_on, entry[0])))


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
# What is read of an offering to see whether the rest has to be.
MARK_OF_OFFERING = (
    "provider_id",
    "version",
    "provider__version",
    "provider__organization__code",
    "provider__organization__country",
    "programme__code",
)
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


def _partners(offerings: QuerySet[Offering] | None, looked_at: Stale) -> dict[int, list[tuple[int, str]]]:
    """Give who stands behind the offerings that are looked at, of some offerings or (None) of all that are published."""
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    if looked_at.nothing:
        return found
    rows = OfferingPartner.objects.filter(looked_at.within("offering_id"), offering__state="published")
    if offerings is not None:
        rows = rows.filter(offering__in=offerings.order_by())
    ordered = rows.values_list("offering_id", "organization_id", "organization__code").order_by("offering_id", "pk")
    for offering_id, organization_id, code in ordered:
        found[offering_id].append((organization_id, code))
    return found
