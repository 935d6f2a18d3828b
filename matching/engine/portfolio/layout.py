"""The model as a network, where it is one: needs, then capacities one inside the other, then the end.

That is so when every pair uses one unit of capacities that are nested (a session inside the load of its provider), no
pair leans on another and no need has two floors. A unit of flow leaves every need, through a pair or past them all; budgets stand outside.
"""

from dataclasses import dataclass

import numpy as np

from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.model import Kind, Model
from matching.engine.portfolio.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the arcs are: first one for each pair, then one for each row of `capacity_rows`, then one past each need.

    `first` [pairs] is the row that a pair enters or -1, `inner`/`outer` tell which row lies in which (outer -1: in
    none), `floor_of` [needs] is the floor row of a need or -1.
    """

    capacity_rows: Ints
    first: Ints
    outer: Ints
    floor_rows: Ints
    floor_of: Ints


def lay_out(model: Model) -> Layout | None:
    """Find the nesting of the capacities; None when the model is no network."""
    rows = model.rows
    if (rows.kind == Kind.LINK).any():
        return None
    kind = rows.kind[rows.row]
    use = kind == Kind.CAPACITY
    floor = kind == Kind.FLOOR
    if (rows.amount[use] != 1).any():
        return None
    floor_of = _floor_of(model, rows.pair[floor], rows.row[floor])
    nesting = _nesting(len(model.number), rows.pair[use], rows.row[use], len(rows.least))
    if floor_of is None or nesting is None:
        return None
    first, outer = nesting
    capacity_rows = np.flatnonzero(rows.kind == Kind.CAPACITY)
    return Layout(capacity_rows, first, outer, np.flatnonzero(rows.kind == Kind.FLOOR), floor_of)


def _floor_of(model: Model, pair: Ints, row: Ints) -> Ints | None:
    """Return the floor row of each need; None when a need has two. [needs]"""
    need = model.need[pair]
    floor_of = np.full(len(model.need_class), -1)
    floor_of[need] = row
    return None if (floor_of[need] != row).any() else floor_of


def _nesting(pairs: int, pair: Ints, row: Ints, rows: int) -> tuple[Ints, Ints] | None:
    """Order each pair's rows from the least used to the most used; None unless each row is always inside the same one.

    Returns `first` [pairs] and `outer` [rows].
    """
    first, outer = np.full(pairs, -1), np.full(rows, -1)
    if (pair[1:] > pair[:-1]).all():
        first[pair] = row
        return first, outer
    users = np.bincount(row, minlength=rows)
    order = np.lexsort((row, users[row], pair))
    pair, row = pair[order], row[order]
    starts = np.append(True, pair[1:] != pair[:-1])
    first[pair[starts]] = row[starts]
    following = np.where(np.append(starts[1:], True), -1, np.append(row[1:], -1))
    outer[row] = following
    return None if (outer[row] != following).any() else (first, outer)


def network_of(model: Model, layout: Layout) -> Network:
    """Build the network. Nodes: needs, capacity rows, floor rows, the end; arcs as in `Layout`, floors last."""
    rows = model.rows
    needs, capacities, floors = len(model.need_class), len(layout.capacity_rows), len(layout.floor_rows)
    end = needs + capacities + floors
    node = np.full(len(rows.least) + 1, end)
    node[layout.capacity_rows] = needs + np.arange(capacities)
    node[layout.floor_rows] = needs + capacities + np.arange(floors)
    members = np.bincount(layout.floor_of[layout.floor_of >= 0], minlength=len(rows.least))[layout.floor_rows]
    unserved = members - rows.least[layout.floor_rows]
    supply = np.zeros(end + 1, dtype=np.int64)
    supply[:needs], supply[end] = 1, -needs
    return Network(
        tail=np.concatenate(
            [model.need, node[layout.capacity_rows], np.arange(needs), node[layout.floor_rows]],
        ),
        head=np.concatenate(
            [node[layout.first], node[layout.outer[layout.capacity_rows]], node[layout.floor_of], np.full(floors, end)]
        ),
        least=np.concatenate(
            [
                np.zeros(len(model.need), dtype=np.int64),
                rows.least[layout.capacity_rows],
                np.zeros(needs + floors, dtype=np.int64),
            ]
        ),
        most=np.concatenate(
            [
                np.ones(len(model.need), dtype=np.int64),
                np.minimum(rows.most[layout.capacity_rows], needs),
                np.ones(needs, dtype=np.int64),
                unserved,
            ]
        ),
        supply=supply,
    )
