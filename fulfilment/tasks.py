"""Work in the background; each job takes ids, calls one operation and is safe to repeat."""

from datetime import datetime
from typing import Any
from uuid import UUID

from fulfilment import operations
from marketplace.accounts.actors import Actor

CLOCK = Actor.system("deadlines")
FOLLOW = Actor.system("fulfilment")
Payload = dict[str, Any]
# What a changed session tells of itself (providers, `change_session`).
DAYS = frozenset({"start_on", "end_on"})
PLACE = frozenset({"city", "country", "venue"})


def hold_for_session(payload: Payload, *, at: datetime, **_: object) -> None:
    """Hold what was to take place in a cancelled session."""
    operations.hold_for_session(actor=FOLLOW, at=at, session_id=UUID(payload["resource_id"]))


def hold_for_move(payload: Payload, *, at: datetime, **_: object) -> None:
    """Hold what was to take place in a session that was moved."""
    changed = set(payload["data"].get("changed", ()))
    days, place = bool(changed & DAYS), bool(changed & PLACE)
    if days or place:
        operations.hold_for_move(actor=FOLLOW, at=at, session_id=UUID(payload["resource_id"]), days=days, place=place)


def hold_for_provider(payload: Payload, *, at: datetime, **_: object) -> None:
    """Hold what a suspended provider was to deliver."""
    operations.hold_for_provider(actor=FOLLOW, at=at, provider_id=UUID(payload["resource_id"]))


def hold_for_offering(payload: Payload, *, at: datetime, **_: object) -> None:
    """Hold what was planned of a suspended offering."""
    operations.hold_for_offering(actor=FOLLOW, at=at, offering_id=UUID(payload["resource_id"]))


def cancel_for_request(payload: Payload, *, at: datetime, **_: object) -> None:
    """End or hold what a request no longer asks for."""
    operations.cancel_for_request(actor=FOLLOW, at=at, request_id=UUID(payload["resource_id"]))


def engage(payload: Payload, *, at: datetime, **_: object) -> None:
    """Make sure that a confirmed proposal has its engagement, however it came to be confirmed."""
    operations.engage_confirmed(actor=FOLLOW, at=at, proposal_id=UUID(payload["resource_id"]))


def confirm_by_silence(payload: Payload, *, at: datetime, **_: object) -> None:
    """Confirm the reports that nobody answered in time."""
    operations.confirm_by_silence(actor=CLOCK, at=at, engagement_id=payload["engagement"])


def leave_unanswered(payload: Payload, *, at: datetime, **_: object) -> None:
    """Mark one follow-up as not answered."""
    operations.leave_unanswered(actor=CLOCK, at=at, milestone_id=payload["milestone"])
