"""Portfolios that are networks: every objective by one flow of least cost, each among the best flows of the ones before.

Classes need no stage of their own unless there are floors. The sets of needs that can be served together are linked
sets of a network with bounds, a generalized matroid (Murota 2003, Discrete Convex Analysis, 9.6); in one, a set is
best under weights when no need can be added, dropped or exchanged for another with gain (theorem 6.26), and which
exchanges gain depends on the order of the classes alone. So any falling weights serve the first class as much as possible,
then the second, and so on (Edmonds 1971 for matroids), and one flow with weights above all scores does it with the fit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matching.engine.portfolio.bottleneck import threshold
from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.layout import Layout, network_of
from matching.engine.portfolio.model import Model
from matching.engine.portfolio.network import Network, largest_flow
from matching.engine.portfolio.objectives import Objective, Outcome, Proof, below_service, classes, served
from matching.engine.portfolio.results import TOTAL_SCORE, WORST_SCORE, Settings

SOLVER = "min-cost flow"
BISECTION = "bisection over flows"


@dataclass(slots=True, eq=False)
class _Run:
    """The network of a model while objective after objective narrows it."""

    model: Model
    layout: Layout
    network: Network
    flow: Ints

    def chosen(self) -> Flags:
        """Mark the pairs that carry flow. [pairs]"""
        return self.flow[: len(self.model.number)] > 0

    def maximise(self, gain: Ints, *, narrow: bool) -> bool:
        """Take the best flow for `gain` [pairs]; with `narrow`, keep to the best flows. False when there is no flow."""
        cost = np.zeros(len(self.network.tail), dtype=np.int64)
        cost[: len(gain)] = -gain
        flow = self.network.cheapest(cost)
        if flow is None:
            return False
        self.flow = flow
        if narrow:
            self.network = self.network.narrowed(cost, flow)
        return True

    def indifferent(self, gain: Ints) -> bool:
        """Tell whether all flows that are left gain the same because no pair with a gain is open."""
        count = len(gain)
        free = self.network.least[:count] < self.network.most[:count]
        return not gain[free].any()


def solve_flow(model: Model, layout: Layout, settings: Settings, note: Callable[[str], None]) -> Outcome | None:
    """Find the best plan of a network model in all objectives; None when its rows cannot be kept. Budgets are not seen."""
    proofs = [Proof(goal.name, 0, SOLVER) for goal in served(model)]
    if settings.worst_served and len(model.number):
        note(WORST_SCORE)
        found = threshold(model, lambda least: profile(model, layout, least))
        if found is None:
            return None
        if found.score is not None:
            kept = model.score >= found.score
            model, layout = model.restricted(kept), _restricted(model, layout, kept)
        proofs.append(Proof(WORST_SCORE, 0, BISECTION))
    run = _Run(model, layout, network_of(model, layout), np.zeros(0, dtype=np.int64))
    goals = below_service(model, settings)
    note(TOTAL_SCORE)
    if not _serve_and_fit(run, goals[0], narrow=len(goals) > 1):
        return None
    for place, goal in enumerate(goals[1:], start=2):
        gain = goal.gain(run.model)
        if not run.indifferent(gain):
            note(goal.name)
            run.maximise(gain, narrow=place < len(goals))
    return Outcome(model.number[run.chosen()], (*proofs, *(Proof(goal.name, 0, SOLVER) for goal in goals)))


def _restricted(model: Model, layout: Layout, kept: Flags) -> Layout:
    """Return the layout of the model without some pairs (needs without pairs fall away)."""
    present = np.unique(model.need[kept])
    return Layout(layout.capacity_rows, layout.first[kept], layout.outer, layout.floor_rows, layout.floor_of[present])


def _serve_and_fit(run: _Run, fit: Objective, *, narrow: bool) -> bool:
    weighed = class_weights(run.model)[run.model.need_class[run.model.need]] * _above(run.model) + fit.gain(run.model)
    if not len(run.layout.floor_rows) and run.network.fits(weighed):
        return run.maximise(weighed, narrow=narrow)
    served_all = all(run.maximise(goal.gain(run.model), narrow=True) for goal in served(run.model))
    return served_all and run.maximise(fit.gain(run.model), narrow=narrow)


def class_weights(model: Model) -> Ints:
    """Return falling weights of the classes, 1 for the last; indexed by class. [last class + 1]"""
    present = classes(model)
    weights = np.zeros(max(present, default=0) + 1, dtype=np.int64)
    weights[present] = np.arange(len(present), 0, -1)
    return weights


def _above(model: Model) -> int:
    """Return a weight above the total score of any plan."""
    return len(model.need_class) * int(model.score.max(initial=0)) + 1


def profile(model: Model, layout: Layout, least_score: int) -> tuple[int, ...] | None:
    """Count the needs of each class in the best service by pairs of at least a score; None when rows cannot be kept."""
    kept = model.score >= least_score
    numbers = classes(model)
    if len(layout.floor_rows) or model.rows.least.any():
        return _profile_by_cost(model.restricted(kept), _restricted(model, layout, kept), numbers)
    return _profile_by_prefix(model, layout, kept, numbers)


def _profile_by_cost(model: Model, layout: Layout, numbers: list[int]) -> tuple[int, ...] | None:
    run = _Run(model, layout, network_of(model, layout), np.zeros(0, dtype=np.int64))
    own = model.need_class[model.need]
    if not len(layout.floor_rows):
        if not run.maximise(class_weights(model)[own], narrow=False):
            return None
    elif not all(run.maximise((own == number).astype(np.int64), narrow=True) for number in numbers):
        return None
    return tuple(int((own[run.chosen()] == number).sum()) for number in numbers)


def _profile_by_prefix(model: Model, layout: Layout, kept: Flags, numbers: list[int]) -> tuple[int, ...]:
    """Serve the first class, the first two, and so on, each as much as possible: in a matroid the steps are the profile."""
    network = network_of(model, layout)
    end = len(network.supply) - 1
    arcs = slice(len(model.number), len(model.number) + len(layout.capacity_rows))
    reached = [0]
    for number in numbers:
        own = kept & (model.need_class[model.need] <= number)
        members = np.flatnonzero(model.need_class <= number)
        pairs = np.flatnonzero(own)
        tail = np.concatenate([np.full(len(members), end + 1), network.tail[pairs], network.tail[arcs]])
        head = np.concatenate([members, network.head[pairs], network.head[arcs]])
        most = np.concatenate([np.ones(len(members) + len(pairs), dtype=np.int64), network.most[arcs]])
        reached.append(largest_flow(tail, head, most, end + 1, end) if len(pairs) else 0)
    return tuple(int(step) for step in np.diff(reached))
