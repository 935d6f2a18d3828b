"""Parts of an instance that have nothing in common, so that a change in one leaves all others as they are.

Only what can run out ties needs together: a capacity whose largest possible use exceeds its maximum (or that has a
minimum), a budget that could be overspent, a floor, and a pair that leans on another. The best number of needs served by class is then the sum of
the best of each part, because the order of the objectives does not change when the same is added on both sides.
"""

from dataclasses import dataclass

import numpy as np

from matching.engine.portfolio.instance import Flags, Instance, Ints, Link, PairArrays
from matching.engine.portfolio.standing import Standing


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Needs tied together: their possible pairs, and what can run out among them; all numbers of the instance."""

    needs: Ints
    pairs: Ints
    capacities: Ints
    budgets: Ints
    groups: tuple[str, ...]  # with a floor
    linked: bool = False  # some of its pairs lean on others


def scarce(standing: Standing) -> tuple[Flags, Flags]:
    """Tell of each capacity and of each budget whether it can run out (or has a minimum). [capacities], [budgets]"""
    pairs = standing.instance.pairs
    capacities = _largest_demand(
        pairs, standing.possible, pairs.use_pair(), pairs.use_capacity, pairs.use_amount, len(standing.maximum)
    )
    budgets = _largest_demand(
        pairs, standing.possible, pairs.cost_pair(), pairs.cost_budget, pairs.cost_amount, len(standing.limit)
    )
    return (capacities > standing.maximum) | (standing.minimum > 0), budgets > standing.limit


def _largest_demand(pairs: PairArrays, possible: Flags, pair: Ints, thing: Ints, amount: Ints, count: int) -> Ints:
    """Return the most that all needs together could ask of each thing, each by its hungriest pair. [things]"""
    keep = possible[pair]
    need, thing, amount = pairs.need[pair[keep]], thing[keep], amount[keep]
    demand = np.zeros(count, dtype=np.int64)
    if len(need) == 0:
        return demand
    order = np.lexsort((thing, need))
    need, thing, amount = need[order], thing[order], amount[order]
    first = np.flatnonzero(np.append(True, (need[1:] != need[:-1]) | (thing[1:] != thing[:-1])))
    np.add.at(demand, thing[first], np.maximum.reduceat(amount, first))
    return demand


def split(standing: Standing) -> tuple[Part, ...]:
    """Return the parts of the instance, in the order of their first need."""
    instance, pairs = standing.instance, standing.instance.pairs
    short, poor = scarce(standing)
    use_pair, cost_pair = pairs.use_pair(), pairs.cost_pair()
    needs, capacities, budgets = len(instance.needs), len(instance.capacities), len(instance.budgets)
    by_use = short[pairs.use_capacity] & standing.possible[use_pair]
    by_cost = poor[pairs.cost_budget] & standing.possible[cost_pair]
    members = [
        (need, needs + capacities + budgets + number)
        for number, floor in enumerate(instance.floors)
        for need, entry in enumerate(instance.needs)
        if floor.group in entry.groups
    ]
    members += [
        (int(pairs.need[link.pair]), int(pairs.need[other])) for link in instance.links for other in link.one_of
    ]
    tail = np.concatenate(
        [pairs.need[use_pair[by_use]], pairs.need[cost_pair[by_cost]], [need for need, _ in members]]
    ).astype(np.int64)
    head = np.concatenate(
        [
            needs + pairs.use_capacity[by_use],
            needs + capacities + pairs.cost_budget[by_cost],
            [node for _, node in members],
        ]
    ).astype(np.int64)
    size = needs + capacities + budgets + len(instance.floors)
    from scipy.sparse import coo_array  # here: half a second that no other process than a planner needs
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    return _parts(standing, label, short, poor)


def _parts(standing: Standing, label: Ints, short: Flags, poor: Flags) -> tuple[Part, ...]:
    instance = standing.instance
    needs, capacities, budgets = len(instance.needs), len(instance.capacities), len(instance.budgets)
    of_need = _grouped(label[:needs], np.arange(needs))
    possible = np.flatnonzero(standing.possible)
    of_pair = _grouped(label[:needs][instance.pairs.need[possible]], possible)
    of_capacity = _grouped(label[needs : needs + capacities][short], np.flatnonzero(short))
    of_budget = _grouped(label[needs + capacities : needs + capacities + budgets][poor], np.flatnonzero(poor))
    groups: dict[int, list[str]] = {}
    for number, floor in enumerate(instance.floors):
        groups.setdefault(int(label[needs + capacities + budgets + number]), []).append(floor.group)
    linked = {int(label[instance.pairs.need[link.pair]]) for link in instance.links}
    none = np.zeros(0, dtype=np.int64)
    parts = [
        Part(
            needs=members,
            pairs=of_pair.get(name, none),
            capacities=of_capacity.get(name, none),
            budgets=of_budget.get(name, none),
            groups=tuple(groups.get(name, ())),
            linked=name in linked,
        )
        for name, members in of_need.items()
    ]
    return tuple(sorted(parts, key=lambda part: int(part.needs[0])))


def _grouped(label: Ints, numbers: Ints) -> dict[int, Ints]:
    """Return the numbers by their label, rising."""
    if len(label) == 0:
        return {}
    order = np.argsort(label, kind="stable")
    label, numbers = label[order], numbers[order]
    cuts = np.flatnonzero(label[1:] != label[:-1]) + 1
    return {
        int(name): chunk
        for name, chunk in zip(label[np.append(0, cuts)].tolist(), np.split(numbers, cuts), strict=True)
    }


def cut_out(standing: Standing, part: Part, *, least_score: int) -> tuple[Instance, Ints]:
    """Return a part as an instance of its own and the numbers that its pairs have in the whole instance.

    Pairs below `least_score` are left out, locked ones excepted; so is everything that cannot run out.
    """
    whole = standing.instance
    keep = part.pairs[(whole.pairs.score[part.pairs] >= least_score)]
    kept_locks = sorted(set(whole.locked) & set(part.pairs.tolist()))
    keep = np.union1d(keep, np.array(kept_locks, dtype=np.int64))
    number = {int(pair): place for place, pair in enumerate(keep.tolist())}
    capacity = _places(part.capacities, len(whole.capacities))
    budget = _places(part.budgets, len(whole.budgets))
    use_start, use_capacity, use_amount = _rows(
        whole.pairs.use_start, whole.pairs.use_capacity, whole.pairs.use_amount, keep, capacity
    )
    cost_start, cost_budget, cost_amount = _rows(
        whole.pairs.cost_start, whole.pairs.cost_budget, whole.pairs.cost_amount, keep, budget
    )
    need = np.searchsorted(part.needs, whole.pairs.need[keep])
    pairs = PairArrays(
        need=need,
        score=whole.pairs.score[keep],
        previous=whole.pairs.previous[keep],
        tie=whole.pairs.tie[keep],
        need_start=np.searchsorted(need, np.arange(len(part.needs) + 1)),
        use_start=use_start,
        use_capacity=use_capacity,
        use_amount=use_amount,
        cost_start=cost_start,
        cost_budget=cost_budget,
        cost_amount=cost_amount,
        candidate=tuple(whole.pairs.candidate[pair] for pair in keep.tolist()),
    )
    instance = Instance(
        needs=tuple(whole.needs[place] for place in part.needs.tolist()),
        capacities=tuple(whole.capacities[place] for place in part.capacities.tolist()),
        budgets=tuple(whole.budgets[place] for place in part.budgets.tolist()),
        floors=tuple(floor for floor in whole.floors if floor.group in part.groups),
        pairs=pairs,
        locked=frozenset(number[pair] for pair in kept_locks),
        banned=frozenset(),
        links=tuple(
            Link(number[link.pair], tuple(number[other] for other in link.one_of if other in number))
            for link in whole.links
            if link.pair in number
        ),
    )
    return instance, keep


def _places(members: Ints, count: int) -> Ints:
    """Return for each thing its place among the members, -1 for those that are none. [things]"""
    places = np.full(count, -1, dtype=np.int64)
    places[members] = np.arange(len(members))
    return places


def _rows(start: Ints, thing: Ints, amount: Ints, keep: Ints, places: Ints) -> tuple[Ints, Ints, Ints]:
    """Return start, thing and amount of the kept pairs, things that are no members left out."""
    sizes = np.diff(start)[keep]
    row = np.repeat(start[keep] - np.append(0, np.cumsum(sizes)[:-1]), sizes) + np.arange(int(sizes.sum()))
    owner = np.repeat(np.arange(len(keep)), sizes)
    member = places[thing[row]] >= 0
    row, owner = row[member], owner[member]
    return np.searchsorted(owner, np.arange(len(keep) + 1)), places[thing[row]], amount[row]
