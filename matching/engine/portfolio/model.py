"""The instance made smaller before it is solved: locks taken, bans and hopeless pairs gone, all limits as rows.

A row is `least <= sum of amounts of the chosen pairs <= most`: a capacity, a budget, a floor, or a link: the pair counts 1,
each of those it leans on -1, and the sum is 0 at the most. Rows that no plan can break are dropped, and a row whose pairs
all use the same amount is counted in that amount.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from matching.engine.policy import SCORE_TOP
from matching.engine.portfolio.instance import Flags, Instance, Ints

UNLIMITED = np.int64(1) << 60


class Kind(IntEnum):
    """What a row stands for."""

    CAPACITY = 0
    BUDGET = 1
    FLOOR = 2
    LINK = 3


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Limits. Shapes: `least`, `most`, `kind`, `thing` [rows] (`thing` counts in capacities, budgets, floors or
    links of the instance); `pair`, `row`, `amount` [entries], sorted by pair and row.
    """

    least: Ints
    most: Ints
    kind: Ints
    thing: Ints
    pair: Ints
    row: Ints
    amount: Ints

    def totals(self, chosen: Flags) -> Ints:
        """Add up what the chosen pairs use of each row. `chosen` [pairs] -> [rows]"""
        used = chosen[self.pair]
        totals = np.zeros(len(self.least), dtype=np.int64)
        np.add.at(totals, self.row[used], self.amount[used])
        return totals

    def hold(self, chosen: Flags) -> bool:
        """Tell whether the chosen pairs keep every row."""
        totals = self.totals(chosen)
        return bool(((totals >= self.least) & (totals <= self.most)).all())


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """What is left to decide. `number` are the pairs' numbers in the instance; `need` counts from 0 without gaps.

    Shapes: `number`, `need`, `score`, `previous`, `tie` [pairs], sorted by need; `need_class`, `need_start` [needs (+ 1)].
    `locked` are the numbers of the locked pairs, `ceiling` is their worst score; `contradiction` says that they alone
    break a limit.
    """

    number: Ints
    need: Ints
    score: Ints
    previous: Flags
    tie: Ints
    need_class: Ints
    need_start: Ints
    rows: Rows
    locked: Ints
    ceiling: int
    contradiction: bool

    def at_least(self, threshold: int) -> "Model":
        """Return the model without the pairs that score less."""
        return self.restricted(self.score >= threshold)

    def restricted(self, kept: Flags) -> "Model":
        """Return the model with some of its pairs. `kept` [pairs]"""
        if kept.all():
            return self
        place = np.cumsum(kept) - 1
        rows, entry = self.rows, kept[self.rows.pair]
        need = self.need[kept]
        present, compact = np.unique(need, return_inverse=True)
        return Model(
            number=self.number[kept],
            need=compact,
            score=self.score[kept],
            previous=self.previous[kept],
            tie=self.tie[kept],
            need_class=self.need_class[present],
            need_start=np.searchsorted(compact, np.arange(len(present) + 1)),
            rows=Rows(
                rows.least,
                rows.most,
                rows.kind,
                rows.thing,
                place[rows.pair[entry]],
                rows.row[entry],
                rows.amount[entry],
            ),
            locked=self.locked,
            ceiling=self.ceiling,
            contradiction=self.contradiction,
        )

    def chosen(self, numbers: Iterable[int]) -> Flags:
        """Mark pairs by their numbers in the instance. -> [pairs]"""
        return np.isin(self.number, np.fromiter(numbers, np.int64))


@dataclass(frozen=True, slots=True)
class Wishes:
    """The locks, floors and minima that are looked at; by default all of an instance (see `all_wishes`)."""

    locks: frozenset[int]
    floors: frozenset[int]
    minima: frozenset[int]


def all_wishes(instance: Instance) -> Wishes:
    """List the pair numbers of the locks, the places of the floors and of the capacities with a minimum."""
    return Wishes(
        instance.locked,
        frozenset(range(len(instance.floors))),
        frozenset(place for place, capacity in enumerate(instance.capacities) if capacity.minimum),
    )


def build_model(instance: Instance, wishes: Wishes | None = None) -> Model:
    """Reduce an instance to what is open once its locks and bans are taken."""
    wishes = wishes or all_wishes(instance)
    pairs = instance.pairs
    locked = np.array(sorted(wishes.locks), dtype=np.int64)
    rows = _instance_rows(instance, wishes)
    taken = np.zeros(len(pairs), dtype=np.bool_)
    taken[locked] = True
    used = rows.totals(taken)
    most, least = np.where(rows.most == UNLIMITED, UNLIMITED, rows.most - used), rows.least - used
    open_pair = ~np.isin(pairs.need, pairs.need[locked])
    open_pair[list(instance.banned)] = False
    room = _close(rows, most, open_pair)
    contradiction = bool((room < 0).any()) or len(set(pairs.need[locked])) < len(locked)
    whole = Model(
        number=np.arange(len(pairs)),
        need=pairs.need,
        score=pairs.score,
        previous=pairs.previous,
        tie=pairs.tie,
        need_class=np.fromiter((entry.priority_class for entry in instance.needs), np.int64, len(instance.needs)),
        need_start=pairs.need_start,
        rows=Rows(least, most, rows.kind, rows.thing, rows.pair, rows.row, rows.amount),
        locked=locked,
        ceiling=int(pairs.score[locked].min(initial=SCORE_TOP)),
        contradiction=contradiction,
    )
    # `restricted` also drops needs without pairs, so it is called even when all pairs stay.
    return tightened(_without_empty_needs(whole.restricted(open_pair)))


