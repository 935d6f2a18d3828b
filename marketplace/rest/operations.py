"""What people decide about background work; each decision leaves an audit record and an event behind.

They stand up here and not in the work room, because audit and events stand on that room themselves.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.audit import operations as audit
from marketplace.events import operations as events
from marketplace.events.models import Audience
from marketplace.kernel.errors import DomainError, unknown_reference
from marketplace.work import operations as work
from marketplace.work import queries
from marketplace.work.models import Job, JobState

MOST_AT_ONCE = 200  # dead letters decided in one transaction
Decide = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision about several dead letters."""

    decided: list[Job]
    left_alone: list[Job]  # not dead any more: somebody else was quicker
    remaining: int  # dead letters of the kind that did not fit into this call


@transaction.atomic
def retry_job(*, actor: Actor, at: datetime, job_id: int, reason_text: str) -> None:
    """Put a dead letter back into the queue. Raises DomainError(permission_denied, wrong_state)."""
    _decide(work.retry_dead, "retried", actor=actor, at=at, job=_locked(actor, at, job_id), reason_text=reason_text)


@transaction.atomic
def discard_job(*, actor: Actor, at: datetime, job_id: int, reason_text: str) -> None:
    """Give a dead letter up for good. Raises DomainError(permission_denied, wrong_state)."""
    _decide(work.discard_dead, "discarded", actor=actor, at=at, job=_locked(actor, at, job_id), reason_text=reason_text)


@transaction.atomic
def cancel_job(*, actor: Actor, at: datetime, job_id: int, reason_text: str) -> None:
    """Call off a job that waits or runs. Raises DomainError(permission_denied, wrong_state)."""
    _decide(work.cancel, "cancelled", actor=actor, at=at, job=_locked(actor, at, job_id), reason_text=reason_text)


def retry_jobs(*, actor: Actor, at: datetime, reason_text: str, ids: Sequence[UUID] = (), kind: str = "") -> Decided:
    """Put the dead letters ``ids``, or those of ``kind`` (the oldest, at most 200), back into the queue.

    Raises DomainError(permission_denied; unknown_reference naming the place of an id that is no job's).
    """
    return _decide_many(work.retry_dead, "retried", actor=actor, at=at, reason_text=reason_text, ids=ids, kind=kind)


def discard_jobs(*, actor: Actor, at: datetime, reason_text: str, ids: Sequence[UUID] = (), kind: str = "") -> Decided:
    """Give up the dead letters ``ids``, or those of ``kind`` (the oldest, at most 200). Raises as `retry_jobs`."""
    return _decide_many(work.discard_dead, "discarded", actor=actor, at=at, reason_text=reason_text, ids=ids, kind=kind)


@transaction.atomic
def _decide_many(
    decide: Decide, done: str, *, actor: Actor, at: datetime, reason_text: str, ids: Sequence[UUID], kind: str
) -> Decided:
    permissions.check(actor, Permission.WORK_MANAGE, at=at)
    decided: list[Job] = []
    left_alone: list[Job] = []
    for job in _named(ids) if ids else _of_kind(kind):
        try:
            _decide(decide, done, actor=actor, at=at, job=job, reason_text=reason_text)
            decided.append(job)
        except DomainError:
            left_alone.append(job)
    return Decided(decided, left_alone, 0 if ids else queries.dead_letters().filter(kind=kind).count())


def _named(ids: Sequence[UUID]) -> list[Job]:
    found = {job.public_id: job for job in Job.objects.filter(public_id__in=ids).select_for_update().order_by("pk")}
    for index, public_id in enumerate(ids):
        if public_id not in found:
            raise unknown_reference(f"/ids/{index}", public_id)
    return list(found.values())


def _of_kind(kind: str) -> list[Job]:
    return list(queries.dead_letters().filter(kind=kind).select_for_update().order_by("pk")[:MOST_AT_ONCE])


def _locked(actor: Actor, at: datetime, job_id: int) -> Job:
    permissions.check(actor, Permission.WORK_MANAGE, at=at)
    return Job.objects.select_for_update().get(pk=job_id)


def _decide(decide: Decide, done: str, *, actor: Actor, at: datetime, job: Job, reason_text: str) -> None:
    before = JobState(job.state)
    decide(job, at=at)
    audit.record(
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.public_id,
        actor_label=actor.label,
        acting_for=actor.acting_for,
        resource="job",
        resource_id=job.public_id,
        reference=job.kind,
        action=done,
        from_state=before,
        to_state=job.state,
        reason_text=reason_text,
    )
    events.emit(
        type=f"job.{done}",
        resource="job",
        resource_id=job.public_id,
        reference=job.kind,
        version=max(1, job.fence),
        audience=Audience.SECRETARIAT,
        data={"kind": job.kind, "from_state": before, "state": job.state},
        at=at,
        actor=actor.label,
    )
