"""What this app does at deadlines."""

from datetime import datetime

from marketplace.kernel.periods import add_working_days
from marketplace.lifecycles.registry import deadline_effect
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies import queries as vocabularies
from marketplace.work.operations import enqueue
from requests_app import operations
from requests_app.tasks import CLOCK


@deadline_effect("request.call_for_offers")
def end_call(record: LifecycleRecord, at: datetime) -> None:
    """End the call: the secretariat decides what follows."""
    if vocabularies.service_level("request.call_for_offers").deadline_effect != "none":
        operations.end_call(actor=CLOCK, at=at, request_id=record.pk)


@deadline_effect("request.answer")
def schedule_withdrawal(record: LifecycleRecord, at: datetime) -> None:
    """Leave a returned request as it is, and withdraw it when the long time of grace is over too."""
    level = vocabularies.service_level("request.answer")
    if level.deadline_effect == "none" or record.due_at is None or level.effect_after_working_days is None:
        return
    due = record.due_at.isoformat()
    enqueue(
        "requests.withdraw_unanswered",
        {"request_id": record.pk, "due_at": due},
        at=at,
        due_at=add_working_days(record.due_at, level.effect_after_working_days),
        key=f"requests.withdraw_unanswered:{record.public_id}:{due}",
    )
