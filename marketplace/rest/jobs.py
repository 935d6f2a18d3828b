"""Background work: what waits, runs, and died, and what can be done about it; for the secretariat."""

from collections.abc import Mapping
from typing import Any, ClassVar

import django_filters
from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from marketplace.accounts import permissions
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Write
from marketplace.api.filters import CodesFilter, FilterSet
from marketplace.api.serializers import TEXT_LENGTH, Out, StrictSerializer
from marketplace.api.views import Lists, Reads, ThingViewSet, collection_verb, verb
from marketplace.kernel.errors import ErrorCode
from marketplace.rest import operations
from marketplace.work import operations as work
from marketplace.work import queries
from marketplace.work.models import Job, JobFailure, JobState

WHY = "The error was a wrong address, which has been corrected."


class JobFailureOut(Out):
    """One attempt that failed, or was lost with its worker."""

    attempt = serializers.IntegerField(help_text="Counted anew when a dead job is retried.")
    worker = serializers.CharField()
    at = serializers.DateTimeField()
    error = serializers.CharField()


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
        "worker": "celery@host/4026531836:81",
        "request_id": "7f0c",
        "last_error": "TimeoutError",
        "allowed_actions": ["discard", "retry"],
    }
    expandable = ("payload", "failures")

    id = serializers.UUIDField(source="public_id")
    kind = serializers.CharField()
    state = serializers.ChoiceField(choices=JobState.values)
    attempts = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    progress = serializers.DictField()
    worker = serializers.CharField(help_text="The process that has it, or had it last.")
    request_id = serializers.CharField(help_text="The call that it follows from; also in the logs and the audit trail.")
    last_error = serializers.CharField()
    payload = serializers.DictField(help_text="What the job was told.")
    failures = JobFailureOut(many=True, help_text="Its failed attempts, the first one first.")
    allowed_actions = serializers.SerializerMethodField()

    def get_allowed_actions(self, job: Job) -> list[str]:
        """Say what is open in the state."""
        return work.open_actions(job)


class DecisionReasonIn(StrictSerializer):
    """Why it is decided so."""

    example: ClassVar[Mapping[str, object]] = {"reason_text": WHY}

    reason_text = serializers.CharField(max_length=TEXT_LENGTH)


class DeadLettersIn(DecisionReasonIn):
    """Several dead letters, by their ids or by their kind."""

    example: ClassVar[Mapping[str, object]] = {"kind": "matching.rank_request", "reason_text": WHY}
    default_error_messages = {"ids_or_kind": _("Name either `ids` or `kind`.")}

    ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=operations.MOST_AT_ONCE
    )
    kind = serializers.CharField(max_length=80, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both and neither."""
        if ("ids" in attrs) == ("kind" in attrs):
            raise serializers.ValidationError({"ids": [self.error_messages["ids_or_kind"]]}, code="ids_or_kind")
        return attrs


class DecidedJobsOut(Out):
    """What came of a decision about several dead letters."""

    example: ClassVar[dict[str, object]] = {
        "decided": [JobOut.example | {"state": "queued", "attempts": 0, "allowed_actions": ["cancel"]}],
        "left_alone": [],
        "remaining": 0,
    }

    decided = JobOut(many=True)
    left_alone = JobOut(many=True, help_text="Not dead any more: somebody was quicker.")
    remaining = serializers.IntegerField(help_text="Dead letters of the kind that are left; call again.")


class JobFilters(FilterSet):
    """Filters of the list; `state=dead` are the dead letters."""

    state = CodesFilter("state", allowed=JobState.values)
    kind = CodesFilter("kind")
    request_id = CodesFilter("request_id")
    finished_since = django_filters.IsoDateTimeFilter(
        "finished_at", lookup_expr="gte", help_text="Only what ended, well or not, at or after this moment."
    )


MANAGE = Permission.WORK_MANAGE
WRONG_STATE = (ErrorCode.WRONG_STATE,)


class JobViewSet(Lists, Reads, ThingViewSet):
    """`/jobs`."""

    tag, noun, nouns = "Work", "job", "jobs"
    resource, basename = "jobs", "job"
    access = MANAGE
    reads = JobOut
    id_argument = "job_id"
    filterset_class = JobFilters
    ordering, ordering_fields = ("-pk",), {"created_at": "created_at", "due_at": "due_at", "finished_at": "finished_at"}
    retry = verb(
        "retry",
        Write("Retry a dead job", MANAGE, body=DecisionReasonIn, errors=WRONG_STATE, operation=operations.retry_job),
    )
    discard = verb(
        "discard",
        Write(
            "Give a dead job up", MANAGE, body=DecisionReasonIn, errors=WRONG_STATE, operation=operations.discard_job
        ),
    )
    cancel = verb(
        "cancel",
        Write("Cancel a job", MANAGE, body=DecisionReasonIn, errors=WRONG_STATE, operation=operations.cancel_job),
    )
    retry_dead = collection_verb(
        "retry",
        Write(
            "Retry several dead jobs",
            MANAGE,
            body=DeadLettersIn,
            out=DecidedJobsOut,
            errors=(ErrorCode.UNKNOWN_REFERENCE,),
            operation=operations.retry_jobs,
            operation_id="jobs_retry_dead",
        ),
    )
    discard_dead = collection_verb(
        "discard",
        Write(
            "Give several dead jobs up",
            MANAGE,
            body=DeadLettersIn,
            out=DecidedJobsOut,
            errors=(ErrorCode.UNKNOWN_REFERENCE,),
            operation=operations.discard_jobs,
            operation_id="jobs_discard_dead",
        ),
    )

    def visible(self) -> QuerySet[Job]:
        """All jobs, for the secretariat."""
        jobs = queries.jobs()
        return jobs if permissions.is_secretariat(self.request.actor, self.request.at) else jobs.none()

    def prepare(self, things: QuerySet[Any]) -> QuerySet[Any]:
        """Read the failures of all jobs of a page at once."""
        if "failures" not in self.expand:
            return things
        return things.prefetch_related(Prefetch("failures", JobFailure.objects.order_by("fence")))
