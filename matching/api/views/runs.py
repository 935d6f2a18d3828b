"""Matching runs over HTTP."""

from django.db.models import QuerySet

from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.api import serializers
from matching.api.filters import RunFilters
from matching.api.views.plans import PUBLISH, WHY_NOT, start_run
from matching.api.views.replays import REPLAY
from matching.models import MatchRun
from matching.queries.publication import publication_under_way

STATE_ERRORS = (ErrorCode.WRONG_STATE,)


class RunViewSet(Lists, Reads, Creates, ThingViewSet):
    """Rankings of requests and plans of all needs: asked for, polled, cancelled, asked for again; plans are published."""

    tag, noun, nouns = "Matching", "matching run", "matching runs"
    resource, basename = "match_runs", "match-run"
    access = Permission.PROPOSALS_READ
    reads = serializers.RunOut
    id_argument = "run_id"
    filterset_class = RunFilters
    create_with = Write(
        "Ask for a matching run",
        Permission.MATCHING_RUN,
        description="Runs in the background: poll the `Location`. A run of the same request that is under way is given. "
        "One plan of all needs (`portfolio`) at a time; any number of `what_if`. `pooling` looks for needs that one joint "
        "session would serve, with shared costs (`expand=result` shows them); to merge them or to engage jointly is a "
        "person's decision: `POST /requests/{id}/merge`.",
        body=serializers.RunIn,
        out=serializers.RunOut,
        status=202,
        location="match-run-detail",
        errors=(ErrorCode.WRONG_STATE, ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN),
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
            errors=(ErrorCode.WRONG_STATE, ErrorCode.CONFLICT, ErrorCode.RULE_BROKEN),
            operation=operations.retry_run,
        ),
    )
    publish = verb("publish", PUBLISH)
    replay = verb("replay", REPLAY)
    why_not = verb("why-not", WHY_NOT)

    def allowed_actions(self, thing: MatchRun) -> list[str]:
        """List what the caller may do with the run now: only a plan is published, and only once."""
        verbs = super().allowed_actions(thing)
        publishable = thing.mode == "portfolio" and thing.published_at is None and not publication_under_way(thing)
        return verbs if publishable else [verb for verb in verbs if verb != "publish"]

    def visible(self) -> QuerySet[MatchRun]:
        """Give the runs of which the caller may know."""
        return queries.runs_visible_to(self.request.actor, at=self.request.at)
