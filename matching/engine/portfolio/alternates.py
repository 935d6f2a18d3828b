"""Other candidates of served needs that would fit too, each with what forcing it changes in the whole plan.

Exact where the part of the need is a flow (residual network), where a swap alone reaches the bound of the part's
multipliers, or where the changed part was solved again. Else the swap is known to be possible, and the best changed
plan is not worse than that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from matching.engine.portfolio.instance import Instance, Ints
from matching.engine.portfolio.multipliers import Prices, prices
from matching.engine.portfolio.parts import Part, cut_out
from matching.engine.portfolio.report import Alternate, Change
from matching.engine.portfolio.residual import Residual, residual
from matching.engine.portfolio.resolving import Resolver, forced, order
from matching.engine.portfolio.results import OPTIMAL, Solution
from matching.engine.portfolio.standing import Standing
from matching.engine.portfolio.wording import told


class PartView:
    """A part with what is worked out of it only when asked: its network, its prices, and itself as an instance."""

    def __init__(self, standing: Standing, part: Part) -> None:
        self.standing, self.part = standing, part

    @cached_property
    def network(self) -> Residual | None:
        """Return the residual network among pairs that do not lower the worst-served need."""
        return residual(self.standing, self.part, least_score=self.standing.least_score)

    @cached_property
    def every(self) -> Residual | None:
        """Return the residual network among all pairs, for needs served alone."""
        return residual(self.standing, self.part, least_score=0, served_only=True)

    @property
    def is_flow(self) -> bool:
        """Tell whether the plan is known to be a best flow in this part."""
        return self.every is not None

    @cached_property
    def own(self) -> tuple[Instance, Ints]:
        """Return the part as an instance without pairs that lower the worst-served need, and its pairs' numbers."""
        return cut_out(self.standing, self.part, least_score=self.standing.least_score)

    @cached_property
    def chosen(self) -> Ints:
        """Return the chosen pairs of the part."""
        now = self.standing.pair_of[self.part.needs]
        return now[now >= 0]

    @cached_property
    def served(self) -> dict[int, int]:
        """Return how many needs of each class are served in the part."""
        needs = self.standing.instance.needs
        counts = {needs[need].priority_class: 0 for need in self.part.needs.tolist()}
        for need in self.standing.instance.pairs.need[self.chosen].tolist():
            counts[needs[need].priority_class] += 1
        return counts

    @cached_property
    def total(self) -> int:
        """Return the total score of the part."""
        return int(self.standing.instance.pairs.score[self.chosen].sum())

    @cached_property
    def prices(self) -> Prices | None:
        """Return the multipliers of the part."""
        return prices(self.own[0], self.served)

    @cached_property
    def may_keep_more(self) -> bool:
        """Tell whether a changed plan could keep a pair of the last plan that this one does not."""
        pairs = self.standing.instance.pairs
        before = int(pairs.previous[self.part.pairs].sum())
        return self.standing.settings.stability and before > int(pairs.previous[self.chosen].sum())

    def highest_total(self, pair: int) -> int | None:
        """Return a bound of the part's total when a pair is forced; None when there is none."""
        instance, numbers = self.own
        place = int(np.searchsorted(numbers, pair))
        if place == len(numbers) or int(numbers[place]) != pair or self.prices is None:
            return None
        return self.prices.with_forced(int(instance.pairs.need[place]), place)

    def solved_with(self, pair: int, resolver: Resolver) -> Solution | None:
        """Solve the part again with a pair forced; None when the limit is reached or the pair is not in the part."""
        instance, numbers = self.own
        place = int(np.searchsorted(numbers, pair))
        if place == len(numbers) or int(numbers[place]) != pair:
            return None
        return resolver.solve(forced(instance, place), replace(self.standing.settings, worst_served=False))


@dataclass(frozen=True, slots=True)
class Option:
    """A pair that could take the place of the chosen one."""

    pair: int
    change: Change


def alternates_of_part(view: PartView, *, count: int, resolver: Resolver) -> dict[int, tuple[Alternate, ...]]:
    """Return for each served need of a part its best alternates: least loss first, then by score and name."""
    standing = view.standing
    found = {}
    for need in view.part.needs.tolist():
        if standing.current(need) is not None and count:
            options = _options(view, need, count, resolver)
            found[need] = tuple(_alternate(standing, option) for option in options)
    return found


