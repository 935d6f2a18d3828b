"""The sweep over open steps: reminders before a deadline, escalation and effect after it (domain rule 6)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.lifecycles.registry import effect_of, lifecycle_models, model_of
from marketplace.records.lookups import sole
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies import queries as vocabularies
from marketplace.work import operations as work
from marketplace.work.operations import NewJob

CLOCK = Actor.system("deadlines")
BATCH = 500


def sweep(*, at: datetime) -> int:
    """Enqueue one job for each step whose reminder or deadline has come and that has none; returns how many are new.

    Of each kind of record the earliest deadlines come first; where there are many, the rest is found by the next sweep.
    Safe to repeat: keys are unique.
    """
    return sum(_sweep(model, at) for model in lifecycle_models())


def _sweep(model: type[LifecycleRecord], at: datetime) -> int:
    """Enqueue the jobs of one kind of record, batch by batch until one batch of them is new.

    A step whose job waits, or is a dead letter, stays due: it is passed over, so that it never hides those behind it.
    """
    new = 0
    for jobs in _batches(model, at):
        new += _enqueue(jobs, at)
        if new >= BATCH:  # one sweep is one transaction, and has to end within its lease
            break
    return new


def _enqueue(jobs: Sequence[NewJob], at: datetime) -> int:
    try:
        with transaction.atomic():
            return work.enqueue_many(jobs, at=at)
    except IntegrityError:  # another sweep was quicker; what it left out is there at the next look
        return 0


def _batches(model: type[LifecycleRecord], at: datetime) -> Iterator[list[NewJob]]:
    """Give the jobs of the steps of one kind that want a reminder or are over, in the order of their deadlines."""
    # What is over is not reminded of any more, whoever was away while it was time.
    wanted = Q(due_at__lte=at) | Q(remind_at__lte=at, reminded_at__isnull=True)
    rows = model._default_manager.filter(wanted, due_at__isnull=False, escalated_at__isnull=True)
    further = rows.order_by("due_at", "pk").values_list("due_at", "pk", "public_id")
    found = list(further[:BATCH])
    while found:
        yield [_job(model.resource, public_id, due_at, at) for due_at, _, public_id in found if due_at is not None]
        due_at, pk, _ = found[-1]
        behind = further.filter(Q(due_at__gt=due_at) | Q(pk__gt=pk), due_at__gte=due_at)
        found = list(behind[:BATCH]) if len(found) == BATCH else []


def _job(resource: str, public_id: UUID, due_at: datetime, at: datetime) -> NewJob:
    kind = "overdue" if due_at <= at else "reminder"
    key = f"deadline:{resource}:{public_id}:{due_at.isoformat()}:{kind}"
    return NewJob("lifecycles.deadline", {"resource": resource, "id": str(public_id)}, key=key)


@transaction.atomic
def meet_deadline(*, resource: str, public_id: UUID, at: datetime) -> str:
    """Remind or escalate one step and apply the effect at its deadline; returns what was done.

    The step may have been taken meanwhile: then nothing happens. A step that is over is not reminded of.
    """
    record = sole(model_of(resource)._default_manager.select_for_update(of=("self",)).filter(public_id=public_id))
    if record is None or record.due_at is None or record.escalated_at is not None:
        return "nothing"
    if record.due_at <= at:
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
