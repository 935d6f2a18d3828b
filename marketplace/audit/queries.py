"""Reading the audit trail; for people, never to decide."""

from collections.abc import Collection, Iterator
from uuid import UUID

from django.db.models import Count, QuerySet

from marketplace.audit.models import AuditRecord


def records() -> QuerySet[AuditRecord]:
    """Give all records, newest first."""
    return AuditRecord.objects.order_by("-id")


def trail(resource: str, resource_id: UUID) -> QuerySet[AuditRecord]:
    """Give the records of one thing, oldest first."""
    return AuditRecord.objects.filter(resource=resource, resource_id=resource_id).order_by("id")


def trail_of(things: Collection[tuple[str, UUID]]) -> QuerySet[AuditRecord]:
    """Give the records of several things (a request with its lines and proposals), oldest first."""
    ids = [resource_id for _, resource_id in things]
    resources = {resource for resource, _ in things}
    return AuditRecord.objects.filter(resource__in=resources, resource_id__in=ids).order_by("id")


def recorded_by_thing() -> Iterator[tuple[str, UUID, int]]:
    """Give how many records there are of each thing: resource, public id, number; in the order of resource and id."""
    rows = AuditRecord.objects.order_by("resource", "resource_id").values_list("resource", "resource_id")
    yield from rows.annotate(number=Count("id")).iterator()
