"""Jobs of the deadline clock."""

from datetime import datetime, timedelta
from uuid import UUID

from marketplace.lifecycles import deadlines
from marketplace.work.registry import job, periodic


@periodic("lifecycles.sweep", every=timedelta(minutes=1))
@job("lifecycles.sweep")
def sweep_deadlines(payload: dict[str, object], *, at: datetime, **_: object) -> None:
    """Look for reminders and deadlines that have come."""
    deadlines.sweep(at=at)


@job("lifecycles.deadline")
def meet_deadline(payload: dict[str, str], *, at: datetime, **_: object) -> None:
    """Remind, escalate and apply the effect of one deadline."""
    deadlines.meet_deadline(resource=payload["resource"], public_id=UUID(payload["id"]), at=at)
