"""Plans of all open needs over HTTP: their lines, "why not this one?", and their publication."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.lookups import Parent
from marketplace.api.views import Lists, ThingViewSet
from marketplace.kernel.errors import ErrorCode, unknown_reference
from matching import operations, queries
from matching.api import serializers
from matching.api.filters import PlanLineFilters
from matching.models import REQUEST_MODES, MatchRun, PlanLine
from requests_app import queries as requests


def prepare_why_not(*, actor: Actor, at: datetime, run_id: int, **asked: Any) -> queries.Forced:
    """Solve the plan again with an offering forced; who may ask is who may read the run."""
    return queries.forced_choice(run_id, **asked)


def tell_why_not(*, prepared: queries.Forced, **asked: Any) -> queries.Forced:
    """Give what was found: nothing is written."""
    return prepared


WHY_NOT = Write(
    "Ask what forcing an offering would change in a plan",
    Permission.PROPOSALS_READ,
    description="Solved again from what the run has stored, for up to fifteen seconds; beyond them the answer says "
    "`not_proven`. Nothing is changed.",
    body=serializers.WhyNotIn,
    out=serializers.WhyNotOut,
    errors=(ErrorCode.WRONG_STATE, ErrorCode.UNKNOWN_REFERENCE),
    prepare=prepare_why_not,
    operation=tell_why_not,
)
PUBLISH = Write(
    "Publish a plan: turn it into suggestions",
    Permission.MATCHING_RUN,
    description="One proposal of origin `engine` for each request that the plan serves, to be decided on like any "
    "other; a way that is live already is not suggested twice. Refused, naming them, when requests have changed since. "
    "Works in the background: poll the `Location` until `published_at` is set. A publication under way is given instead of "
    "a second one. Requests that change or close meanwhile are skipped and named in `publication`. Where a newer plan takes "
    "the place of this one meanwhile, the rest is left (`publication.stopped`); what was suggested stays to be decided on.",
    out=serializers.RunOut,
    status=202,
    location="match-run-detail",
    if_match=IfMatch.OPTIONAL,
    errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN),
    operation=operations.publish_plan,
)


def start_run(*, actor: Actor, at: datetime, mode: str = "request", **arguments: Any) -> MatchRun:
    """Ask for a run of any mode. Raises DomainError(unknown_reference) for a request that the caller cannot see."""
    if mode == "pooling":
        return operations.request_pooling(actor=actor, at=at)
    if mode not in REQUEST_MODES:
        return operations.request_plan(actor=actor, at=at, mode=mode, **arguments)
    found = requests.find_request(arguments["request"], actor=actor, at=at)
    if found is None:
        raise unknown_reference("/request", arguments["request"])
    return operations.request_run(actor=actor, at=at, request_id=found.pk, mode=mode)


class PlanLineViewSet(Lists, ThingViewSet):
    """The lines of a plan, most urgent class first."""

    tag, noun, nouns = "Matching", "line of a plan", "lines of a plan"
    resource, basename = "plan_lines", "plan-line"
    access = Permission.PROPOSALS_READ
    reads = serializers.PlanLineOut
    parent = Parent(queries.runs_visible_to, column="run", argument="run_id")
    filterset_class = PlanLineFilters
    ordering, ordering_fields = ("position",), {"position": "position"}

    def visible(self) -> QuerySet[PlanLine]:
        """Give the lines of visible plans."""
        return queries.plan_lines_visible_to(self.request.actor, at=self.request.at)
