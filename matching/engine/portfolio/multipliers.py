"""Prices of what is scarce in a part that is no flow, from the linear relaxation, and certified bounds made from them.

Any prices give a bound (Lagrangian duality: A. Geoffrion 1974, "Lagrangean relaxation for integer programming"): the
plan cannot be worth more than what the needs gain at these prices plus what all the scarce things are worth. The linear
program is solved in floats, its prices are rounded to whole multiples of 2^-40, and the bound is added up in exact whole
numbers, so that it holds whatever the rounding did.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matching.engine.portfolio.instance import Instance

if TYPE_CHECKING:
    from scipy.sparse import coo_array

ONE = 1 << 40
PAIRS_TOP = 60_000  # beyond, a linear program takes longer than what it tells is worth


@dataclass(frozen=True, slots=True)
class Prices:
    """Bounds for a part (numbers of the part) among plans that serve as many of each class as the plan does.

    `capacity`, `budget`: points per unit and per cent, in multiples of 2^-40; `bound`: of the total score, likewise;
    `gain`: of each pair at these prices; `best`: of each need, at least 0 where it need not be served.
    """

    capacity: tuple[int, ...]
    budget: tuple[int, ...]
    bound: int
    gain: tuple[int, ...]
    best: tuple[int, ...]

    def with_forced(self, need: int, pair: int) -> int:
        """Return a total score that no plan of the part exceeds when the pair is forced."""
        return (self.bound - self.best[need] + self.gain[pair]) // ONE


def prices(part: Instance, served: dict[int, int]) -> Prices | None:
    """Price a part cut out of the instance; None when it is too large or the linear program fails.

    `served`: how many needs of each class the plan serves in this part.
    """
    if not 0 < len(part.pairs) <= PAIRS_TOP:
        return None
    from scipy.optimize import linprog  # here, as below: half a second that no other process than a planner needs

    rows = _rows(part, served)
    found = linprog(
        -part.pairs.score.astype(np.float64),
        A_ub=rows.most,
        b_ub=rows.most_limit,
        A_eq=rows.equal,
        b_eq=rows.equal_limit,
        bounds=(0, None),
        method="highs",
    )
    if found.status != 0:
        return None
    needs, capacities, budgets = len(part.needs), len(part.capacities), len(part.budgets)
    most = [max(0, round(-value * ONE)) for value in found.ineqlin.marginals.tolist()]
    classes = [round(-value * ONE) for value in found.eqlin.marginals.tolist()]
    return _certified(
        part,
        served,
        capacity=most[needs : needs + capacities],
        budget=most[needs + capacities : needs + capacities + budgets],
        floor=most[needs + capacities + budgets : needs + capacities + budgets + len(part.floors)],
        minimum=most[needs + capacities + budgets + len(part.floors) :],
        classes=dict(zip(sorted(served), classes, strict=True)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    most: "coo_array"
    most_limit: list[int]
    equal: "coo_array"
    equal_limit: list[int]


def _rows(part: Instance, served: dict[int, int]) -> _Rows:
    """Return the constraints: each need once, capacities, budgets, floors, minima; and the needs served by class."""
    from scipy.sparse import coo_array, vstack

    pairs, count = part.pairs, len(part.pairs)
    numbers = np.arange(count)
    each = coo_array((np.ones(count), (pairs.need, numbers)), shape=(len(part.needs), count))
    use = coo_array(
        (pairs.use_amount.astype(np.float64), (pairs.use_capacity, pairs.use_pair())),
        shape=(len(part.capacities), count),
    )
    cost = coo_array(
        (pairs.cost_amount.astype(np.float64), (pairs.cost_budget, pairs.cost_pair())), shape=(len(part.budgets), count)
    )
    member = np.array(
        [[floor.group in entry.groups for entry in part.needs] for floor in part.floors], dtype=np.float64
    ).reshape(len(part.floors), len(part.needs))
    own = np.array(
        [[entry.priority_class == name for entry in part.needs] for name in sorted(served)], dtype=np.float64
    )
    return _Rows(
        most=vstack([each, use, cost, coo_array(-member[:, pairs.need]), -use], format="csr"),
        most_limit=[
            *[1] * len(part.needs),
            *[entry.maximum for entry in part.capacities],
            *[entry.maximum for entry in part.budgets],
            *[-floor.minimum for floor in part.floors],
            *[-entry.minimum for entry in part.capacities],
        ],
        equal=coo_array(own[:, pairs.need]).tocsr(),
        equal_limit=[served[name] for name in sorted(served)],
    )


def _certified(
    part: Instance,
    served: dict[int, int],
    *,
    capacity: list[int],
    budget: list[int],
    floor: list[int],
    minimum: list[int],
    classes: dict[int, int],
) -> Prices:
    """Add up the bound in whole numbers."""
    pairs = part.pairs
    bonus = [
        sum(price for price, entry in zip(floor, part.floors, strict=True) if entry.group in need.groups)
        - classes[need.priority_class]
        for need in part.needs
    ]
    gain = [score * ONE + bonus[need] for score, need in zip(pairs.score.tolist(), pairs.need.tolist(), strict=True)]
    for pair, thing, used in zip(
        pairs.use_pair().tolist(), pairs.use_capacity.tolist(), pairs.use_amount.tolist(), strict=True
    ):
        gain[pair] -= (capacity[thing] - minimum[thing]) * used
    for pair, thing, cents in zip(
        pairs.cost_pair().tolist(), pairs.cost_budget.tolist(), pairs.cost_amount.tolist(), strict=True
    ):
        gain[pair] -= budget[thing] * cents
    locked = {int(pairs.need[pair]): pair for pair in part.locked}
    start = pairs.need_start.tolist()
    best = [
        gain[locked[need]] if need in locked else max(0, max(gain[start[need] : start[need + 1]], default=0))
        for need in range(len(part.needs))
    ]
    bound = (
        sum(best)
        + sum(
            price * entry.maximum - low * entry.minimum
            for price, low, entry in zip(capacity, minimum, part.capacities, strict=True)
        )
        + sum(price * entry.maximum for price, entry in zip(budget, part.budgets, strict=True))
        - sum(price * entry.minimum for price, entry in zip(floor, part.floors, strict=True))
        + sum(price * served[name] for name, price in classes.items())
    )
    return Prices(tuple(capacity), tuple(budget), bound, tuple(gain), tuple(best))
