"""The difference from greedy: what a plan made need by need would leave out, and the sums."""

from matching.engine.portfolio.report import GreedyDifference
from matching.engine.portfolio.resolving import NO_CHANGE, difference, order
from matching.engine.portfolio.results import Solution
from matching.engine.portfolio.standing import Standing
from matching.engine.portfolio.wording import first_difference, some
from matching.engine.sentences import Sentence


def against_greedy(standing: Standing, greedy: Solution) -> GreedyDifference:
    """Compare the plan with the greedy one, which may break floors and minima."""
    plan, pairs = standing.solution, standing.instance.pairs
    here = set(pairs.need[list(plan.chosen)].tolist())
    there = set(pairs.need[list(greedy.chosen)].tolist())
    left = standing.need_ids(sorted(here - there))
    change = difference(greedy, plan, standing.settings)
    feasible = _kept(standing, greedy)
    if not feasible:
        first = Sentence("greedy.infeasible")
    elif order(change) > order(NO_CHANGE):
        first = Sentence("greedy.better")
    else:
        objective, figures = first_difference(change)
        first = Sentence(f"greedy.{objective}", figures)
    return GreedyDifference(
        feasible=feasible,
        served=len(greedy.chosen),
        worst_score=greedy.worst_score,
        total_score=greedy.total_score,
        change=change,
        left_by_greedy=left,
        left_by_plan=standing.need_ids(sorted(there - here)),
        sentences=(first, *([some("greedy.left", left, len(left))] if left else [])),
    )


def _kept(standing: Standing, greedy: Solution) -> bool:
    """Tell whether the greedy plan keeps all floors and minima; the other limits it never breaks."""
    instance = standing.instance
    groups = [instance.needs[need].groups for need in instance.pairs.need[list(greedy.chosen)].tolist()]
    used = Standing(instance, greedy, standing.settings).used
    floors = all(sum(floor.group in names for names in groups) >= floor.minimum for floor in instance.floors)
    return floors and bool((used >= standing.minimum).all())
