"""All objectives of a portfolio that is no plain network, one after the other, by bounds and mixed-integer programs."""

from collections.abc import Callable

import numpy as np

from matching.engine.portfolio.bottleneck import distinct_scores, highest
from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.mixed_integer import IMPOSSIBLE
from matching.engine.portfolio.objectives import Objective, Outcome, Proof, below_service, served, served_profile
from matching.engine.portfolio.programme import Programme, Reached
from matching.engine.portfolio.results import WORST_SCORE, Settings

BISECTION = "bisection"


def solve_programme(programme: Programme, settings: Settings, note: Callable[[str], None]) -> Outcome:
    """Find the best plan in all objectives, or the best there was time for with its gaps.

    Raises Impossible when no plan keeps all rows, Unknown when the time ended before there was one.
    """
    proofs = [_stage(programme, goal, note, counts_needs=True) for goal in served(programme.model)]
    if settings.worst_served:
        note(WORST_SCORE)
        proofs.append(Proof(WORST_SCORE, _raise_worst(programme), BISECTION))
    goals = below_service(programme.model, settings)
    proofs += [_stage(programme, goal, note, counts_needs=False) for goal in goals]
    return Outcome(programme.model.number[programme.plan()], tuple(proofs))


def _stage(programme: Programme, goal: Objective, note: Callable[[str], None], *, counts_needs: bool) -> Proof:
    note(goal.name)
    reached: Reached = programme.maximise(goal.gain(programme.model), counts_needs=counts_needs)
    return Proof(goal.name, reached.bound - reached.value, reached.solver)


def _raise_worst(programme: Programme) -> int:
    """Bisect over the score below which no pair is needed, keep to the pairs above it, and return what may be missing."""
    if not programme.plan().any():
        return 0
    scores = distinct_scores(programme.model)
    high = highest(programme.model, served_profile(programme.model, programme.plan()), scores)
    low, proven = _worst_place(programme, scores), high
    while low < high:
        middle = (low + high + 1) // 2
        status, plan = programme.find(programme.model.score >= scores[middle])
        if plan is not None:
            programme.incumbent = plan
            low = _worst_place(programme, scores)
        else:
            high = middle - 1
            proven = high if status == IMPOSSIBLE else proven
    programme.restrict(programme.model.score >= scores[low])
    return int(scores[max(proven, low)] - scores[low])


def _worst_place(programme: Programme, scores: Ints) -> int:
    worst = programme.model.score[programme.plan()].min()
    return int(np.searchsorted(scores, worst, side="right")) - 1
