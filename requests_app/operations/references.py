"""References of requests: place, year and a counter over the whole group; never reused, without gaps."""

from collections.abc import Iterable

from django.conf import settings

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.references import RequestReference, parse_request_reference
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import ReferenceCounter, TrainingRequest


def next_reference(places: Iterable[str], *, year: int) -> str:
    """Draw the next reference of ``year``; ``places`` are the countries and areas of the lines.

    The counter's row is locked to the end of the transaction: a submission that fails gives its number back.
    """
    counter = _lock_counter(year)
    counter.last += 1
    counter.save(update_fields=["last"])
    return str(RequestReference(settings.GROUP_CODE, common_place(places), year, counter.last))


def test_reference(request_id: int, places: Iterable[str], *, year: int) -> str:
    """Make the reference of test data: in the form of the others, with a group that is none, and no number of theirs."""
    return str(RequestReference(f"TEST{settings.GROUP_CODE}"[:10], common_place(places), year, request_id))


def reserve_reference(text: str) -> str:
    """Take over a reference that was given elsewhere; the counter of its year never falls behind it.

    Raises DomainError(unknown_reference) for another form and DomainError(duplicate) for a number already given.
    """
    reference = parse_request_reference(text)
    if reference is None:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE)
    counter = _lock_counter(reference.year)
    ending = f"-{reference.year:04d}-{reference.number:04d}"
    if TrainingRequest.objects.filter(reference__endswith=ending).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="reference")
    if counter.last < reference.number:
        counter.last = reference.number
        counter.save(update_fields=["last"])
    return str(reference)


def _lock_counter(year: int) -> ReferenceCounter:
    ReferenceCounter.objects.get_or_create(year=year)
    return ReferenceCounter.objects.select_for_update().get(year=year)


def common_place(places: Iterable[str]) -> str:
    """Find the one country of all lines, else the smallest M49 area that holds them all, else the world."""
    known = vocabularies.places()
    wanted = list(dict.fromkeys(places))
    if not wanted:
        return vocabularies.WORLD
    first = wanted[0]
    around = known.regions_of(first) if first in known.countries else known.areas_around(first)
    for candidate in (first, *around):
        if all(known.contains(candidate, place) for place in wanted):
            return candidate
    return vocabularies.WORLD
