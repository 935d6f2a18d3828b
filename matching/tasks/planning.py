"""Planning all open needs: the long half outside of any transaction, with its progress told in the run."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from marketplace.kernel.errors import DomainError
from matching.engine import (
    ENGINE_VERSION,
    HYPOTHETICAL,
    EngineError,
    PlanAnswer,
    keep,
    plan_all,
    plan_snapshot,
)
from matching.models import MatchRun
from matching.operations import planning_writing, policies
from matching.queries import inputs
from matching.queries.plan_names import plan_names
from matching.queries.portfolio import OpenNeeds, open_needs, task_of
from matching.tasks.beginning import begin_run, end_run

SECONDS_BETWEEN_WORDS = 1.0  # of progress within a stage


class _Stopped(Exception):  # noqa: N818  it is news, not an error
    """The run was cancelled while it was computed."""


class StageClock:
    """Tells the run and the job how far the plan is, and counts the seconds of each stage."""

    def __init__(self, run: MatchRun, progress: Any) -> None:
        self._run_id, self._progress = run.pk, progress
        self._stage, self._since, self._told = "", time.monotonic(), 0.0
        self.seconds: dict[str, float] = {}

    def tell(self, done: int, total: int, stage: str) -> None:
        """Say how much of a stage is done. Raises _Stopped when the run was cancelled, and what the job's own word raises."""
        now = time.monotonic()
        if stage != self._stage:
            self.end(now)
            self._stage = stage
        elif now - self._told < SECONDS_BETWEEN_WORDS:
            return
        self._told = now
        self._progress(done, total, stage)
        running = MatchRun.objects.filter(pk=self._run_id, state="running")
        told = running.update(progress_done=done, progress_total=total, progress_stage=stage, version=F("version") + 1)
        if not told:
            raise _Stopped

    def end(self, now: float | None = None) -> None:
        """Count the stage that ends."""
        moment = time.monotonic() if now is None else now
        if self._stage:
            spent = self.seconds.get(self._stage, 0.0) + moment - self._since
            self.seconds[self._stage] = round(spent, 3)
        self._since = moment


def prepare_plan(payload: dict[str, Any], *, at: datetime, progress: Any) -> planning_writing.ComputedPlan | str | None:
    """Compute a plan; gives None for a run that has ended or was cancelled, text for one that cannot be computed."""
    run = begin_run(UUID(payload["run"]), at=at)
    if run is None:
        return None
    clock = StageClock(run, progress)
    try:
        return _compute(run, clock, at=at)
    except _Stopped:
        return None
    except (EngineError, DomainError) as error:  # the same inputs would fail again: say so instead of trying on
        return str(error)


def _compute(run: MatchRun, clock: StageClock, *, at: datetime) -> planning_writing.ComputedPlan:
    clock.tell(0, 1, "reading")
    market = inputs.market(at=at)
    needs = open_needs(run.parameters.get("requests"), at=at)
    task = task_of(run.parameters, needs, market.rates, at=at)
    policy = policies.engine_policy(run.policy)
    solver: dict[str, float] = {}
    answer = plan_all(
        task,
        market.catalogue,
        policy,
        as_of=at.date(),
        rates=market.rates,
        engine_version=ENGINE_VERSION,
        progress=clock.tell,
        timings=solver,
    )
    clock.tell(0, 1, "writing")
    content = plan_snapshot(
        task,
        market.supply,
        policy,
        as_of=at.date(),
        rates=market.rates,
        engine_version=ENGINE_VERSION,
        instance_digest=answer.planned.instance_digest,
    )
    clock.end()
    clock.seconds |= {f"solver.{stage}": round(seconds, 3) for stage, seconds in solver.items()}
    return _computed(answer, content, market, needs, clock, at=at)


def _computed(
    answer: PlanAnswer,
    content: bytes,
    market: inputs.Market,
    needs: OpenNeeds,
    clock: StageClock,
    *,
    at: datetime,
) -> planning_writing.ComputedPlan:
    named = {line.choice.offer for line in answer.planned.lines if line.choice is not None}
    instance = answer.kept.instance if answer.kept is not None else None
    return planning_writing.ComputedPlan(
        snapshot=content,
        supply=market.supply,
        as_of=at.date(),
        planned=answer.planned,
        kept=None if answer.kept is None else keep(answer.kept),
        line_ids=needs.line_ids,
        offering_ids={offer: market.rows[offer].offering_id for offer in named if not offer.startswith(HYPOTHETICAL)},
        names=plan_names(
            instance.pairs.candidate if instance is not None else (),
            [capacity.id for capacity in instance.capacities] if instance is not None else (),
            market.rows,
        ),
        left_out=needs.left_out,
        timings=clock.seconds,
    )


def write_plan(payload: dict[str, Any], *, at: datetime, prepared: Any, **_: object) -> None:
    """Write the answer of a planning run, or why there is none."""
    end_run(payload, prepared, at=at, write=planning_writing.write_plan)
