"""The best plan of an instance, by the fastest way that proves it, checked before it is handed over."""

import time
from collections.abc import Collection, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np

from matching.engine.portfolio.assembly import solution_of, without_plan
from matching.engine.portfolio.conflict import find_conflict
from matching.engine.portfolio.flow import solve_flow
from matching.engine.portfolio.greedy import hasty, resumed
from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.lagrangian import BudgetShortcuts
from matching.engine.portfolio.layout import lay_out
from matching.engine.portfolio.lexicographic import solve_programme
from matching.engine.portfolio.mixed_integer import IMPOSSIBLE, Deadline, Helper
from matching.engine.portfolio.model import Kind, Model, Wishes, build_model, tightened
from matching.engine.portfolio.objectives import Outcome
from matching.engine.portfolio.programme import Impossible, Programme, Shortcuts, Unknown
from matching.engine.portfolio.results import INFEASIBLE, UNKNOWN, Progress, Settings, Solution
from matching.engine.portfolio.verify import verify


@dataclass(slots=True)
class _Run:
    """One solve: who is told, who helps, until when."""

    settings: Settings
    helper: Helper
    deadline: Deadline
    progress: Progress | None
    timings: MutableMapping[str, float]
    start: Collection[int] = ()
    stage: str = ""
    since: float = 0.0
    done: int = 0

    def note(self, name: str) -> None:
        """Begin a stage: its time counts for it from now on."""
        now = time.perf_counter()
        if self.stage:
            self.timings[self.stage] = self.timings.get(self.stage, 0.0) + now - self.since
            self.done += 1
        self.stage, self.since = name, now
        if name and self.progress:
            self.progress(name, self.done)


def solve(
    instance: Instance,
    settings: Settings | None = None,
    *,
    progress: Progress | None = None,
    timings: MutableMapping[str, float] | None = None,
    helper: Helper | None = None,
    start: Collection[int] = (),
) -> Solution:
    """Find the best plan of an instance.

    `progress` is told each stage as it begins; `timings` receives the seconds of each (they are not part of the
    answer, which is the same for the same instance). `helper` is the process for mixed-integer programs, to be kept
    between solves; without one, a process is started when needed and ended afterwards. `start` are the pair numbers of a
    plan to begin with: what the instance allows of it is known at once, should the time end before anything better is.
    """
    settings = settings or Settings()
    with nullcontext(helper) if helper else Helper() as process:
        run = _Run(
            settings,
            process,
            Deadline.after(settings.time_limit_seconds),
            progress,
            {} if timings is None else timings,
            start,
        )
        solution = _solve(instance, run)
    run.note("verify")
    verify(instance, solution)
    run.note("")
    return solution


def _solve(instance: Instance, run: _Run) -> Solution:
    run.note("model")
    model = build_model(instance)
    try:
        outcome = _outcome(model, run)
    except Impossible:
        run.note("conflict")
        run.deadline = Deadline.after(run.settings.time_limit_seconds)
        conflict = find_conflict(instance, lambda wishes: _holds(instance, wishes, run))
        return without_plan(instance, INFEASIBLE, conflict)
    except Unknown:
        return without_plan(instance, UNKNOWN, None)
    return solution_of(instance, model, outcome)


def _outcome(model: Model, run: _Run) -> Outcome:
    """Solve a model. Raises Impossible, Unknown."""
    if model.contradiction:
        raise Impossible
    flat = _without_budgets(model)
    layout = lay_out(flat)
    if layout is None:
        return solve_programme(_programme(model, run), run.settings, run.note)
    outcome = solve_flow(flat, layout, run.settings, run.note)
    if outcome is None:
        raise Impossible
    # The best plan of all is the best within the budgets, if it keeps them.
    if model.rows.hold(model.chosen(outcome.numbers)):
        return outcome
    del flat, layout, outcome
    one_budget = int((model.rows.kind == Kind.BUDGET).sum()) == 1
    # Within one budget flows find a first plan themselves, at once and a better one.
    return solve_programme(
        _programme(model, run, BudgetShortcuts(), hasty_first=not one_budget), run.settings, run.note
    )


def _programme(model: Model, run: _Run, shortcuts: Shortcuts | None = None, *, hasty_first: bool = True) -> Programme:
    known = resumed(model, run.start) if len(run.start) else None
    if known is None or not model.rows.hold(known):
        known = hasty(model) if hasty_first or run.settings.time_limit_seconds is not None else None
    if known is not None and not model.rows.hold(known):
        known = None
    return Programme(model, run.helper, run.deadline, known, shortcuts=shortcuts)


def _without_budgets(model: Model) -> Model:
    rows = model.rows
    budget = rows.kind == Kind.BUDGET
    if not budget.any():
        return model
    unlimited = replace(rows, most=np.where(budget, np.iinfo(np.int64).max, rows.most))
    return tightened(replace(model, rows=unlimited))


def _holds(instance: Instance, wishes: Wishes, run: _Run) -> bool:
    """Tell whether an instance with only some of its wishes has a plan; if the time ends, none is taken for granted."""
    model = build_model(instance, wishes)
    if model.contradiction:
        return False
    programme = _programme(model, run, BudgetShortcuts())
    if programme.incumbent is not None:
        return True
    status, _ = programme.find(np.ones(len(model.number), dtype=np.bool_))
    return status != IMPOSSIBLE
