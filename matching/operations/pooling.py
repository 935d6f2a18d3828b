"""Needs that one joint session would serve: looked for in the background; merging them is a person's decision."""

import zlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.operations import lock, transition
from marketplace.work import operations as work
from matching.engine import COMPLETE, ENGINE_VERSION, NO_SOLUTION, Pool, Supply, canonical, digest, plain
from matching.models import MatchingPolicy, MatchRun
from matching.operations.policies import current_policy
from matching.operations.runs import ANSWERED, PRIORITY, UNFINISHED
from matching.operations.supplies import keep_supply
from matching.queries.plan_names import PlanNames

ENGINE = Actor.system("matching")
MODE = "pooling"
AGAIN = ("error", "started_at", "finished_at", "progress_done", "progress_total", "progress_stage", "policy")
FINISHED = (
    "snapshot",
    "supply",
    "snapshot_digest",
    "output_digest",
    "engine_version",
    "as_of",
    "finished_at",
    "result",
    "progress_done",
    "progress_total",
    "progress_stage",
)


@dataclass(frozen=True, slots=True)
class ComputedPools:
    """What the background half hands over; `searched` counts the requests, `names` has words for them and for offerings."""

    snapshot: bytes
    supply: Supply
    as_of: date
    pools: tuple[Pool, ...]
    searched: int
    names: PlanNames
    left_out: tuple[str, ...]


@transaction.atomic
def request_pooling(*, actor: Actor, at: datetime) -> MatchRun:
    """Look for open needs that one joint session would serve; a search under way is given instead of a second one.

    Raises DomainError(permission_denied).
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    policy = _lock_searches(at=at)
    under_way = _under_way()
    if under_way is not None:
        return under_way
    run = MatchRun(mode=MODE, policy=policy, requested_by=actor.label)
    lifecycles.create(run, actor=actor, at=at, data={"mode": MODE})
    _enqueue(run, at=at)
    return run


@transaction.atomic
def retry_pooling(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Ask again for a search that failed or was cancelled; one that is under way by now is given instead.

    Raises DomainError(wrong_state, permission_denied).
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    policy = _lock_searches(at=at)
    run = lock(MatchRun.objects.filter(pk=run_id), expected_version=expected_version)
    lifecycles.find_transition(run, "retry")
    under_way = _under_way()
    if under_way is not None:
        return under_way
    run.error, run.started_at, run.finished_at = "", None, None
    run.progress_done = run.progress_total = 0
    run.progress_stage, run.policy = "", policy
    transition(run, "retry", actor=actor, at=at, columns=AGAIN)
    _enqueue(run, at=at)
    return run


@transaction.atomic
def write_pools(run_id: int, computed: ComputedPools, *, at: datetime) -> MatchRun:
    """Write down what was found; earlier searches are superseded. A run that was cancelled meanwhile is left as it is."""
    run = lock(MatchRun.objects.filter(pk=run_id).defer("result"))
    if run.state not in UNFINISHED:
        return run
    run.snapshot, run.snapshot_digest = zlib.compress(computed.snapshot), digest(computed.snapshot)
    run.supply = keep_supply(computed.supply, at=at)
    run.output_digest = digest(canonical(computed.pools))
    run.engine_version, run.as_of, run.finished_at = ENGINE_VERSION, computed.as_of, at
    run.result = _result(computed)
    run.progress_done = run.progress_total = computed.searched
    run.progress_stage = ""
    outcome = COMPLETE if computed.pools else NO_SOLUTION
    counts = {"mode": MODE, "pools": len(computed.pools)}
    transition(run, "finish", target=outcome, actor=ENGINE, at=at, columns=FINISHED, data=counts)
    earlier = MatchRun.objects.filter(mode=MODE, state__in=ANSWERED).exclude(pk=run.pk)
    for old in earlier.defer("snapshot", "result").order_by("pk"):
        transition(old, "supersede", actor=ENGINE, at=at)
    return run


def _result(computed: ComputedPools) -> dict[str, Any]:
    """Give the pools with requests by reference and offerings by code, and words for the ids in their sentences."""
    pools = cast("list[dict[str, Any]]", plain(computed.pools))
    named = computed.names
    for found in pools:
        found["members"] = [{**member, "request": named.of(member["need"])} for member in found["members"]]
        found["offers"] = [{**offer, "offering": named.of(offer["offer"])} for offer in found["offers"]]
    return {
        "outcome": COMPLETE if pools else NO_SOLUTION,
        "pools": pools,
        "names": named.only_in(pools),
        "left_out": list(computed.left_out),
    }


def _lock_searches(*, at: datetime) -> MatchingPolicy:
    """Give the policy in force, locked: who asks for a search waits for whoever is just asking for another."""
    return MatchingPolicy.objects.select_for_update().get(pk=current_policy(at=at).pk)


def _under_way() -> MatchRun | None:
    return MatchRun.objects.filter(mode=MODE, state__in=UNFINISHED).first()


def _enqueue(run: MatchRun, *, at: datetime) -> None:
    key = f"pool:{run.public_id}:{run.version}"
    work.enqueue("matching.pool", {"run": str(run.public_id)}, key=key, at=at, priority=PRIORITY)
