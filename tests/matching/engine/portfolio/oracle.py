"""The best plan of a small instance by SciPy alone: the whole lexicographic model, stage by stage, from plain lists.

It shares no code with the engine: it reads the same entries and pairs that the instance was built from.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from matching.engine.portfolio import BudgetLimit, Capacity, Floor, NeedEntry, Pair

Row = NDArray[np.float64]


@dataclass(frozen=True)
class Problem:
    """What an instance is built from."""

    needs: Sequence[NeedEntry]
    capacities: Sequence[Capacity]
    pairs: Sequence[Pair]
    budgets: Sequence[BudgetLimit] = ()
    floors: Sequence[Floor] = ()
    locks: Sequence[tuple[str, str]] = ()
    bans: Sequence[tuple[str, str]] = ()
    links: Sequence[tuple[tuple[str, str], Sequence[tuple[str, str]]]] = ()


@dataclass(frozen=True)
class Best:
    """The value of every objective, in their order, and the pairs of a plan that has them."""

    served: tuple[int, ...]
    worst: int | None
    total: int
    kept: int
    ties: tuple[int, int, int]
    pairs: frozenset[tuple[str, str]]


def best_plan(problem: Problem, *, worst_served: bool = True) -> Best | None:
    """Return the best plan, None when there is none."""
    rows, lower, upper = limits(problem)
    pairs = problem.pairs
    classes = {entry.id: entry.priority_class for entry in problem.needs}
    allowed = np.ones(len(pairs))
    served = []
    for number in sorted(set(classes.values())):
        gain = np.array([float(classes[pair.need] == number) for pair in pairs])
        chosen = optimum(gain, rows, lower, upper, allowed)
        if chosen is None:
            return None
        served.append(round(float(gain @ chosen)))
        hold(rows, lower, upper, gain, served[-1])
    worst = None
    if sum(served) and worst_served:
        for worst in sorted({pair.score for pair in pairs}, reverse=True):
            tried = np.array([float(pair.score >= worst) for pair in pairs])
            if optimum(np.zeros(len(pairs)), rows, lower, upper, tried) is not None:
                allowed = tried
                break
    values = []
    chosen = np.zeros(len(pairs))
    gains = [[pair.score for pair in pairs], [pair.previous for pair in pairs]]
    gains += [[-(pair.tie >> shift & 0xFFFFF) for pair in pairs] for shift in (40, 20, 0)]
    for gain in (np.array(gain, dtype=float) for gain in gains):
        found = optimum(gain, rows, lower, upper, allowed)
        assert found is not None
        chosen = found
        values.append(round(float(gain @ chosen)))
        hold(rows, lower, upper, gain, values[-1])
    plan = frozenset((pair.need, pair.candidate) for pair, x in zip(pairs, chosen, strict=True) if x > 0.5)
    scores = [pair.score for pair in pairs if (pair.need, pair.candidate) in plan]
    ties = (-values[2], -values[3], -values[4])
    return Best(tuple(served), min(scores, default=None), values[0], values[1], ties, plan)


def optimum(gain: Row, rows: list[Row], lower: list[float], upper: list[float], allowed: Row) -> Row | None:
    if len(gain) == 0:
        return gain if all(low <= 0 for low in lower) else None
    answer = milp(
        -gain,
        integrality=np.ones(len(gain)),
        bounds=Bounds(0, allowed),
        constraints=LinearConstraint(np.array(rows), lower, upper),
        options={"mip_rel_gap": 0.0},
    )
    assert answer.status in (0, 2), answer.message
    return None if answer.x is None else np.rint(answer.x)


def hold(rows: list[Row], lower: list[float], upper: list[float], gain: Row, value: float) -> None:
    rows.append(gain)
    lower.append(value - 0.25)
    upper.append(np.inf)


def limits(problem: Problem) -> tuple[list[Row], list[float], list[float]]:
    pairs = problem.pairs
    rows: list[Row] = []
    lower: list[float] = []
    upper: list[float] = []

    def add(row: list[float], least: float, most: float) -> None:
        rows.append(np.array(row, dtype=float))
        lower.append(least)
        upper.append(most)

    groups = {entry.id: entry.groups for entry in problem.needs}
    for entry in problem.needs:
        add([float(pair.need == entry.id) for pair in pairs], 0, 1)
    for capacity in problem.capacities:
        add([dict(pair.uses).get(capacity.id, 0) for pair in pairs], capacity.minimum, capacity.maximum)
    for budget in problem.budgets:
        add([dict(pair.costs).get(budget.id, 0) for pair in pairs], 0, budget.maximum)
    for floor in problem.floors:
        add([float(floor.group in groups[pair.need]) for pair in pairs], floor.minimum, np.inf)
    for names in problem.locks:
        add([float((pair.need, pair.candidate) == names) for pair in pairs], 1, 1)
    for names in problem.bans:
        add([float((pair.need, pair.candidate) == names) for pair in pairs], 0, 0)
    links = [np.array(leaning(problem, *link)) for link in problem.links]
    return [*rows, *links], lower + [-np.inf] * len(links), upper + [0.0] * len(links)


def leaning(problem: Problem, names: tuple[str, str], others: Sequence[tuple[str, str]]) -> list[float]:
    held = [(pair.need, pair.candidate) for pair in problem.pairs]
    return [float(name == names) - float(name in others) for name in held]
