"""Plans of all open needs: asked for, asked for again; one real plan at a time, any number of "what if"."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.operations import lock, transition
from marketplace.work import operations as work
from matching.models import MatchingPolicy, MatchRun
from matching.operations.planning_checks import checked_parameters
from matching.operations.policies import current_policy, engine_policy
from matching.operations.runs import PRIORITY, UNFINISHED
from matching.queries.inputs import rates_of

AGAIN = ("error", "started_at", "finished_at", "progress_done", "progress_total", "progress_stage", "policy")


@transaction.atomic
def request_plan(
    *, actor: Actor, at: datetime, mode: str = "portfolio", parameters: Mapping[str, Any] | None = None
) -> MatchRun:
    """Ask for a plan of all open needs; a real plan under way with the same parameters is given instead of a second one.

    ``parameters`` are shaped as the API takes them (references, amounts as text); all may be left out. ``what_if``
    takes ``changes`` as well and leaves nothing but its answer. Raises DomainError(permission_denied), and what
    ``checked_parameters`` raises; DomainError(rule_broken) while a plan with other parameters is under way.
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    policy = _lock_plans(at=at)
    stored = checked_parameters(
        parameters or {}, engine_policy(policy), rates_of(at.date()), mode=mode, actor=actor, at=at
    )
    under_way = _under_way() if mode == "portfolio" else None
    if under_way is not None:
        if under_way.parameters == stored:
            return under_way
        raise _one_at_a_time()
    run = MatchRun(mode=mode, policy=policy, parameters=stored, requested_by=actor.label)
    lifecycles.create(run, actor=actor, at=at, data={"mode": mode})
    _enqueue(run, at=at)
    return run


@transaction.atomic
def retry_plan(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Ask again for a plan that failed or was cancelled: same parameters, needs and market as they are now.

    Raises DomainError(wrong_state, permission_denied), DomainError(rule_broken) while another plan is under way.
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    policy = _lock_plans(at=at)
    run = lock(MatchRun.objects.filter(pk=run_id), expected_version=expected_version)
    lifecycles.find_transition(run, "retry")
    if run.mode == "portfolio" and _under_way() is not None:
        raise _one_at_a_time()
    run.error, run.started_at, run.finished_at = "", None, None
    run.progress_done = run.progress_total = 0
    run.progress_stage, run.policy = "", policy
    transition(run, "retry", actor=actor, at=at, columns=AGAIN)
    _enqueue(run, at=at)
    return run


def _lock_plans(*, at: datetime) -> MatchingPolicy:
    """Give the policy in force, locked: who asks for a plan waits for whoever is just asking for another."""
    return MatchingPolicy.objects.select_for_update().get(pk=current_policy(at=at).pk)


def _under_way() -> MatchRun | None:
    return MatchRun.objects.filter(mode="portfolio", state__in=UNFINISHED).first()


def _one_at_a_time() -> Exception:
    detail = gettext_noop("Another plan of all needs is under way: wait for its answer, or cancel it.")
    return rule_broken("/mode", "plan_under_way", detail)


def _enqueue(run: MatchRun, *, at: datetime) -> None:
    key = f"plan:{run.public_id}:{run.version}"
    work.enqueue("matching.plan", {"run": str(run.public_id)}, key=key, at=at, priority=PRIORITY)
