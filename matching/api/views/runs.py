"""Matching runs over HTTP."""

from datetime import datetime

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode, unknown_reference
from matching import operations, queries
from matching.api import serializers
from matching.api.filters import RunFilters
from matching.api.views.replays import REPLAY
from matching.models import MatchRun
from requests_app import queries as requests

STATE_ERRORS = (ErrorCode.WRONG_STATE,)


def start_run(*, actor: Actor, at: datetime, request: str, mode: str = "request") -> MatchRun:
    """Find the request by reference or id and ask for its run. Raises DomainError(unknown_reference)."""
    found = requests.find_request(request, actor=actor, at=at)
    if found is None:
        raise unknown_reference("/request", request)
    return operations.request_run(actor=actor, at=at, request_id=found.pk, mode=mode)


class RunViewSet(Lists, Reads, Creates, ThingViewSet):
    """Rankings of requests: asked for, polled, cancelled, asked for again."""

    tag, noun, nouns = "Matching", "matching run", "matching runs"
    resource, basename = "match_runs", "match-run"
    access = Permission.PROPOSALS_READ
    reads = serializers.RunOut
    id_argument = "run_id"
    filterset_class = RunFilters
    create_with = Write(
        "Ask for a matching run",
        Permission.MATCHING_RUN,
        description="Runs in the background: poll the `Location`. A run of the same request that is under way is given.",
        body=serializers.RunIn,
        out=serializers.RunOut,
        status=202,
        location="match-run-detail",
        errors=(ErrorCode.WRONG_STATE, ErrorCode.UNKNOWN_REFERENCE),
        operation=start_run,
    )
    cancel = verb(
        "cancel",
        Write(
            "Cancel a matching run",
            Permission.MATCHING_RUN,
            if_match=IfMatch.OPTIONAL,
            errors=STATE_ERRORS,
            operation=operations.cancel_run,
        ),
    )
    retry = verb(
        "retry",
        Write(
            "Ask again for a matching run that failed or was cancelled",
            Permission.MATCHING_RUN,
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.WRONG_STATE, ErrorCode.CONFLICT),
            operation=operations.retry_run,
        ),
    )
    replay = verb("replay", REPLAY)

    def visible(self) -> QuerySet[MatchRun]:
        """Give the runs of which the caller may know."""
        return queries.runs_visible_to(self.request.actor, at=self.request.at)
