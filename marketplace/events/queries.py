"""Reading the feed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.events.patterns import Choice

MOST = 1_000  # events in one answer
ALL = Choice()
NOTHING = Q(pk__in=[])


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a reader sees: all that is not private, or what is addressed to some organizations and to the group, in some
    programmes (codes) where a membership is limited to these.

    ``countries`` (codes) limit what these organizations themselves asked for, and not what others asked of them.
    """

    organization_ids: frozenset[int] = frozenset()
    in_group: bool = False
    everything: bool = False
    programmes: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()

    @property
    def limits(self) -> tuple[frozenset[str], frozenset[str], frozenset[int]]:
        """Programmes, countries, and for whose things these count."""
        return self.programmes, self.countries, self.organization_ids if self.countries else frozenset()


def visible_events(reaches: Sequence[Reach]) -> QuerySet[OutboxEvent]:
    """Give the published events that are public or within one of ``reaches``, in the order of publication."""
    published = OutboxEvent.objects.filter(sequence__isnull=False).order_by("sequence")
    published = published.exclude(audience=Audience.PRIVATE)
    if any(reach.everything for reach in reaches):
        return published
    alike = defaultdict(list)
    for reach in reaches:
        alike[reach.limits].append(reach)
    visible = Q(audience=Audience.PUBLIC)
    for (programmes, countries, own), some in alike.items():
        visible |= _within(some) & _in_programmes(programmes) & _in_countries(countries, own)
    return published.filter(visible)


def _within(reaches: Sequence[Reach]) -> Q:
    """Say what readers see who reach so far in all programmes and countries."""
    found = Q(audience=Audience.GROUP) if any(reach.in_group for reach in reaches) else NOTHING
    ids = frozenset[int]().union(*(reach.organization_ids for reach in reaches))
    if ids:
        found |= Q(Exists(EventAudience.objects.filter(event=OuterRef("pk"), organization_id__in=ids)))
    return found


def _in_programmes(programmes: frozenset[str]) -> Q:
    """Say what is told of things in these programmes, everything if there are none."""
    return Q(programme__isnull=True) | Q(programme__in=sorted(programmes)) if programmes else Q()


def _in_countries(countries: frozenset[str], own: frozenset[int]) -> Q:
    """Say what is told of things in these countries and of those that others than ``own`` asked for, everything if there are none.

    Where nobody says whose a thing is, as in events from before this was written down, it may be their own.
    """
    if not countries:
        return Q()
    found = Q(countries__isnull=True) | Q(organization__isnull=False) & ~Q(organization__in=sorted(own))
    for code in sorted(countries):
        found |= Q(countries__contains=f" {code} ")
    return found


def feed(*, after: int = 0, reaches: Sequence[Reach] = (), choice: Choice = ALL, limit: int = 200) -> list[OutboxEvent]:
    """Give the next events after the sequence ``after``: strictly rising, never back-filled, at most 1,000.

    A reader sees gaps where events are not for it; the next cursor is the last ``sequence`` it was given.
    """
    events = visible_events(reaches).filter(choice.condition(), sequence__gt=after)
    return list(events[: min(limit, MOST)])


def has_lost(after: int, *, kept_since: datetime) -> bool:
    """Tell whether an event that came after the sequence ``after`` is no longer kept: a reader there has missed it.

    0 is no place in the feed but its beginning, wherever that is.
    """
    following = OutboxEvent.objects.filter(sequence__gt=after).order_by("sequence")
    published = following.values_list("published_at", flat=True).first() if after else None
    return published is not None and published < kept_since


def beginning(*, kept_since: datetime) -> int:
    """Give the sequence after which the kept part of the feed begins: 0 while nothing has left it.

    Numbers have no gap and rise with the moment of publication, so that the place is found by halving.
    """
    low, high = 0, head()
    if not high or _is_kept(1, kept_since):
        return 0
    while low < high:
        middle = (low + high + 1) // 2
        if _is_kept(middle, kept_since):
            high = middle - 1
        else:
            low = middle
    return low


def _is_kept(sequence: int, kept_since: datetime) -> bool:
    return OutboxEvent.objects.filter(sequence=sequence, published_at__gte=kept_since).exists()


def published_between(after: int, upto: int) -> QuerySet[OutboxEvent]:
    """Give the published events after one sequence up to another one, in their order."""
    return OutboxEvent.objects.filter(sequence__gt=after, sequence__lte=upto).order_by("sequence")


def head() -> int:
    """Give the highest published sequence; 0 before the first event."""
    return OutboxEvent.objects.aggregate(head=Max("sequence"))["head"] or 0


def outbox_age_seconds(at: datetime) -> float:
    """Compute how long the oldest unpublished event has waited at ``at``; 0.0 where none waits."""
    oldest = OutboxEvent.objects.filter(sequence__isnull=True).aggregate(oldest=Min("at"))["oldest"]
    return max(0.0, (at - oldest).total_seconds()) if oldest else 0.0


def told_by_thing() -> Iterator[tuple[str, UUID, int]]:
    """Give how many events there are of each thing: resource, public id, number; in the order of resource and id."""
    rows = OutboxEvent.objects.order_by("resource", "resource_id").values_list("resource", "resource_id")
    yield from rows.annotate(number=Count("id")).iterator()
