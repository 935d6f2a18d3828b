"""The pair that every change leaves behind in its own transaction: one audit record, one outbox event (domain rule 3)."""

from collections.abc import Mapping
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.audit import operations as audit
from marketplace.events import operations as events
from marketplace.records.models import Record


def note(
    record: Record,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    event: str | None = None,
    changes: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
    from_state: str = "",
    to_state: str = "",
    reason_code: str = "",
    reason_text: str = "",
) -> None:
    """Write the audit record and the outbox event of one change to ``record``; ``event`` defaults to resource.action."""
    audit.record(
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.public_id,
        actor_label=actor.label,
        acting_for=actor.on_behalf_of,
        organization_code=record.organization_for_audit,
        resource=record.resource,
        resource_id=record.public_id,
        reference=record.reference_text,
        action=action,
        from_state=from_state,
        to_state=to_state,
        reason_code=reason_code,
        reason_text=reason_text,
        changes=dict(changes or {}),
    )
    scope = record.event_scope()
    state = {"from_state": from_state, "state": to_state} if to_state else {}
    events.emit(
        type=event or f"{record.resource}.{action}",
        resource=record.resource,
        resource_id=record.public_id,
        reference=record.reference_text,
        version=record.version,
        audience=scope.audience,
        organization_ids=scope.organization_ids,
        data={**record.event_data(), **state, **(data or {})},
        at=at,
        actor=actor.label,
    )
