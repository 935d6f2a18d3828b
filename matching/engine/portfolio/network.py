"""Flows of least cost through a network with bounds on its arcs, and what their prices say about all other best flows.

The solver is OR-Tools' cost scaling (Goldberg 1997, "An efficient implementation of a scaling minimum-cost flow
algorithm"); it works in whole numbers, so what it returns is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from ortools.graph.python import max_flow, min_cost_flow

from matching.engine.portfolio.instance import Ints

# The solver scales costs by the number of nodes, and its prices grow to several times that (measured: 3.7) before they would overflow.
COST_TOP = 1 << 60


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """Arcs with the least and the most that may flow, and what each node supplies (a demand is negative).

    Shapes: `tail`, `head`, `least`, `most` [arcs]; `supply` [nodes], adding up to 0.
    """

    tail: Ints
    head: Ints
    least: Ints
    most: Ints
    supply: Ints

    def fits(self, cost: Ints) -> bool:
        """Tell whether costs are small enough for exact arithmetic in 64 bits: max|cost| * (nodes + 1) < 2^60."""
        largest = int(np.abs(cost).max(initial=0))
        return largest * (len(self.supply) + 1) < COST_TOP

    def unsent(self) -> Ints:
        """Return what each node has left to send once the least flows through every arc. [nodes]"""
        supply = self.supply.copy()
        bound = np.flatnonzero(self.least)
        np.subtract.at(supply, self.tail[bound], self.least[bound])
        np.add.at(supply, self.head[bound], self.least[bound])
        return supply

    def cheapest(self, cost: Ints) -> Ints | None:
        """Return a flow of least cost [arcs], or None when no flow keeps the bounds. Raises OverflowError."""
        if not self.fits(cost):
            raise OverflowError("costs are too large for exact arithmetic")
        if (self.least > self.most).any():
            return None
        supply = self.unsent()
        free = np.flatnonzero(self.most > self.least)
        solver = min_cost_flow.SimpleMinCostFlow()
        arcs = solver.add_arcs_with_capacity_and_unit_cost(
            self.tail[free].astype(np.int32),
            self.head[free].astype(np.int32),
            (self.most - self.least)[free],
            cost[free],
        )
        solver.set_nodes_supplies(np.arange(len(supply), dtype=np.int32), supply)
        status = solver.solve()
        if status == solver.INFEASIBLE:
            return None
        if status != solver.OPTIMAL:
            raise OverflowError(f"the solver gave up: {status.name}")
        flow = self.least.copy()
        flow[free] += solver.flows(arcs)
        return flow

    def potentials(self, cost: Ints, flow: Ints) -> Ints:
        """Return prices of the nodes that prove a flow of least cost: `cost + price[tail] - price[head]` is >= 0 on
        every arc that could carry more and <= 0 on every arc that could carry less. [nodes]

        They are the shortest distances in the residual network (Bellman-Ford, all arcs in one sweep).
        """
        more, less = flow < self.most, flow > self.least
        tail = np.concatenate([self.tail[more], self.head[less]])
        head = np.concatenate([self.head[more], self.tail[less]])
        length = np.concatenate([cost[more], -cost[less]])
        price = np.zeros(len(self.supply), dtype=np.int64)
        # First what reaches the nodes that send, then the rest: most ways alternate, so this halves the sweeps.
        sends = self.supply[head] > 0
        sweeps = [_sweep(tail[group], head[group], length[group]) for group in (sends, ~sends) if group.any()]
        changed = True
        while changed:
            changed = False
            for sweep in sweeps:
                changed |= sweep(price)
        return price

    def narrowed(self, cost: Ints, flow: Ints, price: Ints | None = None) -> "Network":
        """Return the network whose flows are exactly the flows of least cost of this one.

        Complementary slackness: every best flow is at the bound where the reduced cost is not zero, and every flow
        that is there is best.
        """
        price = self.potentials(cost, flow) if price is None else price
        reduced = cost + price[self.tail] - price[self.head]
        return replace(
            self,
            least=np.where(reduced < 0, self.most, self.least),
            most=np.where(reduced > 0, self.least, self.most),
        )


def _sweep(tail: Ints, head: Ints, length: Ints) -> Callable[[Ints], bool]:
    """Return what shortens the prices of all heads in place and tells whether that changed any."""
    order = np.argsort(head, kind="stable")
    tail, head, length = tail[order], head[order], length[order]
    first = np.flatnonzero(np.append(True, head[1:] != head[:-1]))
    ends = head[first]

    def sweep(price: Ints) -> bool:
        known = price[ends]
        found = np.minimum(np.minimum.reduceat(price[tail] + length, first), known)
        price[ends] = found
        return not np.array_equal(found, known)

    return sweep


def largest_flow(tail: Ints, head: Ints, most: Ints, source: int, sink: int) -> int:
    """Return how much can flow from the source to the sink. `tail`, `head`, `most` [arcs]"""
    solver = max_flow.SimpleMaxFlow()
    solver.add_arcs_with_capacity(tail.astype(np.int32), head.astype(np.int32), most)
    solver.solve(source, sink)
    return int(solver.optimal_flow())
