"""Work of this app that comes round by itself; each job calls its operations and is safe to repeat."""

from datetime import datetime, timedelta

from django.conf import settings

from marketplace.webhooks.transport import fetch
from marketplace.work.registry import Payload, job, periodic
from providers import operations, queries
from providers.models import Harvest

FETCH_SECONDS, FETCH_BYTES = 30.0, 8 * 1024 * 1024  # of one catalogue
FETCH_HEADERS = {
    "Accept": "application/ld+json, application/json;q=0.9",
    "User-Agent": "GMG-Training-Marketplace/1 (harvest)",
}


@periodic("providers.lapse_holds", every=timedelta(minutes=1))
@job("providers.lapse_holds")
def lapse_holds(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """End reservations whose time has come."""
    operations.lapse_expired_holds(at=at)


@periodic("providers.lapse_standing", every=timedelta(hours=1))
@job("providers.lapse_standing")
def lapse_standing(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Ask the secretariat to look again where a verification or a vetting has ended."""
    operations.lapse_verifications(at=at)
    operations.lapse_vettings(at=at)


@periodic("providers.due_harvests", every=timedelta(minutes=15))
@job("providers.due_harvests")
def due_harvests(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Ask for the catalogues whose time has come."""
    for harvest in queries.harvests_due(at):
        operations.enqueue_harvest(harvest, at=at)


@periodic("providers.clear_test_data", every=timedelta(hours=1))
@job("providers.clear_test_data")
def clear_test_data(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Remove what systems in test mode have not touched for days."""
    operations.clear_test_offerings(before=at - timedelta(days=settings.TEST_DATA_DAYS))


def read_catalogue(payload: Payload, *, at: datetime, **_: object) -> operations.Reading | None:
    """Fetch and read a catalogue, outside of any transaction; None where it was switched off meanwhile."""
    harvest = Harvest.objects.filter(public_id=payload["harvest"], active=True).exclude(url="").first()
    if harvest is None:
        return None
    got = fetch(harvest.url, headers=FETCH_HEADERS, seconds=FETCH_SECONDS, most_bytes=FETCH_BYTES)
    if got.problem:
        return operations.Reading(problem=got.problem)
    return operations.read_document(got.content, language=harvest.language, base=harvest.url)


@job("providers.harvest", prepare=read_catalogue, lease_seconds=60, time_limit_seconds=300, at_most=2)
def harvest(payload: Payload, *, at: datetime, prepared: operations.Reading | None, **_: object) -> None:
    """Bring what was read into draft offerings."""
    found = Harvest.objects.filter(public_id=payload["harvest"]).values_list("pk", flat=True).first()
    if found is not None and prepared is not None:
        operations.take_in(harvest_id=found, reading=prepared, at=at)
