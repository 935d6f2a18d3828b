"""Reading the feed."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet

from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.events.patterns import Choice

MOST = 1_000  # events in one answer
ALL = Choice()


def visible_events(
    *, organization_ids: Collection[int], is_secretariat: bool, is_group_member: bool
) -> QuerySet[OutboxEvent]:
    """Give the published events that a reader with these rights may see, in the order of publication."""
    published = OutboxEvent.objects.filter(sequence__isnull=False).order_by("sequence")
    published = published.exclude(audience=Audience.PRIVATE)
    if is_secretariat:
        return published
    audiences = [Audience.PUBLIC, Audience.GROUP] if is_group_member else [Audience.PUBLIC]
    visible = Q(audience__in=audiences)
    if organization_ids:
        addressed = EventAudience.objects.filter(event=OuterRef("pk"), organization_id__in=organization_ids)
        visible |= Q(Exists(addressed))
    return published.filter(visible)


def feed(
    *,
    after: int = 0,
    organization_ids: Collection[int] = (),
    is_secretariat: bool = False,
    is_group_member: bool = False,
    choice: Choice = ALL,
    limit: int = 200,
) -> list[OutboxEvent]:
    """Give the next events after the sequence ``after``: strictly rising, never back-filled, at most 1,000.

    A reader sees gaps where events are not for it; the next cursor is the last ``sequence`` it was given.
    """
    events = visible_events(
        organization_ids=organization_ids, is_secretariat=is_secretariat, is_group_member=is_group_member
    ).filter(choice.condition(), sequence__gt=after)
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
