"""Runs computed again in the background: asked for, and what was found noted on the run, whose state stays as it is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.lifecycles.operations import lock, record_change
from marketplace.work import operations as work
from marketplace.work import queries as jobs
from marketplace.work.models import FINAL_STATES
from matching.models import IMPOSSIBLE, MatchRun
from matching.queries import replay

ENGINE = Actor.system("matching")
KIND = "matching.replay"
UNREAD = ("snapshot", "plan", "result")  # large, and not looked at here


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the background half hands over: what was found, or the code of the refusal; how many seconds it took."""

    found: replay.Replay | None
    refusal: str
    seconds: float


@transaction.atomic
def ask_replay(*, actor: Actor, at: datetime, run_id: int) -> MatchRun:
    """Have a run computed again in the background; a replay that is under way is given instead of a second one.

    Raises DomainError(permission_denied), and what ``replay.check_replayable`` raises.
    """
    if not permissions.can(actor, Permission.MATCHING_RUN, at=at):
        permissions.check(actor, Permission.AUDIT_READ, at=at)
    replay.check_replayable(run_id)
    run = lock(MatchRun.objects.filter(pk=run_id).defer(*UNREAD))
    if _under_way(run):
        return run
    key = f"replay:{run.public_id}:{run.version}"
    run.replay_asked_at, run.replayed_at = at, None
    run.replay_outcome = run.replayed_digest = ""
    run.replay_report = {"job": key}
    record_change(run, "replay_asked", actor=actor, at=at)
    work.enqueue(KIND, {"run": str(run.public_id), "job": key}, key=key, at=at)
    return run


def _under_way(run: MatchRun) -> bool:
    """Tell whether a worker will still note an outcome: a job that died or was cancelled has to be asked for again."""
    if run.replay_asked_at is None or run.replayed_at is not None:
        return False
    job = jobs.job_by_key(run.replay_report.get("job", ""))
    return job is not None and job.state not in FINAL_STATES


@transaction.atomic
def note_replay(run_id: int, payload: Mapping[str, Any], replayed: Replayed, *, at: datetime) -> MatchRun:
    """Note on the run what its replay found; one that was asked for again meanwhile is left to the newer job."""
    run = lock(MatchRun.objects.filter(pk=run_id).defer(*UNREAD))
    if run.replayed_at is not None or run.replay_report.get("job") != payload["job"]:
        return run
    found = replayed.found
    run.replayed_at = at
    run.replay_outcome = found.outcome if found is not None else IMPOSSIBLE
    run.replayed_digest = found.replayed_digest if found is not None else ""
    difference = found.difference if found is not None else None
    run.replay_report = {
        "seconds": replayed.seconds,
        "difference": None if difference is None else asdict(difference),
        "refusal": replayed.refusal,
    }
    record_change(run, "replayed", actor=ENGINE, at=at, data={"outcome": run.replay_outcome})
    return run
