"""The housekeeping of the webhooks room."""

from datetime import datetime, timedelta

from marketplace.webhooks import operations
from marketplace.work.registry import chore


@chore("webhooks.attend", every=timedelta(0))
def attend(*, at: datetime) -> int:
    """Spread what was published, and begin the turns that are due; `events.publish` comes before it by its name."""
    return operations.attend(at=at)