def _close(rows: Rows, most: Ints, open_pair: Flags) -> Ints:
    """Close the pairs that no plan can hold and return what each row allows at the most. [rows]

    What a pair leans on makes room for it in the row of its link; closing one may close those that lean on it.
    """
    while True:
        room = most + relief(rows, open_pair)
        hopeless = rows.pair[rows.amount > room[rows.row]]
        if not open_pair[hopeless].any():
            return room
        open_pair[hopeless] = False


def relief(rows: Rows, open_pair: Flags) -> Ints:
    """Return how much room open pairs could make in each row by being chosen: only links count pairs below 0. [rows]"""
    room = np.zeros(len(rows.least), dtype=np.int64)
    leant_on = np.flatnonzero(rows.amount < 0)
    if len(leant_on):
        leant_on = leant_on[open_pair[rows.pair[leant_on]]]
        np.subtract.at(room, rows.row[leant_on], rows.amount[leant_on])
    return room


def tightened(model: Model) -> Model:
    """Drop the rows that no plan can break, and count rows of equal amounts in that amount."""
    rows = model.rows
    reach = _reach(model)
    bites = (rows.least > 0) | (reach > rows.most)
    least, most, amount = rows.least.copy(), rows.most.copy(), rows.amount.copy()
    smallest, largest = _extremes(rows)
    even = (smallest == largest) & (largest > 1)
    least[even] = -(-least[even] // largest[even])
    limited = even & (most < UNLIMITED)
    most[limited] //= largest[limited]
    amount[even[rows.row]] = 1
    place = np.cumsum(bites) - 1
    entry = bites[rows.row]
    kept = Rows(
        np.where(rows.kind[bites] == Kind.LINK, least[bites], np.maximum(least[bites], 0)),
        most[bites],
        rows.kind[bites],
        rows.thing[bites],
        rows.pair[entry],
        place[rows.row[entry]],
        amount[entry],
    )
    return replace(model, rows=kept)


def _instance_rows(instance: Instance, wishes: Wishes) -> Rows:
    pairs = instance.pairs
    capacities, budgets, floors = len(instance.capacities), len(instance.budgets), sorted(wishes.floors)
    pair = [pairs.use_pair(), pairs.cost_pair()]
    row = [pairs.use_capacity, capacities + pairs.cost_budget]
    amount = [pairs.use_amount, pairs.cost_amount]
    for place, floor in enumerate(floors):
        group = instance.floors[floor].group
        member = np.fromiter((group in entry.groups for entry in instance.needs), np.bool_, len(instance.needs))
        members = np.flatnonzero(member[pairs.need])
        pair.append(members)
        row.append(np.full(len(members), capacities + budgets + place))
        amount.append(np.ones(len(members), dtype=np.int64))
    for place, link in enumerate(instance.links):
        pair.append(np.array([link.pair, *link.one_of], dtype=np.int64))
        row.append(np.full(1 + len(link.one_of), capacities + budgets + len(floors) + place))
        amount.append(np.array([1] + [-1] * len(link.one_of), dtype=np.int64))
    flat_pair, flat_row, flat_amount = np.concatenate(pair), np.concatenate(row), np.concatenate(amount)
    if len(flat_pair) > len(pair[0]):
        order = np.lexsort((flat_row, flat_pair))
        flat_pair, flat_row, flat_amount = flat_pair[order], flat_row[order], flat_amount[order]
    return Rows(
        least=np.array(
            [entry.minimum if place in wishes.minima else 0 for place, entry in enumerate(instance.capacities)]
            + [0] * budgets
            + [instance.floors[floor].minimum for floor in floors]
            + [-UNLIMITED] * len(instance.links),
            dtype=np.int64,
        ),
        most=np.array(
            [entry.maximum for entry in instance.capacities]
            + [entry.maximum for entry in instance.budgets]
            + [UNLIMITED] * len(floors)
            + [0] * len(instance.links),
            dtype=np.int64,
        ),
        kind=np.repeat(list(Kind), [capacities, budgets, len(floors), len(instance.links)]).astype(np.int64),
        thing=np.concatenate(
            [
                np.arange(capacities),
                np.arange(budgets),
                np.array(floors, dtype=np.int64),
                np.arange(len(instance.links)),
            ]
        ),
        pair=flat_pair,
        row=flat_row,
        amount=flat_amount,
    )


def _without_empty_needs(model: Model) -> Model:
    present = np.diff(model.need_start) > 0
    if present.all():
        return model
    compact = (np.cumsum(present) - 1)[model.need]
    return replace(
        model,
        need=compact,
        need_class=model.need_class[present],
        need_start=np.searchsorted(compact, np.arange(int(present.sum()) + 1)),
    )


def _reach(model: Model) -> Ints:
    """Return what no plan can exceed of each row: all its pairs together; of a budget the largest of every need. [rows]"""
    rows = model.rows
    reach = np.zeros(len(rows.least), dtype=np.int64)
    np.add.at(reach, rows.row, np.maximum(rows.amount, 0))
    for budget in np.flatnonzero(rows.kind == Kind.BUDGET):
        entry = rows.row == budget
        largest = np.zeros(len(model.need_class), dtype=np.int64)
        np.maximum.at(largest, model.need[rows.pair[entry]], rows.amount[entry])
        reach[budget] = largest.sum()
    return reach


def _extremes(rows: Rows) -> tuple[Ints, Ints]:
    """Return the smallest and the largest amount used of each row; 0 where none is. [rows], [rows]"""
    smallest = np.full(len(rows.least), UNLIMITED)
    largest = np.zeros(len(rows.least), dtype=np.int64)
    np.minimum.at(smallest, rows.row, rows.amount)
    np.maximum.at(largest, rows.row, rows.amount)
    return smallest, largest
