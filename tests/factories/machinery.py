"""Rows of the machinery rooms: work, events, audit. `build()` where no database is needed."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from factory.declarations import LazyFunction, Sequence, SubFactory
from factory.django import DjangoModelFactory

from marketplace.audit import operations as audit
from marketplace.audit.canonical import ERASABLE
from marketplace.audit.models import ActorKind, AuditRecord
from marketplace.events.models import Audience, OutboxEvent
from marketplace.kernel.ids import new_public_id
from marketplace.work.models import Job, JobFailure, WorkerHeartbeat, WorkerRole

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class JobFactory(DjangoModelFactory[Job]):
    """A job that waits for a worker."""

    class Meta:
        model = Job

    kind = "test.job"
    payload: ClassVar[dict[str, str]] = {}
    due_at = AT
    created_at = AT


class JobFailureFactory(DjangoModelFactory[JobFailure]):
    """An attempt that failed."""

    class Meta:
        model = JobFailure

    job = SubFactory(JobFactory)
    fence = Sequence(lambda number: number + 1)
    attempt = 1
    worker = "worker@test:1"
    at = AT
    error = "ValueError: it does not work"


class WorkerHeartbeatFactory(DjangoModelFactory[WorkerHeartbeat]):
    """An embedded worker that has just started."""

    class Meta:
        model = WorkerHeartbeat

    name = Sequence(lambda number: f"worker-{number}")
    role = WorkerRole.WORKER
    machine = "test"
    pid = Sequence(lambda number: number + 1)
    started_at = AT
    beat_at = AT


class OutboxEventFactory(DjangoModelFactory[OutboxEvent]):
    """An event for the secretariat, not published yet."""

    class Meta:
        model = OutboxEvent

    type = "training_request.opened"
    resource = "training_request"
    resource_id = LazyFunction(new_public_id)
    resource_reference = Sequence(lambda number: f"GMG-TEST-{number:04d}")
    audience = Audience.SECRETARIAT
    actor = "system:test"
    at = AT


class AuditRecordFactory(DjangoModelFactory[AuditRecord]):
    """An act of the system, written as every act is: with its values beside it."""

    class Meta:
        model = AuditRecord

    at = AT
    actor_kind = ActorKind.SYSTEM
    actor_label = "test"
    resource = "training_request"
    resource_id = LazyFunction(new_public_id)
    action = "open"

    @classmethod
    def _create(cls, model_class: type[AuditRecord], *args: Any, **kwargs: Any) -> AuditRecord:
        return audit.record(**kwargs)

    @classmethod
    def _build(cls, model_class: type[AuditRecord], *args: Any, **kwargs: Any) -> AuditRecord:
        return model_class(**{name: value for name, value in kwargs.items() if name not in ERASABLE})
