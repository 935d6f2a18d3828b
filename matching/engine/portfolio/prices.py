"""What one more unit of a capacity, or more money, would bring to the whole plan, best first.

Needs served are exact in a flow without solving again (residual network over all pairs), and so is the total where
nobody more is served and the worst-served need cannot rise. Else the changed instance is solved again, those that
promise most first, within the limit; what is left is a bound: a plan is known that gains so much.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from matching.engine.portfolio.alternates import PartView
from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.multipliers import ONE
from matching.engine.portfolio.parts import split
from matching.engine.portfolio.report import BudgetPrice, CapacityPrice, Change
from matching.engine.portfolio.residual import Effect, Residual, residual
from matching.engine.portfolio.resolving import NO_CHANGE, Resolver, change, impossible, order
from matching.engine.portfolio.results import OPTIMAL, Solution
from matching.engine.portfolio.standing import Standing
from matching.engine.portfolio.wording import amount, told

THOUSAND_CENTS = 100_000


@dataclass(frozen=True, slots=True)
class Raise:
    """A raise of a capacity or budget: what is known that it gains, and the points that the multiplier promises."""

    thing: int
    units: int
    change: Change
    promise: int
    served_exact: bool = False  # the needs served are known, whatever the objectives after it


def capacity_prices(views: Sequence[PartView], *, resolver: Resolver) -> tuple[CapacityPrice, ...]:
    """Return the capacities of which more would help, best first."""
    if not views:
        return ()
    standing = views[0].standing
    lift = Lift(standing, resolver)
    raises = [found for view in views for found in _capacity_raises(view, lift)]
    solved = [
        _exact(standing, entry, _with_capacity(standing.instance, entry), resolver)
        for entry in sorted(raises, key=_hope)
    ]
    useful = [entry for entry in solved if order(entry.change) < order(NO_CHANGE)]
    return tuple(_capacity_price(standing, entry) for entry in sorted(useful, key=_gain))


def budget_prices(views: Sequence[PartView], *, resolver: Resolver, currency: str) -> tuple[BudgetPrice, ...]:
    """Return the budgets that could run out, those first of which more would help most."""
    if not views:
        return ()
    standing = views[0].standing
    solved = [
        (_exact(standing, entry, _with_budget(standing.instance, entry), resolver), entry.promise)
        for view in views
        for entry in _budget_raises(view)
    ]
    return tuple(
        _budget_price(standing, entry, promise, currency)
        for entry, promise in sorted(solved, key=lambda pair: _gain(pair[0]))
    )


def _hope(entry: Raise) -> tuple[tuple[int, int, int, int], int, int]:
    return order(entry.change), -entry.promise, entry.thing


def _gain(entry: Raise) -> tuple[tuple[int, int, int, int], int, int]:
    return order(entry.change), entry.units, entry.thing


def _capacity_price(standing: Standing, entry: Raise) -> CapacityPrice:
    capacity = standing.instance.capacities[entry.thing]
    said = replace(entry.change, exact=True) if entry.served_exact and entry.change.served else entry.change
    return CapacityPrice(
        capacity=capacity.id,
        used=int(standing.used[entry.thing]),
        maximum=capacity.maximum,
        units=entry.units,
        change=entry.change,
        sentence=told("price", said, units=entry.units, capacity=capacity.id),
    )


def _budget_price(standing: Standing, entry: Raise, promise: int, currency: str) -> BudgetPrice:
    budget = standing.instance.budgets[entry.thing]
    return BudgetPrice(
        budget=budget.id,
        spent_cents=int(standing.spent[entry.thing]),
        maximum_cents=budget.maximum,
        points_per_thousand=promise,
        raise_cents=entry.units,
        change=entry.change,
        sentence=told("budget", entry.change, amount=amount(entry.units, currency), budget=budget.id),
    )


def _with_capacity(instance: Instance, entry: Raise) -> Instance:
    raised = list(instance.capacities)
    raised[entry.thing] = replace(raised[entry.thing], maximum=raised[entry.thing].maximum + entry.units)
    return replace(instance, capacities=tuple(raised))


def _with_budget(instance: Instance, entry: Raise) -> Instance:
    raised = list(instance.budgets)
    raised[entry.thing] = replace(raised[entry.thing], maximum=raised[entry.thing].maximum + entry.units)
    return replace(instance, budgets=tuple(raised))


def _exact(standing: Standing, entry: Raise, raised: Instance, resolver: Resolver) -> Raise:
    """Solve the raised instance again unless the change is exact already; keep the bound when the limit is reached."""
    if entry.change.exact:
        return entry
    after = resolver.solve(raised, standing.settings)
    if after is None or impossible(after):
        return entry
    solved = change(standing, after)
    # A solve that ran out of time may know less than the bound.
    return replace(entry, change=solved) if solved.exact else min(entry, replace(entry, change=solved), key=_hope)


class Lift:
    """Tells of capacities whether one more unit could lift the worst-served need.

    The plan without all pairs up to its score is solved once; a unit that does not mend what this serves less leaves
    the worst-served need where it is.
    """

    def __init__(self, standing: Standing, resolver: Resolver) -> None:
        self._standing = standing
        self._without: Solution | None = None
        self._networks: dict[int, tuple[Residual | None, int]] = {}
        low = frozenset(np.flatnonzero(standing.instance.pairs.score <= standing.least_score).tolist())
        self._possible = standing.solution.worst_score is not None and standing.settings.worst_served
        self._possible = self._possible and not low & standing.instance.locked
        if self._possible:
            self._solve(replace(standing.instance, banned=standing.instance.banned | low), resolver)

    def _solve(self, instance: Instance, resolver: Resolver) -> None:
        chosen = replace(self._standing.settings, worst_served=False, stability=False)
        found = resolver.solve(instance, chosen)
        if found is None or found.status != OPTIMAL:
            return
        self._without, below = found, Standing(instance, found, chosen)
        for part in split(below):
            network = residual(below, part, least_score=0, served_only=True)
            self._networks |= {capacity: (network, place) for place, capacity in enumerate(part.capacities.tolist())}

    def may_rise(self, capacity: int) -> bool:
        """Tell whether one more unit of a capacity could lift the worst-served need; if in doubt, yes."""
        if not self._possible or self._without is None:
            return self._possible
        if capacity not in self._networks:
            return self._without.served_by_class == self._standing.solution.served_by_class
        network, place = self._networks[capacity]
        if network is None:
            return True
        served = dict(self._without.served_by_class)
        for name, count in network.one_more(place).served.items():
            served[name] = served.get(name, 0) + count
        return all(served.get(name, 0) == count for name, count in self._standing.solution.served_by_class.items())


def _capacity_raises(view: PartView, lift: Lift) -> list[Raise]:
    """Return the raises of the part's capacities that stand in somebody's way."""
    standing, part = view.standing, view.part
    if not part.capacities.size:
        return []
    using = _pairs_by(part.pairs.tolist(), standing.uses)
    found = []
    for place, capacity in enumerate(part.capacities.tolist()):
        pairs = using.get(capacity, [])
        rule = standing.instance.capacities[capacity].rule
        units = None if rule else _smallest(standing, pairs, partial(standing.shortfall, capacity=capacity))
        if units is None:
            continue
        if view.every is not None and view.network is not None:
            flow = True
            known = _from_networks(view.every, view.network, place, may_rise=lift.may_rise(capacity))
            promise = 0
        else:
            flow = False
            known = _insertion(standing, pairs, capacity, units)
            promise = 0 if view.prices is None else view.prices.capacity[place] * units // ONE
        found.append(Raise(capacity, units, known, promise, served_exact=flow))
    return found


def _pairs_by(pairs: Iterable[int], things: Callable[[int], list[tuple[int, int]]]) -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pair in pairs:
        for thing, _ in things(pair):
            found.setdefault(thing, []).append(pair)
    return found


def _smallest(standing: Standing, pairs: Iterable[int], lacks: Callable[[int], int]) -> int | None:
    """Return the least that a pair lacks, of those that its need would like better if there are any, else of all."""
    missing = [(not standing.attractive(pair), lack) for pair in pairs if (lack := lacks(pair)) > 0]
    return min(missing)[1] if missing else None


def _from_networks(every: Residual, network: Residual, place: int, *, may_rise: bool) -> Change:
    """Return what one more unit gains: needs served from the network of all pairs, else points from the other."""
    served = every.one_more(place).served
    if served:
        return Change(served=served, worst_score=0, total_score=0, kept=0, exact=False)
    effect: Effect = network.one_more(place)
    return Change(served={}, worst_score=0, total_score=effect.total_score, kept=effect.kept, exact=not may_rise)


def _insertion(standing: Standing, pairs: Sequence[int], capacity: int, units: int) -> Change:
    """Return the best gain of one pair that fits once the capacity is raised, all else staying as it is."""
    gains = [
        _gain_of(standing, pair)
        for pair in pairs
        if 0 < standing.shortfall(pair, capacity) <= units and standing.fits(pair, raised=capacity)
    ]
    return min([*gains, replace(NO_CHANGE, exact=False)], key=order)


def _gain_of(standing: Standing, pair: int) -> Change:
    pairs = standing.instance.pairs
    need = int(pairs.need[pair])
    now = standing.current(need)
    if now is None:
        served = {standing.instance.needs[need].priority_class: 1}
        return Change(served=served, worst_score=0, total_score=0, kept=0, exact=False)
    total = int(pairs.score[pair]) - int(pairs.score[now])
    low = int(pairs.score[pair]) < standing.least_score
    return replace(NO_CHANGE, exact=False) if low else Change({}, 0, max(total, 0), 0, exact=False)


def _budget_raises(view: PartView) -> list[Raise]:
    standing, part = view.standing, view.part
    drawing = _pairs_by(part.pairs.tolist(), standing.costs)
    found = []
    for place, budget in enumerate(part.budgets.tolist()):
        pairs = drawing.get(budget, [])
        cents = _smallest(standing, pairs, partial(standing.missing_cents, budget=budget))
        if cents is None:
            continue
        promise = 0 if view.prices is None else view.prices.budget[place] * THOUSAND_CENTS // ONE
        found.append(Raise(budget, cents, replace(NO_CHANGE, exact=False), promise))
    return found
