"""The operator's words: dead letters revived or given up, jobs called off."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import F

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work import doorbell
from marketplace.work.models import FINAL_STATES, Job, JobState

OPEN_ACTIONS: Mapping[JobState, Sequence[str]] = {
    JobState.QUEUED: ("cancel",),
    JobState.RUNNING: ("cancel",),
    JobState.DEAD: ("discard", "retry"),
}


def open_actions(job: Job) -> list[str]:
    """Give what can be done with a job in its state."""
    return list(OPEN_ACTIONS.get(JobState(job.state), ()))


def retry_dead(job: Job, *, at: datetime) -> None:
    """Put a dead letter back into the queue with all its attempts; raises DomainError(wrong_state) for any other job."""
    dead = Job.objects.filter(pk=job.pk, state=JobState.DEAD)
    if not dead.update(state=JobState.QUEUED, attempts=0, due_at=at, finished_at=None):
        raise _wrong_state(job, "retry")
    job.refresh_from_db()
    doorbell.ring()


def discard_dead(job: Job, *, at: datetime) -> None:
    """Give a dead letter up: it keeps its last error and is never done. Raises DomainError(wrong_state) for any other job."""
    if not Job.objects.filter(pk=job.pk, state=JobState.DEAD).update(state=JobState.DISCARDED, finished_at=at):
        raise _wrong_state(job, "discard")
    job.refresh_from_db()


def cancel(job: Job, *, at: datetime) -> None:
    """Cancel a queued or running job; a running one can no longer take effect. Raises DomainError(wrong_state)."""
    open_job = Job.objects.filter(pk=job.pk).exclude(state__in=FINAL_STATES)
    if not open_job.update(state=JobState.CANCELLED, lease_until=None, finished_at=at, fence=F("fence") + 1):
        raise _wrong_state(job, "cancel")
    job.refresh_from_db()


def _wrong_state(job: Job, verb: str) -> DomainError:
    job.refresh_from_db()
    allowed = tuple(open_actions(job))
    return DomainError(
        ErrorCode.WRONG_STATE,
        verb=verb,
        state=job.state,
        allowed=", ".join(allowed) or "-",
        allowed_actions=allowed,
        resource="job",
    )
