"""Portfolios that are networks: every objective by one flow of least cost, each among the best flows of the ones before.

How many of each class can be served is found first and then held. Without minima and floors the sets of needs that can
be served together are a transversal matroid (gammoid), so serving the first class as much as possible, the first two,
and so on, gives the profile (greedy algorithm: Edmonds 1971). With minima they are linked sets of a network with bounds,
a generalized matroid (Murota 2003, Discrete Convex Analysis, 9.6); in one, a set is best under weights when no need can be
added, dropped or exchanged with gain (theorem 6.26), and which exchanges gain depends on the order of the classes alone: any
falling weights do. With floors neither is so, and each class has a flow of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from matching.engine.portfolio.bottleneck import threshold
from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.layout import Layout, network_of
from matching.engine.portfolio.model import Model
from matching.engine.portfolio.network import Network, largest_flow
from matching.engine.portfolio.objectives import Outcome, Proof, below_service, classes, served
from matching.engine.portfolio.results import TOTAL_SCORE, WORST_SCORE, Settings
from matching.engine.portfolio.sifting import cheapest

SOLVER = "min-cost flow"
BISECTION = "bisection over flows"


@dataclass(slots=True, eq=False)
class _Run:
    """The network of a model while objective after objective narrows it."""

    model: Model
    layout: Layout
    network: Network
    flow: Ints
    fixed_service: bool = False  # the number of needs served is the same in all flows

    def chosen(self) -> Flags:
        """Mark the pairs that carry flow. [pairs]"""
        return self.flow[: len(self.model.number)] > 0

    def maximise(self, gain: Ints, *, narrow: bool) -> bool:
        """Take the best flow for `gain` [pairs]; with `narrow`, keep to the best flows. False when there is no flow."""
        cost = np.zeros(len(self.network.tail), dtype=np.int64)
        cost[: len(gain)] = -gain
        if self.fixed_service:
            # So many go past the pairs anyhow; at the price of the best pair it shows at once who does not bid on.
            past = len(gain) + len(self.layout.capacity_rows)
            cost[past : past + len(self.model.need_class)] = -gain.max(initial=0)
        best = cheapest(self.network, cost)
        if best is None:
            return False
        self.flow = best.flow
        if narrow:
            self.network = self.network.narrowed(cost, best.flow, best.price)
        return True

    def indifferent(self, gain: Ints) -> bool:
        """Tell whether all flows that are left gain the same because no pair with a gain is open."""
        count = len(gain)
        free = self.network.least[:count] < self.network.most[:count]
        return not gain[free].any()


def solve_flow(model: Model, layout: Layout, settings: Settings, note: Callable[[str], None]) -> Outcome | None:
    """Find the best plan of a network model in all objectives; None when its rows cannot be kept. Budgets are not seen."""
    proofs = [Proof(goal.name, 0, SOLVER) for goal in served(model)]
    note(proofs[0].name if proofs else TOTAL_SCORE)
    best = profile(model, layout, 0)
    if best is None:
        return None
    counts = dict(zip(classes(model), best, strict=True))
    if settings.worst_served and len(model.number):
        note(WORST_SCORE)
        found = threshold(model, best, lambda least: profile(model, layout, least))
        if found.score is not None:
            kept = model.score >= found.score
            model, layout = model.restricted(kept), _restricted(model, layout, kept)
        proofs.append(Proof(WORST_SCORE, 0, BISECTION))
    goals = below_service(model, settings)
    note(TOTAL_SCORE)
    run = _serving(model, layout, counts)
    if not run.maximise(goals[0].gain(model), narrow=len(goals) > 1):
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


def _serving(model: Model, layout: Layout, counts: Mapping[int, int]) -> _Run:
    """Return the network that serves so many needs of each class and can serve no other number."""
    nothing = np.zeros(0, dtype=np.int64)
    if len(layout.floor_rows):
        run = _Run(model, layout, network_of(model, layout), nothing)
        for goal in served(model):
            run.maximise(goal.gain(model), narrow=True)
        return run
    present, own = np.unique(model.need_class, return_inverse=True)
    first, members = len(model.rows.least), np.bincount(own, minlength=len(present))
    least = np.array([counts[int(number)] for number in present], dtype=np.int64)
    limits = replace(model.rows, least=np.concatenate([model.rows.least, least]))
    network = network_of(
        replace(model, rows=limits), replace(layout, floor_rows=first + np.arange(len(present)), floor_of=first + own)
    )
    # Who must be served has no way past.
    past = len(model.number) + len(layout.capacity_rows)
    network.most[past : past + len(own)][(least == members)[own]] = 0
    return _Run(model, layout, network, nothing, fixed_service=True)


def class_weights(model: Model) -> Ints:
    """Return falling weights of the classes, 1 for the last; indexed by class. [last class + 1]"""
    present = classes(model)
    weights = np.zeros(max(present, default=0) + 1, dtype=np.int64)
    weights[present] = np.arange(len(present), 0, -1)
    return weights


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
    whole: dict[int, int] = {}
    # The last prefix is everybody: if all are served, so is every class.
    for number in (*numbers[-1:], *numbers[:-1]):
        if whole and whole[numbers[-1]] == len(model.need_class):
            break
        own = kept & (model.need_class[model.need] <= number)
        members = np.flatnonzero(model.need_class <= number)
        pairs = np.flatnonzero(own)
        tail = np.concatenate([np.full(len(members), end + 1), network.tail[pairs], network.tail[arcs]])
        head = np.concatenate([members, network.head[pairs], network.head[arcs]])
        most = np.concatenate([np.ones(len(members) + len(pairs), dtype=np.int64), network.most[arcs]])
        whole[number] = largest_flow(tail, head, most, end + 1, end) if len(pairs) else 0
    sizes = {number: int((model.need_class <= number).sum()) for number in numbers}
    reached = [0, *(whole.get(number, sizes[number]) for number in numbers)]
    return tuple(int(step) for step in np.diff(reached))
