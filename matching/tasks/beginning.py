"""Showing that a run has begun."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import lock, transition
from matching.models import MatchRun

WORKER = Actor.system("matching")


@transaction.atomic
def begin_run(public_id: UUID, *, at: datetime) -> MatchRun | None:
    """Show that a run has begun; one that a dead worker began is simply taken up again, one that has ended is None."""
    run = lock(MatchRun.objects.filter(public_id=public_id).select_related("policy"))
    if run.state == "queued":
        run.started_at = at
        transition(run, "start", actor=WORKER, at=at, columns=("started_at",))
    return run if run.state == "running" else None
