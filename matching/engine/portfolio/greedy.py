"""The plan that a hasty planner would make, for comparison and as a first plan to improve on.

Pairs are taken in this order, each if its need is still open and all limits hold: priority class, then score from the
highest, then the tie, then the number of the pair. Locks are taken before, bans never.
"""

from collections.abc import Collection

import numpy as np

from matching.engine.portfolio.assembly import solution_of
from matching.engine.portfolio.instance import Flags, Instance
from matching.engine.portfolio.model import Model, build_model
from matching.engine.portfolio.objectives import Outcome
from matching.engine.portfolio.results import FEASIBLE, Solution


def greedy(instance: Instance) -> Solution | None:
    """Return the greedy plan, None when the locks contradict one another. Floors and minima may stay unmet."""
    model = build_model(instance)
    return (
        None if model.contradiction else solution_of(instance, model, Outcome(model.number[hasty(model)], ()), FEASIBLE)
    )


def hasty(model: Model, first: Flags | None = None) -> Flags:
    """Mark the pairs of the greedy plan of a model; `first` are taken already and keep all limits. [pairs]"""
    rows = model.rows
    order = np.lexsort((model.number, model.tie, -model.score, model.need_class[model.need]))
    start = np.searchsorted(rows.pair, np.arange(len(model.number) + 1)).tolist()
    chosen = np.zeros(len(model.number), dtype=np.bool_) if first is None else first.copy()
    row, amount, need = rows.row.tolist(), rows.amount.tolist(), model.need.tolist()
    left = (rows.most - rows.totals(chosen)).tolist()
    done = np.isin(np.arange(len(model.need_class)), model.need[chosen]).tolist()
    for pair in order.tolist():
        uses = range(start[pair], start[pair + 1])
        if done[need[pair]] or any(amount[use] > left[row[use]] for use in uses):
            continue
        chosen[pair] = done[need[pair]] = True
        for use in uses:
            left[row[use]] -= amount[use]
    return chosen


def resumed(model: Model, numbers: Collection[int]) -> Flags:
    """Mark what a changed model still allows of an earlier plan (pair numbers), filled up like the greedy plan. [pairs]

    What breaks a limit goes, the last class and the lowest score first, and what leant on it. Where a lock leans on others,
    the best of them takes the place of what its need had. Minima and floors may stay unmet.
    """
    rows, chosen = model.rows, model.chosen(numbers)
    bound: Flags = np.zeros(len(chosen), dtype=np.bool_)  # pairs that a lock asks for
    rank = np.empty(len(chosen), dtype=np.int64)
    rank[np.lexsort((model.number, -model.score, model.need_class[model.need]))] = np.arange(len(chosen))
    while True:
        broken = (rows.totals(chosen) > rows.most)[rows.row]
        free = ~np.isin(model.need, model.need[bound])[rows.pair]
        worse = rows.pair[broken & free & (rows.amount > 0) & chosen[rows.pair]]
        better = rows.pair[broken & free & (rows.amount < 0)]
        if len(worse):
            chosen[worse[np.argmax(rank[worse])]] = False
        elif len(better):
            pair = better[np.argmin(rank[better])]
            chosen[model.need == model.need[pair]] = False
            chosen[pair] = bound[pair] = True
        else:
            return hasty(model, chosen)


__all__ = ["greedy", "hasty", "resumed"]
