"""What can be done to jobs: enqueue, claim, finish, and the housekeeping of the table.

Everything said about a running job carries the claim's fence and changes nothing where the job has meanwhile gone to
another worker; that, and not the lease, is what makes an effect happen once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work import doorbell, processes, registry
from marketplace.work.context import current_origin
from marketplace.work.models import FINAL_STATES, Job, JobState, WorkerHeartbeat
from marketplace.work.registry import Claim, JobKind, LeaseLost, Payload

log = structlog.get_logger(__name__)
ERROR_LENGTH = 4_000  # characters of an error kept with its job
SWEEP_BATCH = 200
CLAIM_LOCK = 0x776F726B  # "work": first half of the advisory locks of kinds with `at_most`


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be enqueued; see ``enqueue``."""

    kind: str
    payload: Payload
    key: str | None = None
    request_id: str = ""


def enqueue(
    kind: str,
    payload: Payload,
    *,
    at: datetime,
    key: str | None = None,
    due_at: datetime | None = None,
    max_attempts: int | None = None,
    priority: int = 0,
) -> Job:
    """Record a job in the caller's transaction, due at ``due_at`` or at once.

    With a ``key`` that a job already carries, return that job and add nothing. Raises LookupError for an unlisted kind.
    """
    job = _job(NewJob(kind, payload, key), at=at, due_at=due_at, max_attempts=max_attempts, priority=priority)
    if key is None:
        job.save(force_insert=True)
    else:
        Job.objects.bulk_create([job], ignore_conflicts=True)
        job = Job.objects.get(key=key)
    doorbell.ring()
    return job


def enqueue_many(news: Iterable[NewJob], *, at: datetime) -> int:
    """Record several jobs in the caller's transaction, leaving out those whose key exists; return how many are new."""
    wanted = list(news)
    keys = [new.key for new in wanted if new.key is not None]
    known = set(Job.objects.filter(key__in=keys).values_list("key", flat=True)) if keys else set()
    jobs = [_job(new, at=at) for new in wanted if new.key not in known]
    if jobs:
        Job.objects.bulk_create(jobs, batch_size=100)
        doorbell.ring()
    return len(jobs)


def _job(
    new: NewJob, *, at: datetime, due_at: datetime | None = None, max_attempts: int | None = None, priority: int = 0
) -> Job:
    kind = registry.job_kind(new.kind)
    return Job(
        kind=new.kind,
        payload=new.payload,
        key=new.key,
        request_id=new.request_id or current_origin().request_id,
        due_at=due_at or at,
        max_attempts=max_attempts or kind.max_attempts,
        priority=priority,
        created_at=at,
    )


# --- a worker's words ---------------------------------------------------------------------------------------------


def claim(*, worker: str, at: datetime) -> Claim | None:
    """Take the next due job under a lease, or None where nothing can be taken.

    PostgreSQL passes over rows that others are taking (SKIP LOCKED); on SQLite the transaction is the only writer
    (BEGIN IMMEDIATE), and the conditional update is the second lock on the same door.
    """
    if not _claimable(at).exists():  # a read, so that an idle worker leaves SQLite's one write lock alone
        return None
    with transaction.atomic():
        passed_over = _full_kinds()
        while True:
            row = _claimable(at).exclude(kind__in=passed_over).select_for_update(skip_locked=True).first()
            if row is None:
                return None
            kind = registry.job_kind(row.kind)
            if _has_room(kind):
                return _take(row, kind, worker=worker, at=at)
            passed_over.add(kind.kind)


def _claimable(at: datetime) -> QuerySet[Job]:
    due = Job.objects.filter(state=JobState.QUEUED, due_at__lte=at, kind__in=registry.job_kinds())
    return due.order_by("-priority", "due_at", "id")


def _full_kinds() -> set[str]:
    limits = {kind.kind: kind.at_most for kind in registry.job_kinds().values() if kind.at_most is not None}
    if not limits:
        return set()
    running = Job.objects.filter(state=JobState.RUNNING, kind__in=limits).values_list("kind").annotate(n=Count("id"))
    return {kind for kind, n in running if n >= limits[kind]}


def _has_room(kind: JobKind) -> bool:
    """Count again under a lock per kind, held to the commit: two claimants cannot both take the last place."""
    if kind.at_most is None:
        return True
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [CLAIM_LOCK, kind.kind])
    return Job.objects.filter(state=JobState.RUNNING, kind=kind.kind).count() < kind.at_most


def _take(row: Job, kind: JobKind, *, worker: str, at: datetime) -> Claim | None:
    taken = Job.objects.filter(pk=row.pk, state=JobState.QUEUED, fence=row.fence).update(
        state=JobState.RUNNING,
        fence=F("fence") + 1,
        attempts=F("attempts") + 1,
        worker=worker,
        lease_until=at + timedelta(seconds=kind.lease_seconds),
        progress={},
    )
    if not taken:
        return None
    return Claim(
        job_id=row.pk,
        public_id=row.public_id,
        kind=row.kind,
        payload=row.payload,
        fence=row.fence + 1,
        attempt=row.attempts + 1,
        max_attempts=row.max_attempts,
        worker=worker,
        request_id=row.request_id,
    )


def _held(claim: Claim) -> QuerySet[Job]:
    return Job.objects.filter(pk=claim.job_id, state=JobState.RUNNING, fence=claim.fence)


