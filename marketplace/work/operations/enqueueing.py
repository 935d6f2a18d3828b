"""Recording work: an INSERT in the transaction that causes it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from marketplace.work import doorbell, registry
from marketplace.work.context import current_origin
from marketplace.work.models import Job
from marketplace.work.registry import Payload


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be enqueued; see ``enqueue``."""

    kind: str
    payload: Payload
    key: str | None = None
    request_id: str = ""
    due_at: datetime | None = None  # None: at once
    priority: int = 0


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
    job = _job(NewJob(kind, payload, key, due_at=due_at, priority=priority), at=at, max_attempts=max_attempts)
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


def _job(new: NewJob, *, at: datetime, max_attempts: int | None = None) -> Job:
    kind = registry.job_kind(new.kind)
    return Job(
        kind=new.kind,
        payload=new.payload,
        key=new.key,
        request_id=new.request_id or current_origin().request_id,
        due_at=new.due_at or at,
        max_attempts=max_attempts or kind.max_attempts,
        priority=new.priority,
        created_at=at,
    )
