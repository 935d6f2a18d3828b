"""The frame of every run: showing that it has begun, and writing how it ended."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import lock, transition
from matching.models import MatchRun
from matching.operations import runs

WORKER = Actor.system("matching")


@transaction.atomic
def begin_run(public_id: UUID, *, at: datetime) -> MatchRun | None:
    """Show that a run has begun; one that a dead worker began is simply taken up again, one that has ended is None."""
    run = lock(MatchRun.objects.filter(public_id=public_id).select_related("policy"))
    if run.state == "queued":
        run.started_at = at
        transition(run, "start", actor=WORKER, at=at, columns=("started_at",))
    return run if run.state == "running" else None


def end_run(payload: dict[str, Any], prepared: Any, *, at: datetime, write: Callable[..., object]) -> None:
    """Write the answer of a run by ``write(run_id, prepared, at=)``; text is why there is none, None a run that has ended."""
    if prepared is None:
        return
    rows = MatchRun.objects.filter(public_id=UUID(payload["run"]))
    if isinstance(prepared, str):
        run = lock(rows)
        if run.state in runs.UNFINISHED:
            runs.fail_run(run, error=prepared, actor=WORKER, at=at)
        return
    write(rows.values_list("pk", flat=True)[0], prepared, at=at)
