"""Exact figures of changed plans without solving again, by shortest paths in the residual network of the plan.

A part is a flow when each scarce capacity is used in one constant amount and the capacities of each pair form a chain
in a forest (a session inside the load of its provider). Forcing a pair then changes the best plan by exactly one
cheapest cycle of the residual network (R. Ahuja, T. Magnanti, J. Orlin, "Network Flows", 1993, theorems 3.5 and 9.2):
whoever must leave the pair's capacity goes elsewhere, someone leaves there, and so on, until a free unit, a need that
is dropped, or the unit that the forced need itself gave back. One more unit of a capacity does the same.

The network is contracted to capacities and one outside node; an arc u -> v is the cheapest way to make a unit leave u
and turn up at v. Costs join the objectives in one whole number: classes in balanced ternary (a cycle adds and drops at
most one need besides the forced one), then total score, then pairs kept, each too small to reach the one before it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from matching.engine.policy import SCORE_TOP
from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.parts import Part
from matching.engine.portfolio.standing import NOBODY, Standing

FAR = 1 << 61
CLOSED = 1 << 60
COST_TOP = 1 << 57


Arcs = dict[int, list[tuple[int, int]]]  # node -> (other node, reduced cost), the cheapest first


@dataclass(frozen=True, slots=True)
class Effect:
    """How the objectives of a plan differ after a change; classes without a difference are left out."""

    served: Mapping[int, int]
    total_score: int
    kept: int


@dataclass(frozen=True, slots=True)
class Scale:
    """How much each objective counts in a cost. With `score` 0 only needs served count."""

    classes: tuple[int, ...]  # the last to be served first
    served: int
    score: int
    kept: int

    def value(self, served: Ints, score: Ints, previous: Ints) -> Ints:
        """Return what choosing pairs is worth; `served`: place of the class in `classes`. [pairs]"""
        return self.served * np.power(3, served) + self.score * score + self.kept * previous

    def read(self, value: int) -> Effect:
        """Take a value apart into the objectives."""
        kept = score = 0
        if self.score:
            kept = (value + self.score // 2) % self.score - self.score // 2
            value -= kept
            score = (value + self.served // 2) % self.served - self.served // 2
            value -= score
        digits = value // self.served
        served = {}
        for name in self.classes:
            digit = (digits + 1) % 3 - 1
            digits = (digits - digit) // 3
            if digit:
                served[name] = digit
        return Effect(dict(sorted(served.items())), score // self.score if self.score else 0, kept)


@dataclass(frozen=True, slots=True, eq=False)
class Chains:
    """The scarce capacities of a part as a forest; the node after the last capacity is outside.

    Shapes: `parent`, `flow`, `most`, `least` [capacities of the part], in units of the constant amount `unit`;
    `leaf` [pairs]: the innermost capacity of each pair, or outside.
    """

    parent: Ints
    flow: Ints
    most: Ints
    least: Ints
    unit: Ints
    leaf: Ints


class Residual:
    """The residual network of a part in which the plan is the best one."""

    def __init__(self, standing: Standing, part: Part, pairs: Ints, chains: Chains, scale: Scale) -> None:
        self._scale, self._chains = scale, chains
        self._outside = len(part.capacities)
        self._place = {need: place for place, need in enumerate(part.needs.tolist())}
        self._row = {pair: row for row, pair in enumerate(pairs.tolist())}
        need = np.searchsorted(part.needs, standing.instance.pairs.need[pairs])
        classes = [scale.classes.index(standing.instance.needs[n].priority_class) for n in part.needs.tolist()]
        self._value = scale.value(
            np.array(classes, dtype=np.int64)[need],
            standing.instance.pairs.score[pairs],
            standing.instance.pairs.previous[pairs].astype(np.int64),
        )
        self._stays = standing.locked_need[part.needs]
        self._node = np.full(len(part.needs), self._outside, dtype=np.int64)
        self._now = np.zeros(len(part.needs), dtype=np.int64)
        chosen = standing.pair_of[part.needs]
        rows = np.searchsorted(pairs, chosen[chosen != NOBODY])
        self._node[chosen != NOBODY], self._now[chosen != NOBODY] = chains.leaf[rows], self._value[rows]
        self._arcs(need, np.isin(np.arange(len(pairs)), rows), chosen != NOBODY)
        self.sound = self._price_nodes()
        self._into: Arcs = {}
        self._from: Arcs = {}
        self._known: dict[int, dict[int, int]] = {}
        if self.sound:
            self._lay_lists()

    def _arcs(self, need: Ints, taken: Flags, served: Flags) -> None:
        """Lay the arcs: needs that move, needs that are dropped, and capacities with room or with something to give."""
        chains, move = self._chains, ~taken & ~self._stays[need]
        drop = served & ~self._stays
        inner = np.arange(len(chains.parent))
        up, down = chains.flow < chains.most, chains.flow > chains.least
        tail = np.concatenate([self._node[need[move]], self._node[drop], inner[up], chains.parent[down]])
        head = np.concatenate(
            [chains.leaf[move], np.full(int(drop.sum()), self._outside), chains.parent[up], inner[down]]
        )
        free = np.zeros(int(up.sum() + down.sum()), dtype=np.int64)
        cost = np.concatenate([(self._now[need] - self._value)[move], self._now[drop], free])
        order = np.lexsort((cost, head, tail))
        tail, head, cost = tail[order], head[order], cost[order]
        first = (tail != head) & np.append(True, (tail[1:] != tail[:-1]) | (head[1:] != head[:-1]))[: len(tail)]
        self._tail, self._head, self._cost = tail[first], head[first], cost[first]

    def _price_nodes(self) -> bool:
        """Price the nodes by their distance to the outside (Bellman-Ford). Tell whether no cycle gains.

        Nodes that lead nowhere (locks hold all of them) get one high price: they lead to each other at most, at cost 0.
        """
        price = np.full(self._outside + 1, FAR, dtype=np.int64)
        price[self._outside] = 0
        first = np.flatnonzero(np.append(True, self._tail[1:] != self._tail[:-1])[: len(self._tail)])
        ends = self._tail[first]
        for _ in range(self._outside + 2):
            through = price[self._head]
            reach = np.where(through >= FAR, FAR, self._cost + through)
            found = np.minimum(np.minimum.reduceat(reach, first), price[ends]) if len(first) else price[ends]
            if np.array_equal(found, price[ends]):
                self._closed = price >= FAR
                self._price = np.where(self._closed, CLOSED, price)
                return True
            price[ends] = found
        return False

    def _lay_lists(self) -> None:
        """Lay out arcs by node with their reduced costs, which are never negative, the cheapest first."""
        reduced = self._cost + self._price[self._head] - self._price[self._tail]
        order = np.argsort(reduced, kind="stable")
        for start, end, length in zip(
            self._tail[order].tolist(), self._head[order].tolist(), reduced[order].tolist(), strict=True
        ):
            self._into.setdefault(end, []).append((start, length))
            self._from.setdefault(start, []).append((end, length))
        self._outward = _spread(self._from, self._outside, FAR)

    def _distance(self, start: int, end: int) -> int | None:
        """Return the least cost of making a unit leave `start` and turn up at `end`; None when it cannot.

        Every open node reaches the outside at the reduced cost 0, so none is farther from `end` than the outside is.
        """
        if start == end:
            return 0
        rest = self._outward.get(end)
        if start == self._outside:
            length = rest
        else:
            if end not in self._known:
                self._known[end] = _spread(self._into, end, FAR if rest is None else rest)
            length = self._known[end].get(start, None if self._closed[start] else rest)
        return None if length is None else length + int(self._price[start] - self._price[end])

    def force(self, need: int, pair: int) -> Effect | None:
        """Return what forcing a pair does to the best plan; None when a lock stands in the way."""
        place = self._place[need]
        if self._stays[place] or pair not in self._row:
            return None
        row = self._row[pair]
        way = self._distance(int(self._chains.leaf[row]), int(self._node[place]))
        if way is None:
            return None
        return self._scale.read(int(self._value[row] - self._now[place]) - way)

    def one_more(self, capacity: int) -> Effect:
        """Return what one more unit of a capacity (its place in the part) does to the best plan."""
        way = self._distance(int(self._chains.parent[capacity]), capacity)
        if way is None or way >= 0:
            return self._scale.read(0)
        return self._scale.read(-way)


def _spread(arcs: Arcs, start: int, limit: int) -> dict[int, int]:
    """Return the distances from a node that are below a limit (Dijkstra)."""
    best, done, queue = {start: 0}, dict[int, int](), [(0, start)]
    while queue:
        length, node = heappop(queue)
        if node in done:
            continue
        done[node] = length
        for other, more in arcs.get(node, ()):
            total = length + more
            if total >= limit:
                break
            if total < best.get(other, limit):
                best[other] = total
                heappush(queue, (total, other))
    return done


def residual(standing: Standing, part: Part, *, least_score: int, served_only: bool = False) -> Residual | None:
    """Return the residual network of a part among pairs of at least a score; None when the part is no flow.

    With `served_only` just the needs served by class count, and the figures are those of that objective alone.
    """
    if part.budgets.size or part.groups or part.linked or not standing.proven:
        return None
    score = standing.instance.pairs.score[part.pairs]
    pairs = part.pairs[(score >= least_score) | np.isin(part.pairs, standing.chosen)]
    chains = _chains(standing, part, pairs)
    if chains is None:
        return None
    classes = sorted({standing.instance.needs[need].priority_class for need in part.needs.tolist()}, reverse=True)
    steps = len(part.capacities) + 4
    score_step = 0 if served_only else 2 * steps
    served_step = 1 if served_only else score_step * 2 * SCORE_TOP * steps
    if served_step * 3 ** len(classes) > COST_TOP:
        return None
    scale = Scale(tuple(classes), served_step, score_step, int(standing.settings.stability and not served_only))
    network = Residual(standing, part, pairs, chains, scale)
    return network if network.sound else None


def _chains(standing: Standing, part: Part, pairs: Ints) -> Chains | None:
    """Return the scarce capacities of the pairs as a forest, or None when they form none."""
    arrays, outside = standing.instance.pairs, len(part.capacities)
    place = np.full(len(standing.maximum), -1, dtype=np.int64)
    place[part.capacities] = np.arange(outside)
    sizes = np.diff(arrays.use_start)[pairs]
    row = np.repeat(arrays.use_start[pairs] - np.append(0, np.cumsum(sizes)[:-1])[: len(sizes)], sizes)
    row = row + np.arange(len(row))
    owner = np.repeat(np.arange(len(pairs)), sizes)
    scarce = place[arrays.use_capacity[row]] >= 0
    owner, node, amount = owner[scarce], place[arrays.use_capacity[row]][scarce], arrays.use_amount[row][scarce]
    least = np.full(outside, FAR, dtype=np.int64)
    unit = np.zeros(outside, dtype=np.int64)
    np.minimum.at(least, node, amount)
    np.maximum.at(unit, node, amount)
    if (least[unit > 0] != unit[unit > 0]).any():
        return None
    count = np.bincount(node, minlength=outside)
    order = np.lexsort((node, count[node], owner))
    owner, node = owner[order], node[order]
    after = np.full(len(node), outside, dtype=np.int64)
    after[:-1] = np.where(owner[1:] == owner[:-1], node[1:], outside)
    parent, other = np.full(outside, FAR, dtype=np.int64), np.full(outside, -1, dtype=np.int64)
    np.minimum.at(parent, node, after)
    np.maximum.at(other, node, after)
    if (parent[unit > 0] != other[unit > 0]).any():
        return None
    parent[unit == 0] = outside
    unit = np.maximum(unit, 1)
    leaf = np.full(len(pairs), outside, dtype=np.int64)
    begins = np.flatnonzero(np.append(True, owner[1:] != owner[:-1])[: len(owner)])
    leaf[owner[begins]] = node[begins]
    members = part.capacities
    return Chains(
        parent=parent,
        flow=standing.used[members] // unit,
        most=standing.maximum[members] // unit,
        least=-(-standing.minimum[members] // unit),
        unit=unit,
        leaf=leaf,
    )
