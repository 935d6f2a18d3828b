"""The chores of the work room itself."""

from datetime import datetime, timedelta

from marketplace.work import operations, schedule
from marketplace.work.registry import chore


@chore("work.sweep", every=timedelta(seconds=2))
def sweep(*, at: datetime) -> int:
    """Give back the jobs of workers that are gone."""
    return operations.sweep(at=at)


@chore("work.schedule", every=timedelta(seconds=1))
def keep_schedule(*, at: datetime) -> int:
    """Enqueue the periodic jobs of the present periods."""
    return schedule.keep(at=at)
