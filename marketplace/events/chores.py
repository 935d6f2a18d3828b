"""The housekeeping of the events room."""

from datetime import datetime, timedelta

from marketplace.events import sequencer
from marketplace.work.registry import chore


@chore("events.publish", every=timedelta(0))
def publish(*, at: datetime) -> int:
    """Publish what has been committed since."""
    return sequencer.publish_pending(at=at)
