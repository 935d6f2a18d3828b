"""A plan checked against its instance from the start, by plain counting that shares nothing with the solvers."""

from collections import Counter

import numpy as np

from matching.engine.portfolio.instance import Instance, Ints
from matching.engine.portfolio.results import INFEASIBLE, UNKNOWN, Solution


class PlanError(RuntimeError):
    """A plan breaks a hard constraint or misstates what it reaches: a fault of the solver, never of the input."""


def verify(instance: Instance, solution: Solution) -> None:
    """Recompute everything that a solution claims. Raises PlanError for the first thing that is wrong."""
    if solution.status in (INFEASIBLE, UNKNOWN):
        _require(not solution.chosen, "a plan without a status that allows one")
        return
    chosen = solution.chosen
    _require(list(chosen) == sorted(set(chosen)), "pairs are not in rising order or doubled")
    needs = instance.pairs.need[list(chosen)].tolist()
    _require(len(set(needs)) == len(needs), "a need is served twice")
    _require(instance.locked <= set(chosen), "a lock is not kept")
    _require(not instance.banned & set(chosen), "a ban is not kept")
    _check_limits(instance, chosen)
    _check_floors(instance, needs)
    for link in instance.links:
        held = link.pair not in chosen or not set(link.one_of).isdisjoint(chosen)
        _require(held, f"{instance.pair_name(link.pair)} is without what it leans on")
    _check_claims(instance, solution, needs)


def _check_limits(instance: Instance, chosen: tuple[int, ...]) -> None:
    pairs = instance.pairs
    used = _sums(pairs.use_start, pairs.use_capacity, pairs.use_amount, chosen)
    spent = _sums(pairs.cost_start, pairs.cost_budget, pairs.cost_amount, chosen)
    for index, capacity in enumerate(instance.capacities):
        _require(capacity.minimum <= used[index] <= capacity.maximum, f"capacity {capacity.id}: {used[index]} are used")
    for index, budget in enumerate(instance.budgets):
        _require(spent[index] <= budget.maximum, f"budget {budget.id}: {spent[index]} are spent")


def _sums(start: Ints, thing: Ints, amount: Ints, chosen: tuple[int, ...]) -> Counter[int]:
    """Add up the amounts of the chosen pairs by thing; pair p has the entries `start[p]:start[p + 1]`."""
    numbers = np.array(chosen, dtype=np.int64)
    spans = zip(start[numbers].tolist(), start[numbers + 1].tolist(), strict=True)
    places = np.array([place for first, end in spans for place in range(first, end)], dtype=np.int64)
    sums = Counter[int]()
    for name, units in zip(thing[places].tolist(), amount[places].tolist(), strict=True):
        sums[name] += units
    return sums


def _check_floors(instance: Instance, needs: list[int]) -> None:
    for floor in instance.floors:
        count = sum(floor.group in instance.needs[need].groups for need in needs)
        _require(count >= floor.minimum, f"floor {floor.group}: {count} are served")


def _check_claims(instance: Instance, solution: Solution, needs: list[int]) -> None:
    scores = instance.pairs.score[list(solution.chosen)].tolist()
    by_class = Counter(instance.needs[need].priority_class for need in needs)
    claimed = {number: count for number, count in solution.served_by_class.items() if count}
    _require(dict(by_class) == claimed, "the needs served are miscounted")
    _require(solution.total_score == sum(scores), "the total is miscounted")
    _require(solution.worst_score == min(scores, default=None), "the worst score is wrong")
    kept = sum(instance.pairs.previous[list(solution.chosen)].tolist())
    _require(solution.kept == kept, "the pairs kept are miscounted")


def _require(held: bool, fault: str) -> None:
    if not held:
        raise PlanError(fault)
