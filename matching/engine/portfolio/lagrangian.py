"""Budgets over a network: the limits that are no capacities get prices, and what is left is a flow of least cost.

The best prices minimise the Lagrangian bound (Fisher 1981). They come from the master program of Dantzig and Wolfe
(1960) over the flows found so far, one flow for each new guess, until no flow is better than the master thought.
With one budget, whether some service can be paid for is decided by one flow of least cost.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.layout import Layout, lay_out, network_of
from matching.engine.portfolio.mixed_integer import IMPOSSIBLE, SOLVED, Program
from matching.engine.portfolio.model import UNLIMITED, Kind, Model, Rows
from matching.engine.portfolio.network import COST_TOP, Network
from matching.engine.portfolio.programme import Held, Programme, Reached
from matching.engine.portfolio.sifting import cheapest

FLOWS = "min-cost flows within a budget"
ROUNDS = 60
CLOSE_ENOUGH = 1e-7  # of the bound: the core takes up what better prices would save
FINEST = 1 << 20
LARGEST = float(COST_TOP >> 1)
SPREAD_BITS = 40  # of the costs that weigh several budgets against each other

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """A model as a network, with the rows outside of it as `use <= limit`.

    `inside`, `outside` are row numbers; `pair`, `row`, `amount` [entries] the use of the rows outside (`row` counts in
    `outside`, amounts of a row that asks for at least something are negative), `sign`, `limit` [outside].
    """

    network: Network
    layout: Layout
    inside: Ints
    outside: Ints
    pair: Ints
    row: Ints
    amount: Ints
    sign: Ints
    limit: Ints

    def used(self, chosen: Flags) -> Ints:
        """Add up what chosen pairs [pairs] use of the rows outside. [outside]"""
        total = np.zeros(len(self.limit), dtype=np.int64)
        entry = chosen[self.pair]
        np.add.at(total, self.row[entry], self.amount[entry])
        return total

    def charge(self, pairs: int, price: Ints) -> Ints:
        """Add up what each pair pays at whole prices [outside]. [pairs]"""
        charge = np.zeros(pairs, dtype=np.int64)
        np.add.at(charge, self.pair, self.amount * price[self.row])
        return charge

    def cheapest(self, cost: Ints) -> Ints | None:
        """Return the flow that costs the pairs least, None when there is none. `cost` [pairs] -> [arcs]"""
        best = cheapest(self.network, self.arc_cost(cost))
        return None if best is None else best.flow

    def arc_cost(self, cost: Ints) -> Ints:
        """Return the cost of every arc, which only pairs have. [arcs]"""
        whole = np.zeros(len(self.network.tail), dtype=np.int64)
        whole[: len(cost)] = cost
        return whole


def priced(model: Model, rows: Rows) -> Priced | None:
    """Split rows into a network and those outside; None when the rest is no network."""
    out = rows.kind == Kind.BUDGET
    inside, outside = np.flatnonzero(~out), np.flatnonzero(out)
    kept = replace(model, rows=_only(rows, ~out))
    layout = lay_out(kept)
    if layout is None:
        return None
    sign = np.where(rows.most[outside] < UNLIMITED, 1, -1)
    entry = out[rows.row]
    row = (np.cumsum(out) - 1)[rows.row[entry]]
    limit = np.where(sign > 0, rows.most[outside], -rows.least[outside])
    amount = rows.amount[entry] * sign[row]
    return Priced(network_of(kept, layout), layout, inside, outside, rows.pair[entry], row, amount, sign, limit)


def _only(rows: Rows, kept: Flags) -> Rows:
    entry, place = kept[rows.row], np.cumsum(kept) - 1
    return Rows(
        rows.least[kept],
        rows.most[kept],
        rows.kind[kept],
        rows.thing[kept],
        rows.pair[entry],
        place[rows.row[entry]],
        rows.amount[entry],
    )


class BudgetShortcuts:
    """What flows know about a programme whose budgets lie over a network."""

    def serve(self, programme: Programme, gain: Ints) -> Reached | None:
        """Serve as many needs of a class (`gain` 1) as one budget allows; None when this is not decided by flows."""
        parts = priced(programme.model, programme.rows())
        if parts is None or len(parts.limit) != 1 or programme.deadline.passed():
            return None
        high = int(np.maximum.reduceat(gain, programme.model.need_start[:-1]).sum()) if len(gain) else 0
        low, tried = -1, high
        while low < high:
            status, plan = self._affordable(programme, gain, tried)
            if plan is None and status != IMPOSSIBLE:
                return None
            if plan is None:
                high = tried - 1
            else:
                programme.incumbent, low = plan, int(gain[plan].sum())
            tried = (low + high + 1) // 2
        return None if programme.incumbent is None else Reached(low, low, FLOWS)

    def _affordable(self, programme: Programme, gain: Ints, count: int) -> tuple[str, Flags | None]:
        with_count = replace(programme, held=[*programme.held, Held(gain, count, counts_needs=True)])
        return self.find(with_count, np.ones(len(gain), dtype=np.bool_)) or ("", None)

    def find(self, programme: Programme, kept: Flags) -> tuple[str, Flags | None] | None:
        """Look for a plan of some pairs that keeps all rows; None when flows cannot tell."""
        parts = priced(programme.model, programme.rows())
        if parts is None:
            return None
        network = replace(parts.network, most=parts.network.most.copy())
        network.most[: len(kept)][~kept] = 0
        parts = replace(parts, network=network)
        flow = parts.cheapest(_spread(parts, len(kept)))
        if flow is None:
            return IMPOSSIBLE, None
        plan = flow[: len(kept)] > 0
        if (parts.used(plan) <= parts.limit).all():
            return SOLVED, plan
        return (IMPOSSIBLE, None) if len(parts.limit) == 1 else None

    def prices(self, programme: Programme, rows: Rows, gain: Ints) -> Floats | None:
        """Return prices of all rows that make the bound on the gain as low as flows can tell; None when they cannot."""
        parts = priced(programme.model, rows)
        if parts is None or not len(parts.limit):
            return None
        master = _Master(parts, gain, programme)
        for _ in range(ROUNDS):
            if programme.deadline.passed() or not master.step():
                break
        return master.row_prices(len(rows.least))


def _spread(parts: Priced, pairs: int) -> Ints:
    """Return costs that weigh the rows outside by how short they are; for one row its own amounts. [pairs]"""
    if len(parts.limit) == 1:
        return parts.charge(pairs, np.ones(1, dtype=np.int64))
    shortest = max(1, int(np.abs(parts.limit).max(initial=1)))
    weight = np.minimum(shortest // np.maximum(np.abs(parts.limit), 1), 1 << 10).astype(np.int64)
    costs = parts.charge(pairs, np.maximum(weight, 1))
    return costs >> max(0, int(np.abs(costs).max(initial=0)).bit_length() - SPREAD_BITS)


class _Master:
    """Flows found so far and the prices under which none of them is better than the others."""

    def __init__(self, parts: Priced, gain: Ints, programme: Programme) -> None:
        self.parts, self.gain, self.programme = parts, gain, programme
        top = int(gain.max(initial=0)) + 1
        # A plan that uses nothing and is worth less than any other keeps the master solvable.
        self.gains, self.excesses = [-10.0 * top * len(programme.model.need_class)], [np.zeros(len(parts.limit))]
        self.guess: Floats = np.zeros(len(parts.limit))
        self.best: tuple[float, Ints, int, Ints, Ints] | None = None

    def step(self) -> bool:
        """Try the present prices and guess better ones; False when there are none."""
        scale = self._scale()
        whole = np.rint(self.guess * scale).astype(np.int64)
        cost = self.parts.charge(len(self.gain), whole) - self.gain * scale
        flow = self.parts.cheapest(cost)
        if flow is None:
            return False
        plan = flow[: len(cost)] > 0
        excess = self.parts.used(plan) - self.parts.limit
        self._offer(plan, excess)
        worth = float(self.gain[plan].sum())
        bound = worth - float(excess @ (whole / scale))
        if self.best is None or bound < self.best[0]:
            self.best = (bound, whole, scale, flow, cost)
        self.gains.append(worth)
        self.excesses.append(excess.astype(float))
        expected = self._solve()
        return expected is not None and self.best[0] - expected > max(0.5, CLOSE_ENOUGH * self.best[0])

    def _offer(self, plan: Flags, excess: Ints) -> None:
        """Keep a plan that breaks nothing and is better than the best known."""
        known = self.programme.incumbent
        if (excess <= 0).all() and (known is None or self.gain[plan].sum() > self.gain[known].sum()):
            self.programme.incumbent = plan

    def _solve(self) -> float | None:
        """Guess the prices at which the flows found so far balance; return the bound they would give."""
        excess = np.array(self.excesses)
        unit = np.maximum(np.abs(excess).max(axis=0), 1.0)
        worth, base, per = np.array(self.gains), max(self.gains), max(1.0, float(np.ptp(self.gains)))
        count, rows = excess.shape
        program = Program(
            gain=(worth - base) / per,
            least=np.concatenate([[1.0], np.full(rows, -np.inf)]),
            most=np.concatenate([[1.0], np.zeros(rows)]),
            row=np.concatenate([np.zeros(count, dtype=np.int64), np.repeat(np.arange(1, rows + 1), count)]),
            column=np.tile(np.arange(count), rows + 1),
            amount=np.concatenate([np.ones(count), (excess / unit).T.ravel()]),
        )
        status, price = self.programme.helper.prices(program, self.programme.deadline)
        if status != SOLVED:
            return None
        self.guess = np.maximum(price[1:], 0.0) * per / unit
        return float(max(worth - excess @ self.guess))

    def _scale(self) -> int:
        """Return the finest power of two that keeps the costs of pairs exact in 64 bits."""
        paid = np.zeros(len(self.gain))
        np.add.at(paid, self.parts.pair, np.abs(self.parts.amount) * self.guess[self.parts.row])
        largest = float(paid.max(initial=0)) + float(self.gain.max(initial=0)) + 1
        scale = FINEST
        while scale > 1 and largest * scale * (len(self.parts.network.supply) + 1) > LARGEST:
            scale //= 2
        return scale

    def row_prices(self, rows: int) -> Floats | None:
        """Return the prices of all rows under the best prices of those outside. [rows]"""
        if self.best is None:
            return None
        _, whole, scale, flow, cost = self.best
        parts, price = self.parts, np.zeros(rows)
        node = parts.network.potentials(parts.arc_cost(cost), flow)
        first = len(self.gain)
        own = slice(first, first + len(parts.layout.capacity_rows))
        floors = slice(len(parts.network.tail) - len(parts.layout.floor_rows), None)
        for arcs, numbers in ((own, parts.layout.capacity_rows), (floors, parts.layout.floor_rows)):
            step = node[parts.network.head[arcs]] - node[parts.network.tail[arcs]]
            price[parts.inside[numbers]] = step / scale
        price[parts.inside[parts.layout.floor_rows]] *= -1
        price[parts.outside] = parts.sign * whole / scale
        return price
