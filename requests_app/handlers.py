"""What this app does at deadlines and by the clock."""

from datetime import datetime, timedelta

from marketplace.accounts.actors import Actor
from marketplace.kernel.periods import add_working_days
from marketplace.lifecycles.registry import deadline_effect
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies import queries as vocabularies
from marketplace.work.operations import enqueue
from marketplace.work.registry import job, periodic
from requests_app import operations

CLOCK = Actor.system("deadlines")


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


@job("requests.withdraw_unanswered")
def withdraw_unanswered(payload: dict[str, str], *, at: datetime, **_: object) -> None:
    """Withdraw a request that was never answered."""
    operations.withdraw_unanswered(
        actor=CLOCK, at=at, request_id=int(payload["request_id"]), due_at=datetime.fromisoformat(payload["due_at"])
    )


@periodic("requests.expire_endorsements", every=timedelta(hours=6))
@job("requests.expire_endorsements")
def expire_endorsements(payload: dict[str, str], *, at: datetime, **_: object) -> None:
    """End the endorsements whose validity is over."""
    operations.expire_endorsements(actor=CLOCK, at=at)