def _options(view: PartView, need: int, count: int, resolver: Resolver) -> list[Option]:
    standing = view.standing
    others = [pair for pair in standing.eligible(need) if pair != standing.current(need) and standing.possible[pair]]
    if view.network is not None:
        options = [option for pair in others if (option := _by_network(view, view.network, need, pair))]
    else:
        options = _by_swaps(view, others, count, resolver)
    if len(options) < count:
        listed = {option.pair for option in options}
        options += [swap for pair in others if pair not in listed and (swap := _swap(standing, pair))]
    return sorted(options, key=lambda option: _rank(standing, option))[:count]


def _rank(standing: Standing, option: Option) -> tuple[tuple[int, int, int, int], int, int]:
    return order(option.change), -int(standing.instance.pairs.score[option.pair]), option.pair


def _by_network(view: PartView, network: Residual, need: int, pair: int) -> Option | None:
    """Return the exact change, where it costs no need and does not lower the worst-served one."""
    if view.standing.instance.pairs.score[pair] < view.standing.least_score:
        return None
    effect = network.force(need, pair)
    if effect is None or effect.served:
        return None
    return Option(pair, Change(served={}, worst_score=0, total_score=effect.total_score, kept=effect.kept))


def _by_swaps(view: PartView, others: list[int], count: int, resolver: Resolver) -> list[Option]:
    """Return the first pairs that fit, best score first, the first of them solved again where it is not exact.

    Where too few fit by themselves, others are tried by solving the part again.
    """
    options: list[Option] = []
    unfit: list[int] = []
    for pair in others:
        if len(options) == count:
            break
        swap = _swap(view.standing, pair)
        if swap is None:
            unfit.append(pair)
        elif not swap.change.worst_score:
            closed = _closed(view, swap)
            again = None if closed.change.exact or options else _solved(view, pair, resolver)
            options.append(again or closed)
    for pair in unfit:
        if len(options) < count and (again := _solved(view, pair, resolver)):
            options.append(again)
    return options


def _swap(standing: Standing, pair: int) -> Option | None:
    """Return what happens when nothing else changes; None when the pair does not fit."""
    if not standing.fits(pair):
        return None
    pairs, settings = standing.instance.pairs, standing.settings
    now = int(standing.pair_of[pairs.need[pair]])
    worst = 0
    if settings.worst_served:
        worst = min(0, int(pairs.score[pair]) - standing.least_score)
    kept = int(pairs.previous[pair]) - int(pairs.previous[now])
    total = int(pairs.score[pair]) - int(pairs.score[now])
    change = Change(
        served={}, worst_score=worst, total_score=total, kept=kept if settings.stability else 0, exact=False
    )
    return Option(pair, change)


def _closed(view: PartView, swap: Option) -> Option:
    """Mark a swap as exact when no plan with the pair can be worth more."""
    if (
        not view.standing.proven
        or view.may_keep_more
        or view.highest_total(swap.pair) != view.total + swap.change.total_score
    ):
        return swap
    return replace(swap, change=replace(swap.change, exact=True))


def _solved(view: PartView, pair: int, resolver: Resolver) -> Option | None:
    """Solve the part again and return the exact change; None where a need is lost or the limit does not allow it."""
    if not view.standing.proven:
        return None
    after = view.solved_with(pair, resolver)
    if after is None or after.status != OPTIMAL or _counts(after.served_by_class) != _counts(view.served):
        return None
    pairs = view.standing.instance.pairs
    kept = after.kept - int(pairs.previous[view.chosen].sum()) if view.standing.settings.stability else 0
    return Option(pair, Change(served={}, worst_score=0, total_score=after.total_score - view.total, kept=kept))


def _counts(served: Mapping[int, int]) -> dict[int, int]:
    return {name: count for name, count in served.items() if count}


def _alternate(standing: Standing, option: Option) -> Alternate:
    pairs = standing.instance.pairs
    name = pairs.candidate[option.pair]
    return Alternate(
        candidate=name,
        score=int(pairs.score[option.pair]),
        change=option.change,
        sentence=told("alternate", option.change, candidate=name),
    )
