"""Writing the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.audit.models import ActorKind, AuditRecord
from marketplace.work.context import current_origin

LABEL_LENGTH = 200  # a longer name is cut: the id says who it was


def record(
    *,
    at: datetime,
    actor_kind: str,
    actor_id: UUID | str | None = None,
    actor_label: str = "",
    acting_for: str = "",
    organization_code: str = "",
    resource: str,
    resource_id: UUID,
    reference: str = "",
    action: str,
    from_state: str = "",
    to_state: str = "",
    reason_code: str = "",
    reason_text: str = "",
    changes: dict[str, Any] | None = None,
) -> AuditRecord:
    """Append one record in the caller's transaction, with the request id and address of the current origin.

    ``changes`` is ``{"field": [before, after]}``. Raises ValueError for an unknown kind of actor.
    """
    origin = current_origin()
    return AuditRecord.objects.create(
        at=at,
        actor_kind=ActorKind(actor_kind),
        actor_id="" if actor_id is None else str(actor_id),
        actor_label=actor_label[:LABEL_LENGTH],
        acting_for=acting_for,
        organization_code=organization_code,
        resource=resource,
        resource_id=resource_id,
        reference=reference,
        action=action,
        from_state=from_state,
        to_state=to_state,
        reason_code=reason_code,
        reason_text=reason_text,
        changes=changes or {},
        request_id=origin.request_id,
        client_address=origin.client_address,
    )
