"""Writing the audit trail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from marketplace.audit.canonical import seal
from marketplace.audit.models import ActorKind, AuditRecord, ErasableValues
from marketplace.kernel.ids import new_public_id
from marketplace.work.context import current_origin

BATCH = 500  # rows in one statement
LABEL_LENGTH = 200  # a longer name is cut: the id says who it was


@dataclass(frozen=True, slots=True)
class Act:
    """What `record` is told of one act; see there."""

    at: datetime
    actor_kind: str
    resource: str
    resource_id: UUID
    action: str
    actor_id: UUID | str | None = None
    actor_label: str = ""
    acting_for: str = ""
    organization_code: str = ""
    reference: str = ""
    from_state: str = ""
    to_state: str = ""
    reason_code: str = ""
    reason_text: str = ""
    changes: dict[str, Any] | None = None
    public_id: UUID | None = None


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
    act = Act(
        at=at,
        actor_kind=actor_kind,
        actor_id=actor_id,
        actor_label=actor_label,
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
        changes=changes,
        public_id=public_id,
    )
    return record_one(act)


def record_one(act: Act) -> AuditRecord:
    """Append the record of an act, as `record` does."""
    row, kept = _row(act)
    with transaction.atomic(savepoint=False):
        row.save(force_insert=True)
        if kept:
            ErasableValues.objects.create(record=row, sealed=kept)
    return row


def record_many(acts: Sequence[Act]) -> None:
    """Append several records in the caller's transaction, in their order and in a few statements; each as `record` does it."""
    rows = [_row(act) for act in acts]
    with transaction.atomic(savepoint=False):
        AuditRecord.objects.bulk_create([row for row, _ in rows], batch_size=BATCH)
        ErasableValues.objects.bulk_create(
            [ErasableValues(record=row, sealed=kept) for row, kept in rows if kept], batch_size=BATCH
        )


def _row(act: Act) -> tuple[AuditRecord, dict[str, dict[str, str]]]:
    """Make the row of an act with its seals, and what is kept of its erasable values beside it."""
    origin = current_origin()
    values = {
        "actor_label": act.actor_label[:LABEL_LENGTH],
        "acting_for": act.acting_for,
        "reason_text": act.reason_text,
        "changes": act.changes,
        "client_address": origin.client_address,
    }
    sealed = {name: seal(name, value) for name, value in values.items() if value}
    row = AuditRecord(
        public_id=act.public_id or new_public_id(),
        at=act.at,
        actor_kind=ActorKind(act.actor_kind),
        actor_id="" if act.actor_id is None else str(act.actor_id),
        organization_code=act.organization_code,
        resource=act.resource,
        resource_id=act.resource_id,
        reference=act.reference,
        action=act.action,
        from_state=act.from_state,
        to_state=act.to_state,
        reason_code=act.reason_code,
        request_id=origin.request_id,
        seals={name: digest for name, (digest, _) in sealed.items()},
    )
    return row, {name: kept for name, (_, kept) in sealed.items()}
