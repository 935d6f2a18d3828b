"""Thousands of made-up offerings at once, for trials of speed: rows without audit or events, never for real data."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from django.db import transaction

from providers.models import Offering, OfferingFacet, Session
from providers.operations import offerings, sessions
from providers.operations.facts import Facts, put, with_period
from providers.operations.indexing import index_offerings

BATCH = 500


@dataclass(frozen=True, slots=True)
class SyntheticOffering:
    """An offering that stands in the catalogue, with its open sessions; facts as `create_offering` and `create_session` take them."""

    provider_id: int
    code: str
    facts: Facts
    vetted_on: date
    vetting_expires_on: date
    sessions: Sequence[Facts] = ()


def load_synthetic_offerings(*, at: datetime, offerings: Iterable[SyntheticOffering]) -> int:
    """Store published offerings with facets, sessions and search documents, in batches; returns how many.

    The database's constraints hold, the rules of the operations are the caller's to keep. ``programme``, ``series`` and
    ``partners`` are not taken.
    """
    waiting, count = iter(offerings), 0
    while some := list(islice(waiting, BATCH)):
        _store(some, at)
        count += len(some)
    return count


@transaction.atomic
def _store(some: Sequence[SyntheticOffering], at: datetime) -> None:
    rows = Offering.objects.bulk_create([_offering(one, at) for one in some])
    facets = ((row, facet, code) for row in rows for facet, code in sorted(offerings.facets_of(row)))
    OfferingFacet.objects.bulk_create(
        (OfferingFacet(offering=row, facet=facet, code=code) for row, facet, code in facets), batch_size=BATCH
    )
    Session.objects.bulk_create(_sessions(rows, some, at), batch_size=BATCH)
    index_offerings(Offering.objects.filter(pk__in=[row.pk for row in rows]))


def _offering(one: SyntheticOffering, at: datetime) -> Offering:
    row = Offering(
        provider_id=one.provider_id,
        state="published",
        code=one.code,
        vetting_panel="synthetic",
        vetting_verdict="accepted",
        vetted_on=one.vetted_on,
        vetting_expires_on=one.vetting_expires_on,
        first_published_on=one.vetted_on,
        created_at=at,
        updated_at=at,
    )
    put(row, one.facts, set(offerings.COLUMNS) - {"programme", "series"})
    return row


def _sessions(rows: Sequence[Offering], some: Sequence[SyntheticOffering], at: datetime) -> Iterator[Session]:
    for row, one in zip(rows, some, strict=True):
        for facts in one.sessions:
            session = Session(offering=row, state="open", created_at=at, updated_at=at)
            usual = {"modality": row.modality, "languages": list(row.languages)}
            put(session, {**usual, **with_period(facts)}, sessions.COLUMNS)
            yield session