def hold(claim: Claim) -> None:
    """Lock the claimed row until the end of the transaction; raises LeaseLost where it is no longer the worker's."""
    if not _held(claim).select_for_update().values_list("pk").first():
        raise LeaseLost(str(claim.public_id))


def heartbeat(claim: Claim, *, at: datetime, progress: dict[str, object] | None = None) -> None:
    """Renew the lease, and note the progress where given; raises LeaseLost where there is nothing to renew."""
    lease_until = at + timedelta(seconds=registry.job_kind(claim.kind).lease_seconds)
    changes: dict[str, object] = {"lease_until": lease_until}
    if progress is not None:
        changes["progress"] = progress
    if not _held(claim).update(**changes):
        raise LeaseLost(str(claim.public_id))


def complete(claim: Claim, *, at: datetime) -> None:
    """Record that the job is done, in the transaction of its effect; raises LeaseLost."""
    if not _held(claim).update(state=JobState.DONE, lease_until=None, finished_at=at, last_error=""):
        raise LeaseLost(str(claim.public_id))


def release(claim: Claim, *, at: datetime) -> None:
    """Give the job back as if it had not been claimed; the attempt does not count. Nothing happens to a lost job."""
    _held(claim).update(state=JobState.QUEUED, lease_until=None, attempts=F("attempts") - 1, due_at=at)


def fail(claim: Claim, *, error: str, at: datetime, final: bool = False) -> JobState | None:
    """Record a failed attempt: back to the queue after a pause, or dead when ``final`` or out of attempts.

    Returns the new state; None where the job is no longer this worker's.
    """
    text = error[:ERROR_LENGTH] or "failed without a word"
    if final or claim.attempt >= claim.max_attempts:
        died = _held(claim).update(state=JobState.DEAD, lease_until=None, finished_at=at, last_error=text)
        return JobState.DEAD if died else None
    due_at = at + backoff(registry.job_kind(claim.kind), attempt=claim.attempt, job_id=claim.job_id)
    queued = _held(claim).update(state=JobState.QUEUED, lease_until=None, due_at=due_at, last_error=text)
    return JobState.QUEUED if queued else None


def backoff(kind: JobKind, *, attempt: int, job_id: int) -> timedelta:
    """Compute the pause after the given failed attempt (1 is the first): doubling, capped, spread by up to a quarter.

    The spread comes from the job's id, so that a thousand jobs that failed together do not return together.
    """
    seconds = min(kind.backoff_seconds * 2 ** (attempt - 1), kind.backoff_cap_seconds)
    spread = (job_id * 2_654_435_761 % 2**32) / 2**32  # Knuth's multiplicative hash, 0..1
    return timedelta(seconds=seconds * (1 + spread / 4))


# --- the housekeeper's and the operator's words ---------------------------------------------------------------------


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
            doorbell.ring()
        log.warning("work.swept", jobs=len(rows))
    if len(rows) < SWEEP_BATCH and gone:
        WorkerHeartbeat.objects.filter(name__in=gone).delete()
    return len(rows)


def _give_back(row: Job, *, at: datetime) -> None:
    text = f"The worker {row.worker} was lost during attempt {row.attempts}.\n{row.last_error}"[:ERROR_LENGTH]
    held = Job.objects.filter(pk=row.pk, state=JobState.RUNNING, fence=row.fence)
    if row.attempts >= row.max_attempts:
        held.update(state=JobState.DEAD, lease_until=None, finished_at=at, last_error=text)
    else:
        held.update(state=JobState.QUEUED, lease_until=None, due_at=at, last_error=text)


def _gone_workers() -> list[str]:
    here = WorkerHeartbeat.objects.filter(machine=processes.machine())
    return [beat.name for beat in here if processes.is_gone(beat.pid)]


def retry_dead(job: Job, *, at: datetime) -> None:
    """Put a dead letter back into the queue with all its attempts; raises DomainError(wrong_state) for any other job."""
    revived = Job.objects.filter(pk=job.pk, state=JobState.DEAD).update(
        state=JobState.QUEUED, attempts=0, due_at=at, finished_at=None
    )
    if not revived:
        raise _wrong_state(job, "retry")
    job.refresh_from_db()
    doorbell.ring()


def cancel(job: Job, *, at: datetime) -> None:
    """Cancel a queued or running job; a running one can no longer take effect. Raises DomainError(wrong_state)."""
    open_job = Job.objects.filter(pk=job.pk).exclude(state__in=FINAL_STATES)
    if not open_job.update(state=JobState.CANCELLED, lease_until=None, finished_at=at, fence=F("fence") + 1):
        raise _wrong_state(job, "cancel")
    job.refresh_from_db()


OPEN_ACTIONS = {JobState.QUEUED: "cancel", JobState.RUNNING: "cancel", JobState.DEAD: "retry"}


def _wrong_state(job: Job, verb: str) -> DomainError:
    job.refresh_from_db()
    allowed = OPEN_ACTIONS.get(JobState(job.state), "-")
    return DomainError(ErrorCode.WRONG_STATE, verb=verb, state=job.state, allowed=allowed)


def purge(*, at: datetime, older_than: timedelta) -> int:
    """Delete jobs done or cancelled longer ago than that (dead letters stay), at most 5,000; return how many."""
    WorkerHeartbeat.objects.filter(beat_at__lt=at - older_than).delete()
    over = Job.objects.filter(state__in=[JobState.DONE, JobState.CANCELLED], finished_at__lt=at - older_than)
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
