"""A worker's words: claim, heartbeat, and how an attempt ends.

Everything said about a running job carries the claim's fence and changes nothing where the job has meanwhile gone to
another worker; that, and not the lease, is what makes an effect happen once.
"""

import re
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count, F, QuerySet

from marketplace.work import registry
from marketplace.work.models import Job, JobFailure, JobState
from marketplace.work.registry import Claim, JobKind, LeaseLost

ERROR_LENGTH = 4_000  # characters of an error kept with its job
NOT_STORED = re.compile("[\x00\ud800-\udfff]")  # PostgreSQL takes no NUL, and lone surrogates are no UTF-8
CLAIM_LOCK = 0x67_6D_67_77_6F_72_6B  # "gmgwork"; one advisory lock for all kinds with `at_most`


def claim(*, worker: str, at: datetime) -> Claim | None:
    """Take the next due job under a lease, or None where nothing can be taken.

    PostgreSQL passes over rows that others are taking (SKIP LOCKED); on SQLite the transaction is the only writer
    (BEGIN IMMEDIATE), and the conditional update is the second lock on the same door.
    """
    if not _claimable(at).exists():  # a read, so that an idle worker leaves SQLite's one write lock alone
        return None
    with transaction.atomic():
        passed_over: set[str] = set()
        while True:
            row = _claimable(at).exclude(kind__in=passed_over).select_for_update(skip_locked=True).first()
            if row is None:
                return None
            kind = registry.job_kind(row.kind)
            if kind.at_most is not None and not passed_over:  # what is full is asked where it matters only
                passed_over = _full_kinds()
            if kind.kind not in passed_over and _has_room(kind):
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
    """Count again under a lock that is held to the commit: two claimants cannot both take the last place.

    One lock for all limited kinds: with one for each, two claimants that pass over full kinds in different order would
    wait for each other.
    """
    if kind.at_most is None:
        return True
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
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
    row.fence, row.attempts, row.worker = row.fence + 1, row.attempts + 1, worker
    return claim_of(row)


def claim_of(row: Job) -> Claim:
    """Give the claim under which ``row``, which is running, was last taken."""
    return Claim(
        job_id=row.pk,
        public_id=row.public_id,
        kind=row.kind,
        payload=row.payload,
        fence=row.fence,
        attempt=row.attempts,
        max_attempts=row.max_attempts,
        worker=row.worker,
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
    pause = backoff(registry.job_kind(claim.kind), attempt=claim.attempt, job_id=claim.job_id)
    return end_attempt(claim, error=error, at=at, due_at=at + pause, final=final)


@transaction.atomic
def end_attempt(claim: Claim, *, error: str, at: datetime, due_at: datetime, final: bool = False) -> JobState | None:
    """Note that the attempt failed, and what becomes of the job: dead when ``final`` or out of attempts, else due at ``due_at``.

    Returns the new state; None where the job is no longer this claimant's.
    """
    text = storable(error)
    dead = final or claim.attempt >= claim.max_attempts
    state = JobState.DEAD if dead else JobState.QUEUED
    moment = {"finished_at": at} if dead else {"due_at": due_at}
    if not _held(claim).update(state=state, lease_until=None, last_error=text, **moment):
        return None
    JobFailure.objects.create(
        job_id=claim.job_id, fence=claim.fence, attempt=claim.attempt, worker=claim.worker, error=text, at=at
    )
    return state


def storable(error: str) -> str:
    """Give the words of an error as either database keeps them: bounded, never empty, U+FFFD for what is no text.

    They may quote a file name or the bytes of a stranger. A failure that cannot be recorded would end the worker and leave the
    job running.
    """
    return NOT_STORED.sub("\ufffd", error[:ERROR_LENGTH]) or "failed without a word"


def backoff(kind: JobKind, *, attempt: int, job_id: int) -> timedelta:
    """Compute the pause after the given failed attempt (1 is the first): doubling, capped, spread by up to a quarter.

    The spread comes from the job's id, so that a thousand jobs that failed together do not return together.
    """
    seconds = min(kind.backoff_seconds * 2 ** (attempt - 1), kind.backoff_cap_seconds)
    spread = (job_id * 2_654_435_761 % 2**32) / 2**32  # Knuth's multiplicative hash, 0..1
    return timedelta(seconds=seconds * (1 + spread / 4))
