"""The plan that a hasty planner would make, for comparison and as a first plan to improve on.

Pairs are taken in this order, each if its need is still open and all limits hold: priority class, then score from the
highest, then the tie, then the number of the pair. Locks are taken before, bans never.
"""

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


def hasty(model: Model) -> Flags:
    """Mark the pairs of the greedy plan of a model. [pairs]"""
    rows = model.rows
    order = np.lexsort((model.number, model.tie, -model.score, model.need_class[model.need]))
    start = np.searchsorted(rows.pair, np.arange(len(model.number) + 1)).tolist()
    row, amount, left, need = rows.row.tolist(), rows.amount.tolist(), rows.most.tolist(), model.need.tolist()
    chosen, done = np.zeros(len(model.number), dtype=np.bool_), [False] * len(model.need_class)
    for pair in order.tolist():
        uses = range(start[pair], start[pair + 1])
        if done[need[pair]] or any(amount[use] > left[row[use]] for use in uses):
            continue
        chosen[pair] = done[need[pair]] = True
        for use in uses:
            left[row[use]] -= amount[use]
    return chosen
