"""What a joint session of some wishes would be: who could give it, for whom, at what cost, shared how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.engine.catalogue import UNKNOWN, Catalogue, Ints, SlotKind
from matching.engine.explaining.explanation import Pair, slot_choice
from matching.engine.policy import Policy
from matching.engine.pooling.likeness import JointNeed, Wish
from matching.engine.pooling.results import PoolOffer
from matching.engine.reference.rates import Rates, to_amount
from matching.engine.scoring import Scored, score_line
from matching.engine.screening.constraints import Fail
from matching.engine.screening.narrowing import screen_able
from matching.engine.screening.pricing import ceiling_cents, cost_in
from matching.engine.screening.slots import screen

OFFERS = 3  # offerings shown for a pool
# Seats and money are judged for all members together, not for each alone.
JOINT_MATTERS = Fail.CAPACITY_NONE | Fail.CAPACITY_SHORT | Fail.GROUP_TOO_SMALL | Fail.COST_OVER_CEILING


@dataclass(frozen=True, slots=True)
class Market:
    """What every question of pooling is asked against."""

    catalogue: Catalogue
    policy: Policy
    as_of: date
    rates: Rates


@dataclass(frozen=True, slots=True)
class Alone:
    """What a wish gets by itself: whether anything, at what cost in cents of the policy's currency, in how many deliveries."""

    served: bool
    cost: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class Session:
    """The joint session with the best offering: participants and cents of each wish, in the order of the joint need."""

    joint: JointNeed
    offers: tuple[PoolOffer, ...]
    participants: tuple[int, ...]
    shares: tuple[int, ...]  # empty: the cost is not known
    cost: int


def alone(wish: Wish, market: Market) -> Alone:
    """Return what the best candidate of a wish would cost it."""
    found = screen_able(wish.need, wish.line, market.catalogue, market.policy, as_of=market.as_of, rates=market.rates)
    scored = score_line(wish.need, wish.line, market.catalogue, market.policy, found)
    if not scored.best:
        return Alone(served=False, cost=UNKNOWN, deliveries=0)
    at = scored.best[:1]
    chosen = np.array(at, dtype=np.int64)
    cost = cost_in(
        market.policy.currency,
        market.catalogue,
        market.rates,
        scored.found.offer[chosen],
        scored.found.seats[chosen],
        scored.found.deliveries[chosen],
    )
    return Alone(served=True, cost=int(cost[0]), deliveries=int(scored.found.deliveries[at[0]]))


def session(joint: JointNeed, market: Market) -> Session | None:
    """Return the joint session in one delivery with the best offering, None where there is none."""
    found = screen_able(joint.need, joint.line, market.catalogue, market.policy, as_of=market.as_of, rates=market.rates)
    scored = score_line(joint.need, joint.line, market.catalogue, market.policy, found)
    offers: list[PoolOffer] = []
    first: tuple[tuple[int, ...], tuple[int, ...], int] | None = None
    able = _able(joint, scored, market)
    for position in (at for positions in scored.by_offer.values() for at in positions):
        seats = _seats_of_one(joint, scored, market.catalogue, position) if position in able else 0
        if not seats or any(entry.offer == _offer(scored, market, position) for entry in offers):
            continue
        cost = _cost(scored, market, position, seats)
        people = _participants(joint.wishes, seats)
        shares = _shares(cost, people)
        if not _within_ceilings(joint.wishes, shares, market):
            continue
        first = first or (people, shares, cost)
        offers.append(_described(joint, scored, market, position, (seats, cost)))
        if len(offers) == OFFERS:
            break
    return None if first is None else Session(joint, tuple(offers), *first)


def _able(joint: JointNeed, scored: Scored, market: Market) -> set[int]:
    """Return the positions whose slot keeps the hard constraints of every single request."""
    able = np.ones(len(scored.found.rows), dtype=np.bool_)
    order = np.argsort(scored.found.rows)
    rows = scored.found.rows[order]
    for wish in joint.wishes:
        own = screen(
            wish.need, wish.line, market.catalogue, market.policy, as_of=market.as_of, rates=market.rates, rows=rows
        )
        able[order] &= (own.bits & ~np.int64(JOINT_MATTERS)) == 0
    return set(np.flatnonzero(able).tolist())


def _offer(scored: Scored, market: Market, position: int) -> str:
    return market.catalogue.offers[int(scored.found.offer[position])].id


def _seats_of_one(joint: JointNeed, scored: Scored, catalogue: Catalogue, position: int) -> int:
    """Return how many one delivery takes, 0 where that is less than the smallest numbers together."""
    slot = catalogue.slots.slots[int(scored.found.rows[position])]
    offer = catalogue.offers[int(scored.found.offer[position])]
    largest = slot.free if slot.kind is SlotKind.SESSION else offer.participants_max
    seats = min(joint.line.maximum, int(scored.found.available[position]), largest)
    return seats if seats >= max(joint.line.minimum, slot.group_min) else 0


def _one(value: int) -> Ints:
    return np.array([value], dtype=np.int64)


def _cost(scored: Scored, market: Market, position: int, seats: int) -> int:
    """Return cents in the currency of the policy, -1 where they are not known."""
    offer = _one(int(scored.found.offer[position]))
    return int(cost_in(market.policy.currency, market.catalogue, market.rates, offer, _one(seats), _one(1))[0])


def divided(total: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide a whole number in proportion to weights (not all 0), exactly: rests go to the largest remainders, first ones first."""
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    order = sorted(range(len(weights)), key=lambda number: (-(total * weights[number] % whole), number))
    for number in order[: total - sum(parts)]:
        parts[number] += 1
    return tuple(parts)


def _participants(wishes: Sequence[Wish], seats: int) -> tuple[int, ...]:
    """Give every wish its minimum, and what is left in proportion to what more each could use."""
    least = [wish.line.minimum for wish in wishes]
    spare = [wish.line.maximum - wish.line.minimum for wish in wishes]
    rest = seats - sum(least)
    more = divided(rest, spare) if rest else (0,) * len(spare)
    return tuple(one + other for one, other in zip(least, more, strict=True))


def _shares(cost: int, people: Sequence[int]) -> tuple[int, ...]:
    return () if cost == UNKNOWN else divided(cost, people)


def _within_ceilings(wishes: Sequence[Wish], shares: Sequence[int], market: Market) -> bool:
    """Tell whether each share keeps the secured ceiling of its request; a missing rate decides nothing."""
    for wish, share in zip(wishes, shares, strict=False):
        limit = ceiling_cents(wish.need, market.policy)
        factor = market.rates.factor(market.policy.currency, wish.need.budget.currency or market.policy.currency)
        if limit is not None and factor is not None and share * factor[0] > limit * factor[1]:
            return False
    return True


def _described(joint: JointNeed, scored: Scored, market: Market, position: int, figures: tuple[int, int]) -> PoolOffer:
    seats, cost = figures
    pair = Pair(scored, position)
    pair.seats, pair.deliveries, pair.cost = seats, 1, cost
    return PoolOffer(
        offer=pair.offer.id,
        provider=pair.offer.provider,
        slot=slot_choice(pair),
        participants=seats,
        score=int(scored.score[position]),
        cost=None if cost == UNKNOWN else to_amount(cost),
    )
