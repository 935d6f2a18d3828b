"""Why a need is not served: a minimum cut that names the competing needs and the short capacities.

From the capacities of the need everything is followed that could make room: a need that holds room there could move to
any other of its candidates, a session with room is held up by the load of its provider, and so on. Where this ends
without reaching free room, the needs met can be served by the capacities met and by nothing else, and together they ask
for more than there is: Hall's condition is violated (P. Hall 1935, "On representatives of subsets"; L. Ford and
D. Fulkerson 1956, maximum flow = minimum cut).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from matching.engine.portfolio.instance import CEILING_RULE
from matching.engine.portfolio.report import (
    BANNED,
    BUDGET_SHORT,
    CAPACITY_SHORT,
    LINKED,
    LOCKED_OUT,
    NO_CANDIDATE,
    NOT_PROVEN,
    OUTRANKED,
    RULED_OUT,
    UNMET_CODES,
    NeedUnmet,
)
from matching.engine.portfolio.standing import NOBODY, Standing
from matching.engine.portfolio.wording import NAMED, amount, some
from matching.engine.sentences import Param, Sentence

NAMED_IN_DATA = 25  # competing needs and capacities named in the data, the nearest first; their counts count all


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
        self._steps: dict[int, Closure] = {}
        self._reach: dict[int, frozenset[int]] = {}
        self._closures: dict[frozenset[int], Closure] = {}
        self._outer: dict[int, set[int]] = {}
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
        roomy = [pair for pair in eligible if not standing.full(pair)]
        fitting = [pair for pair in roomy if not standing.overspent(pair)]
        if any(standing.keeps_links(pair) for pair in fitting):
            # A proved plan would have taken it.
            return _unmet(standing, need, NOT_PROVEN, (Sentence("shortage.not_proven"),))
        if fitting:
            return _linked(standing, need, fitting)
        found = _too_dear(standing, need, roomy, self._currency) if roomy else self._cut_off(need, is_flow=is_flow)
        if standing.proven or found.proven:
            return found
        return replace(found, sentences=(*found.sentences, Sentence("shortage.not_proven")))

    def _cut_off(self, need: int, *, is_flow: bool) -> NeedUnmet:
        standing = self._standing
        direct = sorted({self._blocker(pair) for pair in standing.eligible(need)} - {NOBODY})
        supplies = standing.supplies(direct)
        if not supplies:
            return _ruled_out(standing, need, direct)
        direct = supplies
        closure = self._closure(tuple(direct))
        if closure.escapes and is_flow:
            holders = tuple(standing.holders(direct, besides=need))
            sentence = Sentence("shortage.locked", {"needs": standing.need_ids(holders[:NAMED])})
            return _unmet(standing, need, LOCKED_OUT, (sentence,), competing=holders)
        if closure.escapes:
            closure = Closure(tuple(standing.holders(direct, besides=need)), tuple(direct), escapes=True)
        return _decided(
            standing, need, _nearest_first(standing, self._measured(need, closure, is_flow=is_flow), direct)
        )

    def _blocker(self, pair: int) -> int:
        """Return the innermost capacity that has no room for one more such pair, or NOBODY."""
        standing = self._standing
        full = [c for c, amount in standing.uses(pair) if standing.used[c] + amount > standing.maximum[c]]
        return min(full, key=lambda capacity: (self._users[capacity], capacity), default=NOBODY)

    def _closure(self, direct: tuple[int, ...]) -> Closure:
        """Return what is met from the capacities that shut a need out; many needs meet the same."""
        met = frozenset[int]().union(*(self._reached(capacity) for capacity in direct))
        if met not in self._closures:
            steps = [self._beyond(capacity) for capacity in sorted(met)]
            needs = {need for step in steps for need in step.needs}
            escapes = any(step.escapes for step in steps)
            # Rules are followed, but what there is too little of are supplies.
            supplies = frozenset(self._standing.supplies(met))
            self._closures[met] = Closure(tuple(sorted(needs)), self._outermost(supplies), escapes)
        return self._closures[met]

    def _reached(self, capacity: int) -> frozenset[int]:
        """Follow who holds room in a capacity, where else they could go, who holds room there, and so on."""
        if capacity not in self._reach:
            met, waiting = {capacity}, [capacity]
            while waiting:
                fresh = self._beyond(waiting.pop()).capacities
                new = [other for other in fresh if other not in met]
                met.update(new)
                waiting.extend(new)
            self._reach[capacity] = frozenset(met)
        return self._reach[capacity]

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

    def _outermost(self, capacities: frozenset[int]) -> tuple[int, ...]:
        """Leave out capacities whose users all use another of them, which is around them."""
        kept = set(capacities)
        for inner in sorted(capacities, key=lambda capacity: (self._users[capacity], capacity)):
            if self._around(inner) & kept:
                kept.discard(inner)
        return tuple(sorted(kept))

    def _around(self, inner: int) -> set[int]:
        """Return the other capacities that every possible user of a capacity uses too."""
        if inner not in self._outer:
            standing = self._standing
            users = [_things(standing, p) for p in standing.users.get(inner, ()) if standing.possible[p]]
            self._outer[inner] = set.intersection(*users) - {inner} if users else set()
        return self._outer[inner]

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


def _nearest_first(standing: Standing, cut: Cut, direct: Sequence[int]) -> Cut:
    """Put what the need meets itself before what is met through others."""
    near, holders = set(direct), set(standing.holders(direct, besides=NOBODY))
    return replace(
        cut,
        competing=tuple(sorted(cut.competing, key=lambda need: (need not in holders, need))),
        capacities=tuple(sorted(cut.capacities, key=lambda capacity: (capacity not in near, capacity))),
    )


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
        capacities=standing.capacity_ids(cut.capacities[:NAMED_IN_DATA]) if cut else (),
        capacity_count=len(cut.capacities) if cut else 0,
        budgets=budgets,
        demand=cut.demand if cut else 0,
        supply=cut.supply if cut else 0,
        proven=cut is not None and cut.proves,
        sentences=sentences,
    )


def _ruled_out(standing: Standing, need: int, rules: Sequence[int]) -> NeedUnmet:
    """Say that rules alone are in the way: money of its request that other lines take, or partners kept apart."""
    holders = tuple(standing.holders(rules, besides=need))
    named = {"needs": standing.need_ids(holders[:NAMED])}
    if any(standing.instance.capacities[rule].rule == CEILING_RULE for rule in rules):
        return _unmet(standing, need, BUDGET_SHORT, (Sentence("shortage.ceiling", named),), competing=holders)
    return _unmet(standing, need, RULED_OUT, (Sentence("shortage.rule", named),), competing=holders)


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
        sentences.append(_competing(standing, competing))
    return _unmet(standing, need, BUDGET_SHORT, tuple(sentences), competing=competing, budgets=names)


def _linked(standing: Standing, need: int, fitting: Sequence[int]) -> NeedUnmet:
    """Say that it has room only together with other needs, which are served otherwise or not at all."""
    pairs = standing.instance.pairs
    others = sorted({int(pairs.need[one]) for pair in fitting for one in standing.leans_on(pair)} - {need})
    code = "shortage.linked" if others else "shortage.linked_to_none"
    sentence = Sentence(code, {"needs": standing.need_ids(others[:NAMED])} if others else {})
    elsewhere = tuple(other for other in others if standing.current(other) is not None)
    return _unmet(standing, need, LINKED, (sentence,), competing=elsewhere)


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
        sentences.append(_competing(standing, cut.competing))
    reason = CAPACITY_SHORT
    if held:
        reason = LOCKED_OUT
        sentences.append(Sentence("shortage.locked", {"needs": standing.need_ids(held[:NAMED])}))
    elif higher:
        reason = OUTRANKED
        sentences.append(Sentence("shortage.outranked", {"needs": standing.need_ids(higher[:NAMED])}))
    return _unmet(standing, need, reason, tuple(sentences), cut=cut)


def _competing(standing: Standing, needs: tuple[int, ...]) -> Sentence:
    return some("shortage.competing", standing.need_ids(needs[:NAMED]), len(needs))


def _wished(standing: Standing, need: int) -> bool:
    """Tell whether a lock or a floor speaks for a need."""
    floors = {floor.group for floor in standing.instance.floors}
    return bool(standing.locked_need[need]) or bool(floors & standing.instance.needs[need].groups)


def _cut_sentence(standing: Standing, cut: Cut) -> Sentence:
    code = "shortage.packing" if standing.proven else "shortage.full"
    if cut.supply == 0:
        code = "shortage.none_open"
    elif cut.proves:
        code = "shortage.cut" if cut.counted else "shortage.units"
    figures: dict[str, Param] = {"capacities": standing.capacity_ids(cut.capacities[:NAMED])}
    if code in {"shortage.cut", "shortage.units"}:
        figures |= {"demand": cut.demand, "supply": cut.supply}
    if len(cut.capacities) <= NAMED:
        return Sentence(code, figures)
    return Sentence(f"{code}_many", figures | {"more": len(cut.capacities) - NAMED})
