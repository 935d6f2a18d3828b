"""A run computed again over HTTP."""

from dataclasses import asdict
from datetime import datetime
from time import perf_counter
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Write
from marketplace.kernel.errors import ErrorCode
from matching.api.serializers.replays import ReplayOut
from matching.queries import replay


def replay_run(*, actor: Actor, at: datetime, run_id: int) -> dict[str, Any]:
    """Compute a run again and say how long it took. Raises DomainError(wrong_state, rule_broken)."""
    began = perf_counter()
    found = replay.replay_run(run_id)
    return {**asdict(found), "seconds": round(perf_counter() - began, 3)}


REPLAY = Write(
    "Compute a matching run again and compare",
    (Permission.MATCHING_RUN, Permission.AUDIT_READ),
    description=(
        "Computes the answer anew from the inputs that the run kept (policy, needs, all that was on offer, rates) and "
        "compares the bytes. Nothing changes. A run made by another version of the engine is refused."
    ),
    out=ReplayOut,
    errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN),
    operation=replay_run,
)
