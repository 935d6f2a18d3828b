"""Reading the audit trail; for people, never to decide."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet

from marketplace.audit.canonical import START
from marketplace.audit.models import AuditRecord, ChainHead, PendingRecord, Verification


def records() -> QuerySet[AuditRecord]:
    """Give all records, newest first, each with its values and its place in the chain."""
    return AuditRecord.objects.select_related("erasable", "link").order_by("-id")


def trail(resource: str, resource_id: UUID) -> QuerySet[AuditRecord]:
    """Give the records of one thing, oldest first."""
    rows = AuditRecord.objects.filter(resource=resource, resource_id=resource_id)
    return rows.select_related("erasable").order_by("id")


def trail_of(things: Collection[tuple[str, UUID]]) -> QuerySet[AuditRecord]:
    """Give the records of several things (a request with its lines and proposals), oldest first."""
    ids = [resource_id for _, resource_id in things]
    resources = {resource for resource, _ in things}
    rows = AuditRecord.objects.filter(resource__in=resources, resource_id__in=ids)
    return rows.select_related("erasable").order_by("id")


def recorded_by_thing() -> Iterator[tuple[str, UUID, int]]:
    """Give how many records there are of each thing: resource, public id, number; in the order of resource and id."""
    rows = AuditRecord.objects.order_by("resource", "resource_id").values_list("resource", "resource_id")
    yield from rows.annotate(number=Count("id")).iterator()


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where the chain ends, what waits to be linked, and what walking along it found."""

    position: int
    digest: str
    linked_at: datetime | None
    waiting: int
    waiting_seconds: float
    verification: Verification | None  # the newest whose findings stand; where none stand, the last
    verified_at: datetime | None  # when the last one began, whatever it found


def chain_status(at: datetime) -> ChainStatus:
    """Read the state of the chain at ``at``; ``waiting_seconds`` is the age of the record that waits longest."""
    head = ChainHead.objects.first()
    last = Verification.objects.order_by("-at", "-pk").first()
    found = PendingRecord.objects.aggregate(count=Count("pk"), oldest=Min("since"))
    return ChainStatus(
        position=head.position if head else 0,
        digest=head.digest if head else START,
        linked_at=head.linked_at if head else None,
        waiting=found["count"],
        waiting_seconds=max(0.0, (at - found["oldest"]).total_seconds()) if found["oldest"] else 0.0,
        verification=standing_findings() or last,
        verified_at=last.at if last else None,
    )


def standing_findings() -> Verification | None:
    """Give the newest walk that found what no later one has taken back; None where all is well.

    A later walk takes back what it has looked at again: it begins at the same place or before and finds nothing. What was
    found by a digest that was kept of the chain is taken back only by a walk that compares with kept ones, too: without
    them a chain that was computed anew fits.
    """
    later = Q(at__gt=OuterRef("at")) | Q(at=OuterRef("at"), pk__gt=OuterRef("pk"))
    looked_again = Q(findings=0, first__lte=OuterRef("first"), compared__gte=OuterRef("compared"))
    found = Verification.objects.filter(~Exists(Verification.objects.filter(later, looked_again)), findings__gt=0)
    return found.order_by("-at", "-pk").first()


def walk_to_go_on_from(*, whole_since: datetime) -> Verification | None:
    """Give the walk up to whose end all was computed again without a finding, from the start of the chain and since then.

    That is a whole walk, or the last of those that followed it without leaving a place out. None where there is none, and
    where findings stand.
    """
    walks = Verification.objects.filter(findings=0, at__gt=whole_since).order_by("at", "pk")
    reached, end = None, 0
    for walk in walks if standing_findings() is None else ():
        if walk.first <= end + 1 and walk.last >= end:
            reached, end = walk, walk.last
    return reached
