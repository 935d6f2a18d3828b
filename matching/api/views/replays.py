"""A run computed again over HTTP: at once where that is quick, else in the background."""

from dataclasses import asdict
from datetime import datetime
from time import perf_counter
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Later, Write
from marketplace.kernel.errors import ErrorCode
from matching import operations
from matching.api.serializers.replays import ReplayOut
from matching.queries import replay


def prepare_replay(*, actor: Actor, at: datetime, run_id: int) -> dict[str, Any] | None:
    """Compute a short run again and say how long it took; None for a long one. Raises DomainError(wrong_state, rule_broken)."""
    if not replay.is_short(run_id):
        return None
    began = perf_counter()
    found = replay.replay_run(run_id)
    return {**asdict(found), "seconds": round(perf_counter() - began, 3)}


def replay_run(
    *, actor: Actor, at: datetime, run_id: int, prepared: dict[str, Any] | None = None
) -> dict[str, Any] | Later:
    """Give what was found, or have a long run computed again in the background."""
    if prepared is not None:
        return prepared
    operations.ask_replay(actor=actor, at=at, run_id=run_id)
    return Later()


REPLAY = Write(
    "Compute a matching run again and compare",
    (Permission.MATCHING_RUN, Permission.AUDIT_READ),
    description=(
        "Computes the answer anew from the inputs that the run kept (policy, needs, all that was on offer, rates) and "
        f"compares the bytes. A ranking that took no more than {replay.SHORT.seconds} seconds is answered at once, and "
        "nothing is kept. Plans, searches for pools and longer rankings are computed in the background: the answer is "
        "202 with the run; poll its `Location` until `replay.at` is set. A replay under way is given instead of a second "
        "one. Where a time limit ended the search of a plan, `inconclusive` says that a difference proves nothing. A run "
        "made by another version of the engine is refused."
    ),
    out=ReplayOut,
    later=True,
    errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN),
    prepare=prepare_replay,
    operation=replay_run,
)
