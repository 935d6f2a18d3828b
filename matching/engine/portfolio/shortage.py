"""Why a need is not served: a minimum cut that names the competing needs and the short capacities.

From the capacities of the need everything is followed that could make room: a need that holds room there could move to
any other of its candidates, a session with room is held up by the load of its provider, and so on. Where this ends
without reaching free room, the needs met can be served by the capacities met and by nothing else, and together they ask
for more than there is: Hall's condition is violated (P. Hall 1935, "On representatives of subsets"; L. Ford and
D. Fulkerson 1956, maximum flow = minimum cut).
"""

from dataclasses import dataclass

import numpy as np

from matching.engine.portfolio.report import (
    BANNED,
    BUDGET_SHORT,
    CAPACITY_SHORT,
    LOCKED_OUT,
    NO_CANDIDATE,
    NOT_PROVEN,
    OUTRANKED,
    UNMET_CODES,
    NeedUnmet,
)
from matching.engine.portfolio.standing import NOBODY, Standing
from matching.engine.portfolio.wording import NAMED, amount, some
from matching.engine.sentences import Param, Sentence

NAMED_IN_DATA = 25  # competing needs named in the data; `competing_count` counts all


@dataclass(frozen=True, slots=True)
class Closure:
    """What is met from some full capacities: needs that hold room there, and the capacities that confine them.

    `escapes`: one of the needs could move to free room.
    """

    needs: tuple[int, ...]
    capacities: tuple[int, ...]
    escapes: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """The needs that compete (the unmet one left out) for capacities, what all ask for at the least, and what there is.

    `counted`: in needs, each asking for one; else in units.
    """

    competing: tuple[int, ...]
    capacities: tuple[int, ...]
    demand: int
    supply: int
    counted: bool

    @property
    def proves(self) -> bool:
        """Tell whether the figures alone prove that not all can be served."""
        return self.demand > self.supply


class Shortages:
    """Explains unmet needs of a plan; what many of them have in common is worked out once."""

    def __init__(self, standing: Standing, *, currency: str) -> None:
        self._standing, self._currency = standing, currency
        self._closures: dict[tuple[int, ...], Closure] = {}
        self._steps: dict[int, Closure] = {}
        # Inner capacities have fewer users than the outer ones around them.
        self._users = np.bincount(standing.instance.pairs.use_capacity, minlength=len(standing.maximum))

    def explain(self, need: int, *, is_flow: bool) -> NeedUnmet:
        """Return why a need is not served. `is_flow`: the part of the need is a flow."""
        standing = self._standing
        if len(standing.pairs_of(need)) == 0:
            return _unmet(standing, need, NO_CANDIDATE, (Sentence("shortage.no_candidate"),))
        eligible = standing.eligible(need)
        if not eligible:
            count = len(standing.pairs_of(need))
            return _unmet(standing, need, BANNED, (Sentence("shortage.banned", {"eligible": count}),))
        if not standing.proven:
            return _unmet(standing, need, NOT_PROVEN, (Sentence("shortage.not_proven"),))
        roomy = [pair for pair in eligible if not standing.full(pair)]
        if roomy:
            return _too_dear(standing, need, roomy, self._currency)
        return self._cut_off(need, is_flow=is_flow)

    def _cut_off(self, need: int, *, is_flow: bool) -> NeedUnmet:
        standing = self._standing
        direct = sorted({self._blocker(pair) for pair in standing.eligible(need)} - {NOBODY})
        closure = self._closure(tuple(direct))
        if closure.escapes and is_flow:
            holders = tuple(standing.holders(direct, besides=need))
            sentence = Sentence("shortage.locked", {"needs": standing.need_ids(holders[:NAMED])})
            return _unmet(standing, need, LOCKED_OUT, (sentence,), competing=holders)
        if closure.escapes:
            closure = Closure(tuple(standing.holders(direct, besides=need)), tuple(direct), escapes=True)
        return _decided(standing, need, self._measured(need, closure, is_flow=is_flow))

    def _blocker(self, pair: int) -> int:
        """Return the innermost capacity that has no room for one more such pair, or NOBODY."""
        standing = self._standing
        full = [c for c, amount in standing.uses(pair) if standing.used[c] + amount > standing.maximum[c]]
        return min(full, key=lambda capacity: (self._users[capacity], capacity), default=NOBODY)

    def _closure(self, direct: tuple[int, ...]) -> Closure:
        if direct not in self._closures:
            self._closures[direct] = self._closed(direct)
        return self._closures[direct]

    def _closed(self, direct: tuple[int, ...]) -> Closure:
        """Follow who holds room in the capacities, where else they could go, who holds room there, and so on."""
        needs: set[int] = set()
        capacities, waiting, escapes = set(direct), list(direct), False
        while waiting:
            step = self._beyond(waiting.pop())
            needs.update(step.needs)
            escapes = escapes or step.escapes
            fresh = set(step.capacities) - capacities
            capacities |= fresh
            waiting.extend(fresh)
        return Closure(tuple(sorted(needs)), self._outermost(capacities), escapes)

    def _beyond(self, capacity: int) -> Closure:
        """Return who holds room in one capacity and which capacities shut out their other candidates."""
        if capacity not in self._steps:
            standing = self._standing
            holders = standing.holders([capacity], besides=NOBODY)
            ways = [p for need in holders for p in standing.pairs_of(need) if standing.possible[p]]
            blockers = {
                self._blocker(pair)
                for pair in ways
                if standing.current(int(standing.instance.pairs.need[pair])) != pair
            }
            self._steps[capacity] = Closure(tuple(holders), tuple(sorted(blockers - {NOBODY})), NOBODY in blockers)
        return self._steps[capacity]

    def _outermost(self, capacities: set[int]) -> tuple[int, ...]:
        """Leave out capacities whose users all use another of them, which is around them."""
        standing, kept = self._standing, set(capacities)
        for inner in sorted(capacities, key=lambda capacity: (self._users[capacity], capacity)):
            around = [
                _things(standing, pair) & (kept - {inner})
                for pair in standing.users.get(inner, ())
                if standing.possible[pair]
            ]
            if around and set.intersection(*around):
                kept.discard(inner)
        return tuple(sorted(kept))

    def _measured(self, need: int, closure: Closure, *, is_flow: bool) -> Cut:
        """Count what the needs ask for at the least and what the capacities have."""
        standing, inside = self._standing, set(closure.capacities)

        def least(member: int) -> int:
            pairs = [pair for pair in standing.pairs_of(member) if standing.possible[pair]]
            return min(sum(amount for c, amount in standing.uses(pair) if c in inside) for pair in pairs)

        if is_flow:
            # Each uses one and the same amount: so many fit beside each other.
            return Cut(closure.needs, closure.capacities, len(closure.needs) + 1, len(closure.needs), counted=True)
        demand = least(need) + sum(least(member) for member in closure.needs)
        supply = int(standing.maximum[list(closure.capacities)].sum())
        return Cut(closure.needs, closure.capacities, demand, supply, counted=False)


