"""What this app does when something became true elsewhere, and when a deadline passes."""

from datetime import datetime

from fulfilment import tasks
from fulfilment.models import Delivery, Engagement, Milestone
from marketplace.events.registry import handles
from marketplace.lifecycles.registry import deadline_effect
from marketplace.records.models import LifecycleRecord
from marketplace.work import operations as work
from marketplace.work.registry import job

FOLLOWED = {
    "fulfilment.hold_for_session": (tasks.hold_for_session, ("session.cancelled",)),
    "fulfilment.hold_for_provider": (tasks.hold_for_provider, ("provider.suspended",)),
    "fulfilment.hold_for_offering": (tasks.hold_for_offering, ("offering.suspended",)),
    "fulfilment.cancel_for_request": (
        tasks.cancel_for_request,
        ("training_request.withdrawn", "training_request.cancelled"),
    ),
    "fulfilment.engage": (tasks.engage, ("proposal.confirmed",)),
}
for kind, (task, event_types) in FOLLOWED.items():
    handles(*event_types, kind=kind)(job(kind)(task))

job("fulfilment.confirm_by_silence")(tasks.confirm_by_silence)
job("fulfilment.leave_unanswered")(tasks.leave_unanswered)

# A deadline has one record locked; what follows locks others, in the order of the house, in a job of its own.


@deadline_effect("delivery.confirm")
def silence_confirms(record: LifecycleRecord, at: datetime) -> None:
    """Let the requester's silence count as confirmation."""
    if isinstance(record, Engagement):
        work.enqueue("fulfilment.confirm_by_silence", {"engagement": record.pk}, at=at)
    elif isinstance(record, Delivery):
        work.enqueue("fulfilment.confirm_by_silence", {"engagement": record.engagement_id}, at=at)


@deadline_effect("evaluation.level3")
def level3_unanswered(record: LifecycleRecord, at: datetime) -> None:
    """Mark a follow-up at level 3 as not answered."""
    _leave_unanswered(record, at)


@deadline_effect("evaluation.level4")
def level4_unanswered(record: LifecycleRecord, at: datetime) -> None:
    """Mark a follow-up at level 4 as not answered."""
    _leave_unanswered(record, at)


def _leave_unanswered(record: LifecycleRecord, at: datetime) -> None:
    if isinstance(record, Milestone):
        work.enqueue("fulfilment.leave_unanswered", {"milestone": record.pk}, at=at)
