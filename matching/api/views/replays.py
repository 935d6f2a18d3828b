"""A run computed again over HTTP."""

from dataclasses import asdict
from datetime import datetime
from time import perf_counter
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Write
from marketplace.kernel.errors import ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop
from matching.api.serializers.replays import ReplayOut
from matching.models import MatchRun
from matching.queries import replay

LONGEST_SECONDS = 10  # that a run took: what took longer is not computed again while somebody waits for the answer


def replay_run(*, actor: Actor, at: datetime, run_id: int) -> dict[str, Any]:
    """Compute a run again and say how long it took. Raises DomainError(wrong_state, rule_broken)."""
    _check_short(run_id)
    began = perf_counter()
    found = replay.replay_run(run_id)
    return {**asdict(found), "seconds": round(perf_counter() - began, 3)}


def _check_short(run_id: int) -> None:
    timings = MatchRun.objects.values_list("timings", flat=True).get(pk=run_id)
    seconds = sum(spent for stage, spent in timings.items() if "." not in stage)  # those of the solver are within
    if seconds > LONGEST_SECONDS:
        detail = gettext_noop(
            "This run took %(seconds)s seconds, more than a call waits for; `manage.py replay` computes it again."
        )
        raise rule_broken("/timings", "too_long", detail, seconds=round(seconds))


REPLAY = Write(
    "Compute a matching run again and compare",
    (Permission.MATCHING_RUN, Permission.AUDIT_READ),
    description=(
        "Computes the answer anew from the inputs that the run kept (policy, needs, all that was on offer, rates) and "
        "compares the bytes. Nothing changes. A run made by another version of the engine is refused, and so is one that "
        f"took more than {LONGEST_SECONDS} seconds (`manage.py replay` has no such limit)."
    ),
    out=ReplayOut,
    errors=(ErrorCode.WRONG_STATE, ErrorCode.RULE_BROKEN),
    operation=replay_run,
)