def _things(standing: Standing, pair: int) -> set[int]:
    return {capacity for capacity, _ in standing.uses(pair)}


def _unmet(
    standing: Standing,
    need: int,
    reason: str,
    sentences: tuple[Sentence, ...],
    *,
    cut: Cut | None = None,
    competing: tuple[int, ...] = (),
    budgets: tuple[str, ...] = (),
) -> NeedUnmet:
    entry, pairs = standing.instance.needs[need], standing.instance.pairs
    eligible = standing.eligible(need)
    rivals = cut.competing if cut else competing
    return NeedUnmet(
        need=entry.id,
        priority_class=entry.priority_class,
        reason=reason,
        unmet_reason=UNMET_CODES[reason],
        eligible=len(eligible),
        best_candidate=pairs.candidate[eligible[0]] if eligible else None,
        best_score=int(pairs.score[eligible[0]]) if eligible else None,
        competing=standing.need_ids(rivals[:NAMED_IN_DATA]),
        competing_count=len(rivals),
        capacities=standing.capacity_ids(cut.capacities) if cut else (),
        budgets=budgets,
        demand=cut.demand if cut else 0,
        supply=cut.supply if cut else 0,
        proven=cut is not None and cut.proves,
        sentences=sentences,
    )


def _too_dear(standing: Standing, need: int, roomy: list[int], currency: str) -> NeedUnmet:
    """Say that money alone is missing, by the candidate for which least is."""
    lacks = min(
        (sum(max(0, standing.missing_cents(pair, budget)) for budget in standing.overspent(pair)), pair)
        for pair in roomy
    )
    cents, pair = lacks
    short = standing.overspent(pair)
    names = tuple(standing.instance.budgets[budget].id for budget in short)
    competing = tuple(standing.payees(short, besides=need))
    said: dict[str, Param] = {
        "candidate": standing.instance.pairs.candidate[pair],
        "budgets": names,
        "amount": amount(cents, currency),
    }
    sentences = [Sentence("shortage.budget", said)]
    if competing:
        sentences.append(some("shortage.competing", standing.need_ids(competing)))
    return _unmet(standing, need, BUDGET_SHORT, tuple(sentences), competing=competing, budgets=names)


def _decided(standing: Standing, need: int, cut: Cut) -> NeedUnmet:
    """Say which needs and capacities the cut names, and whether priority or a wish decided between the needs."""
    needs, own = standing.instance.needs, standing.instance.needs[need].priority_class
    higher = [other for other in cut.competing if needs[other].priority_class < own]
    # A need of a later class would give way to this one if it could; where each counts one, something must hold it.
    held = [
        other
        for other in cut.competing
        if needs[other].priority_class > own and (cut.counted or _wished(standing, other))
    ]
    sentences = [_cut_sentence(standing, cut)]
    if cut.competing:
        sentences.append(some("shortage.competing", standing.need_ids(cut.competing)))
    reason = CAPACITY_SHORT
    if held:
        reason = LOCKED_OUT
        sentences.append(Sentence("shortage.locked", {"needs": standing.need_ids(held[:NAMED])}))
    elif higher:
        reason = OUTRANKED
        sentences.append(Sentence("shortage.outranked", {"needs": standing.need_ids(higher[:NAMED])}))
    return _unmet(standing, need, reason, tuple(sentences), cut=cut)


def _wished(standing: Standing, need: int) -> bool:
    """Tell whether a lock or a floor speaks for a need."""
    floors = {floor.group for floor in standing.instance.floors}
    return bool(standing.locked_need[need]) or bool(floors & standing.instance.needs[need].groups)


def _cut_sentence(standing: Standing, cut: Cut) -> Sentence:
    names = standing.capacity_ids(cut.capacities)
    if cut.supply == 0:
        return Sentence("shortage.none_open", {"capacities": names})
    figures: dict[str, Param] = {"capacities": names, "demand": cut.demand, "supply": cut.supply}
    if not cut.proves:
        return Sentence("shortage.packing", {"capacities": names})
    return Sentence("shortage.cut" if cut.counted else "shortage.units", figures)
