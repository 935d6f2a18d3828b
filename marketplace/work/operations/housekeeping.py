"""The housekeeper's words: lost work given back, old work deleted, who is there."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from marketplace.work import doorbell, processes, registry
from marketplace.work.models import OVER_STATES, Job, JobState, WorkerHeartbeat
from marketplace.work.operations.claiming import backoff, claim_of, end_attempt

log = structlog.get_logger(__name__)
SWEEP_BATCH = 200
# Of processes on other machines, and of former containers, nobody can tell whether they are gone or frozen.
FORGET_SILENT = timedelta(hours=1)


def sweep(*, at: datetime) -> int:
    """Give back the jobs whose worker is gone (lease lapsed, or process dead on this machine); return how many.

    A job that was claimed as often as allowed goes to the dead letters: it may be what kills its workers.
    """
    gone = _gone_workers()
    forsaken = Job.objects.filter(Q(lease_until__lt=at) | Q(worker__in=gone), state=JobState.RUNNING)
    rows: list[Job] = []
    if forsaken.exists():  # a read, so that a sweep that finds nothing leaves SQLite's one write lock alone
        with transaction.atomic():
            rows = list(forsaken.select_for_update(skip_locked=True)[:SWEEP_BATCH])
            for row in rows:
                _give_back(row, at=at)
        if rows:
            doorbell.ring()
            log.warning("work.swept", jobs=len(rows))
    if gone:
        # The database may hold a killed worker's lock for a moment more: its job was passed over, and must be found again.
        still = Job.objects.filter(state=JobState.RUNNING).values("worker")
        WorkerHeartbeat.objects.filter(name__in=gone).exclude(name__in=still).delete()
    return len(rows)


def _give_back(row: Job, *, at: datetime) -> None:
    """Take a lost attempt for a failed one. The first loss costs no pause: most workers die of something else.

    From the second on the job may be what kills them, and others must get their turn in between.
    """
    error = f"The worker {row.worker} was lost during attempt {row.attempts}."
    kind = registry.job_kinds().get(row.kind)
    pause = backoff(kind, attempt=row.attempts - 1, job_id=row.pk) if kind and row.attempts > 1 else timedelta(0)
    end_attempt(claim_of(row), error=error, at=at, due_at=at + pause)


def _gone_workers() -> list[str]:
    here = WorkerHeartbeat.objects.filter(machine=processes.machine())
    return [beat.name for beat in here if processes.is_gone(beat.pid)]


def purge(*, at: datetime, older_than: timedelta) -> int:
    """Delete jobs done, cancelled or discarded longer ago than that (dead letters stay), at most 5,000; return how many."""
    WorkerHeartbeat.objects.filter(beat_at__lt=at - FORGET_SILENT).delete()
    over = Job.objects.filter(state__in=OVER_STATES, finished_at__lt=at - older_than)
    ids = list(over.order_by("finished_at").values_list("pk", flat=True)[:5_000])
    return Job.objects.filter(pk__in=ids).delete()[0]


def beat(*, name: str, role: str, pid: int, started_at: datetime, at: datetime) -> None:
    """Say that the process ``name`` is alive."""
    WorkerHeartbeat.objects.update_or_create(
        name=name,
        defaults={
            "role": role,
            "machine": processes.machine(),
            "pid": pid,
            "started_at": started_at,
            "beat_at": max(at, started_at),
        },
    )


def say_goodbye(*, name: str) -> None:
    """Forget a process that ends in good order."""
    WorkerHeartbeat.objects.filter(name=name).delete()
