"""Writing the audit trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from marketplace.audit.canonical import seal
from marketplace.audit.models import ActorKind, AuditRecord, ErasableValues
from marketplace.kernel.ids import new_public_id
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
    public_id: UUID | None = None,
) -> AuditRecord:
    """Append one record in the caller's transaction, with the request id and address of the current origin.

    ``changes`` is ``{"field": [before, after]}``. What may have to be erased one day is kept beside the record, which
    holds the seals of it. ``public_id`` is for an act that other rows name already. Raises ValueError for an unknown kind
    of actor.
    """
    kind, origin = ActorKind(actor_kind), current_origin()
    values = {
        "actor_label": actor_label[:LABEL_LENGTH],
        "acting_for": acting_for,
        "reason_text": reason_text,
        "changes": changes,
        "client_address": origin.client_address,
    }
    sealed = {name: seal(name, value) for name, value in values.items() if value}
    with transaction.atomic(savepoint=False):
        row = AuditRecord.objects.create(
            public_id=public_id or new_public_id(),
            at=at,
            actor_kind=kind,
            actor_id="" if actor_id is None else str(actor_id),
            organization_code=organization_code,
            resource=resource,
            resource_id=resource_id,
            reference=reference,
            action=action,
            from_state=from_state,
            to_state=to_state,
            reason_code=reason_code,
            request_id=origin.request_id,
            seals={name: digest for name, (digest, _) in sealed.items()},
        )
        if sealed:
            ErasableValues.objects.create(record=row, sealed={name: kept for name, (_, kept) in sealed.items()})
    return row
