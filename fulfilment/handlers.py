"""What this app does when something became true elsewhere, and when a deadline passes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fulfilment import operations
from fulfilment.models import Delivery, Engagement, Milestone
from marketplace.accounts.actors import Actor
from marketplace.events.registry import handles
from marketplace.lifecycles.registry import deadline_effect
from marketplace.records.models import LifecycleRecord
from marketplace.work import operations as work
from marketplace.work.registry import job

CLOCK = Actor.system("deadlines")
FOLLOW = Actor.system("fulfilment")


@handles("session.cancelled", kind="fulfilment.hold_for_session")
@job("fulfilment.hold_for_session")
def hold_for_session(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Hold what was to take place in a cancelled session."""
    operations.hold_for_session(actor=FOLLOW, at=at, session_id=UUID(payload["resource_id"]))


@handles("provider.suspended", kind="fulfilment.hold_for_provider")
@job("fulfilment.hold_for_provider")
def hold_for_provider(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Hold what a suspended provider was to deliver."""
    operations.hold_for_provider(actor=FOLLOW, at=at, provider_id=UUID(payload["resource_id"]))


@handles("offering.suspended", kind="fulfilment.hold_for_offering")
@job("fulfilment.hold_for_offering")
def hold_for_offering(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Hold what was planned of a suspended offering."""
    operations.hold_for_offering(actor=FOLLOW, at=at, offering_id=UUID(payload["resource_id"]))


@handles("training_request.withdrawn", "training_request.cancelled", kind="fulfilment.cancel_for_request")
@job("fulfilment.cancel_for_request")
def cancel_for_request(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """End or hold what a request no longer asks for."""
    operations.cancel_for_request(actor=FOLLOW, at=at, request_id=UUID(payload["resource_id"]))


@handles("proposal.confirmed", kind="fulfilment.engage")
@job("fulfilment.engage")
def engage(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Make sure that a confirmed proposal has its engagement, however it came to be confirmed."""
    operations.engage_confirmed(actor=FOLLOW, at=at, proposal_id=UUID(payload["resource_id"]))


# A deadline has one record locked; what follows locks others, in the order of the house, in a job of its own.


@deadline_effect("delivery.confirm")
def silence_confirms(record: LifecycleRecord, at: datetime) -> None:
    """Let the requester's silence count as confirmation."""
    if isinstance(record, Engagement):
        engagement_id = record.pk
    elif isinstance(record, Delivery):
        engagement_id = record.engagement_id
    else:
        return
    work.enqueue("fulfilment.confirm_by_silence", {"engagement": engagement_id}, at=at)


@job("fulfilment.confirm_by_silence")
def confirm_by_silence(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Confirm the reports that nobody answered in time."""
    operations.confirm_by_silence(actor=CLOCK, at=at, engagement_id=payload["engagement"])


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


@job("fulfilment.leave_unanswered")
def leave_unanswered(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Mark one follow-up as not answered."""
    operations.leave_unanswered(actor=CLOCK, at=at, milestone_id=payload["milestone"])
