"""Asking again for a run, whatever it is of."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from matching.models import PLAN_MODES, MatchRun
from matching.operations.planning import retry_plan
from matching.operations.pooling import MODE as POOLING
from matching.operations.pooling import retry_pooling
from matching.operations.runs import retry_ranking


def retry_run(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Ask again for a run that failed or was cancelled; it reads everything as it is now.

    Raises DomainError(wrong_state, conflict, permission_denied, rule_broken).
    """
    mode = MatchRun.objects.values_list("mode", flat=True).get(pk=run_id)
    again = retry_pooling if mode == POOLING else retry_plan if mode in PLAN_MODES else retry_ranking
    return again(actor=actor, at=at, run_id=run_id, expected_version=expected_version)
