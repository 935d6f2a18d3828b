"""Background work: what waits, runs, and died; for the secretariat."""

from datetime import datetime
from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Write
from marketplace.api.filters import CodesFilter, FilterSet
from marketplace.api.serializers import Out
from marketplace.api.views import Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from marketplace.work import operations, queries
from marketplace.work.models import Job, JobState


class JobOut(Out):
    """One piece of work."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000040",
        "kind": "matching.rank_request",
        "state": "dead",
        "attempts": 8,
        "max_attempts": 8,
        "created_at": "2026-11-23T09:00:00Z",
        "due_at": "2026-11-23T09:05:00Z",
        "finished_at": "2026-11-23T10:00:00Z",
        "progress": {},
        "last_error": "TimeoutError",
        "allowed_actions": ["retry"],
    }

    id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=JobState.values)
    attempts = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.DictField()
    last_error = serializers.CharField()
    allowed_actions = serializers.SerializerMethodField()

    def get_allowed_actions(self, job: Job) -> list[str]:
        """Say what is open in the state."""
        action = operations.OPEN_ACTIONS.get(JobState(job.state))
        return [action] if action else []


class JobFilters(FilterSet):
    """Filters of the list; `state=dead` are the dead letters."""

    state = CodesFilter("state", allowed=JobState.values)
    kind = CodesFilter("kind")


def retry_job(*, actor: Actor, at: datetime, job_id: int) -> None:
    """Put a dead letter back into the queue. Raises DomainError(permission_denied, wrong_state)."""
    permissions.check(actor, Permission.WORK_MANAGE, at=at)
    operations.retry_dead(Job.objects.get(pk=job_id), at=at)


def cancel_job(*, actor: Actor, at: datetime, job_id: int) -> None:
    """Cancel a job that waits or runs. Raises DomainError(permission_denied, wrong_state)."""
    permissions.check(actor, Permission.WORK_MANAGE, at=at)
    operations.cancel(Job.objects.get(pk=job_id), at=at)


class JobViewSet(Lists, Reads, ThingViewSet):
    """`/jobs`."""

    tag, noun, nouns = "Work", "job", "jobs"
    resource, basename = "jobs", "job"
    access = Permission.WORK_MANAGE
    reads = JobOut
    id_argument = "job_id"
    filterset_class = JobFilters
    ordering, ordering_fields = ("-pk",), {"created_at": "created_at", "due_at": "due_at", "finished_at": "finished_at"}
    retry = verb(
        "retry",
        Write("Retry a dead job", Permission.WORK_MANAGE, errors=(ErrorCode.WRONG_STATE,), operation=retry_job),
    )
    cancel = verb(
        "cancel",
        Write("Cancel a job", Permission.WORK_MANAGE, errors=(ErrorCode.WRONG_STATE,), operation=cancel_job),
    )

    def visible(self) -> QuerySet[Job]:
        """All jobs, for the secretariat."""
        jobs = queries.jobs()
        return jobs if permissions.is_secretariat(self.request.actor, self.request.at) else jobs.none()
