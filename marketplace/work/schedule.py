"""The schedule: each periodic job once in each period, however many processes keep it.

The job's key names its kind and period, and keys are unique. Periods missed while nobody kept the schedule are not
made up for: the present one is due at once.
"""

from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from marketplace.work import operations, registry

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def period_start(at: datetime, every: timedelta) -> datetime:
    """Compute the start of the period in which ``at`` falls, counted from the Unix epoch."""
    return EPOCH + (at - EPOCH) // every * every


def keep(*, at: datetime) -> int:
    """Enqueue each periodic job whose present period has none yet; return how many."""
    wanted = [
        operations.NewJob(
            kind=periodic.kind,
            payload={"period": (start := period_start(at, periodic.every)).isoformat()},
            key=f"periodic:{periodic.kind}:{start.isoformat()}",
        )
        for periodic in registry.periodic_jobs()
    ]
    try:
        with transaction.atomic():
            return operations.enqueue_many(wanted, at=at)
    except IntegrityError:  # another keeper was quicker; what it left out is there at the next look
        return 0
