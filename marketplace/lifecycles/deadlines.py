"""The sweep over open steps: reminders before a deadline, escalation and effect after it (domain rule 6)."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.lifecycles.registry import effect_of, lifecycle_models, model_of
from marketplace.records.lookups import sole
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies import queries as vocabularies
from marketplace.work import operations as work

CLOCK = Actor.system("deadlines")
BATCH = 500


def sweep(*, at: datetime) -> int:
    """Enqueue one job for each step whose reminder or deadline has come; returns how many. Safe to repeat: keys are unique."""
    steps = [step for model in lifecycle_models() for step in _due(model, at)]
    for resource, public_id, due_at in steps:
        kind = "overdue" if due_at <= at else "reminder"
        key = f"deadline:{resource}:{public_id}:{due_at.isoformat()}:{kind}"
        work.enqueue("lifecycles.deadline", {"resource": resource, "id": str(public_id)}, key=key, at=at)
    return len(steps)


def _due(model: type[LifecycleRecord], at: datetime) -> Iterator[tuple[str, UUID, datetime]]:
    """Give resource, public id and deadline of the steps of one kind that want a reminder or are over."""
    wanted = Q(remind_at__lte=at, reminded_at__isnull=True) | Q(due_at__lte=at, escalated_at__isnull=True)
    rows = model._default_manager.filter(wanted, due_at__isnull=False).order_by("due_at")
    for public_id, due_at in rows.values_list("public_id", "due_at")[:BATCH]:
        if due_at is not None:
            yield model.resource, public_id, due_at


@transaction.atomic
def meet_deadline(*, resource: str, public_id: UUID, at: datetime) -> str:
    """Remind or escalate one step and apply the effect at its deadline; returns what was done.

    The step may have been taken meanwhile: then nothing happens.
    """
    record = sole(model_of(resource)._default_manager.select_for_update(of=("self",)).filter(public_id=public_id))
    if record is None or record.due_at is None:
        return "nothing"
    if record.due_at <= at and record.escalated_at is None:
        return _escalate(record, at)
    if record.remind_at is not None and record.remind_at <= at and record.reminded_at is None:
        record.reminded_at = at
        record.save(update_fields=["reminded_at"])
        note(record, "reminder_due", actor=CLOCK, at=at, data=_facts(record))
        return "reminded"
    return "nothing"


def _escalate(record: LifecycleRecord, at: datetime) -> str:
    record.escalated_at = at
    record.save(update_fields=["escalated_at"])
    note(record, "overdue", actor=CLOCK, at=at, data=_facts(record))
    effect = effect_of(record.step)
    # The secretariat may switch an effect off in the service-level table.
    if effect is None or vocabularies.service_level(record.step).deadline_effect == "none":
        return "escalated"
    effect(record, at)
    return "effect"


def _facts(record: LifecycleRecord) -> dict[str, object]:
    due = record.due_at.isoformat() if record.due_at else None
    return {"step": record.step, "waiting_for": record.waiting_for, "due_at": due, "state": record.state}
