"""Writing to the outbox."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.work import doorbell
from marketplace.work.context import current_origin

LABEL_LENGTH = 200


def emit(
    *,
    type: str,  # noqa: A002  the event's own word for it
    resource: str,
    resource_id: UUID,
    reference: str = "",
    version: int,
    audience: str,
    organization_ids: Iterable[int] = (),
    organization_id: int | None = None,
    data: dict[str, Any] | None = None,
    at: datetime,
    actor: str = "",
) -> OutboxEvent:
    """Record in the caller's transaction that something became true; it is published after the commit.

    ``organization_ids`` are addressed whatever the audience; ``organization_id`` is whose thing it is, and grants
    nothing by itself. Raises ValueError for an unknown audience.
    """
    event = OutboxEvent.objects.create(
        type=type,
        resource=resource,
        resource_id=resource_id,
        resource_reference=reference,
        version=version,
        organization_id=organization_id,
        audience=Audience(audience),
        data=data or {},
        actor=actor[:LABEL_LENGTH],
        request_id=current_origin().request_id,
        at=at,
    )
    addressed = [EventAudience(event=event, organization_id=pk) for pk in sorted(set(organization_ids))]
    if addressed:
        EventAudience.objects.bulk_create(addressed)
    doorbell.ring()
    return event
