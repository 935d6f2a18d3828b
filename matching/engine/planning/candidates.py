"""Candidates of a line for the plan: its best offers, each at its best slots, with the seats that it would take.

Where a slot cannot take everybody who would like to come, each line has a second way into it: with its smallest group
only. So one line's wish for more seats never keeps another from being served, unless the plan says so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256

import numpy as np

from matching.engine.catalogue import UNKNOWN, Catalogue, Slot, SlotKind
from matching.engine.explaining.explanation import Pair
from matching.engine.explaining.reasons import KIND_CODES
from matching.engine.explaining.relaxation import Setting, conflict
from matching.engine.planning.types import PlanNeed, line_key
from matching.engine.policy import CRITERIA, Criterion, Policy
from matching.engine.reference.rates import Rates
from matching.engine.results import LineConflict
from matching.engine.scoring import Scored, score_line, take
from matching.engine.scoring.criteria import Values, cost_value, group_value
from matching.engine.screening.narrowing import screen_able, slots_of
from matching.engine.screening.pricing import ceiling_cents, cost_in_currency
from matching.engine.screening.slots import Screen, screen
from matching.engine.types import Need, NeedLine

SLOTS_OF_AN_OFFER = 3  # an offer's further dates are worth less than another offer
GROUP, COST = CRITERIA.index(Criterion.GROUP), CRITERIA.index(Criterion.COST)
LEAST = "|least"


@dataclass(frozen=True, slots=True)
class Option:
    """One way to serve a line: `label` names offer, slot and whether only the smallest group comes.

    `position` points into the options' arrays; `units` of the capacity `capacity` are used (empty: not counted);
    `cents` is the cost in the plan's currency, -1 where it is not known; `parties` are behind the offer; `together` are
    the other lines of the request in the same delivery.
    """

    label: str
    offer: str
    provider: str
    slot: str
    position: int
    score: int
    seats: int
    capacity: str
    free: int
    units: int
    cents: int
    parties: frozenset[str]
    can_lead: bool
    together: tuple[int, ...] = ()


@dataclass(slots=True)
class LineOptions:
    """Everything found for one line. `best_score` is of the best candidate, plan or no plan."""

    entry: PlanNeed
    line: NeedLine
    eligible: int
    best_score: int | None
    scored: Scored
    options: list[Option]
    fails: Mapping[str, int] = field(default_factory=dict)  # of asked offers: the mask of what they fail
    conflict: LineConflict | None = None

    @property
    def key(self) -> str:
        """Return the name of the line in the plan."""
        return line_key(self.entry.reference, self.line.number)


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One line in the plan: its options and the priority class of its request."""

    options: LineOptions
    priority_class: int
    groups: frozenset[str]


def by_request(lines: Iterable[PlanLine]) -> list[list[PlanLine]]:
    """Put the lines of each request together, in their order."""
    found: dict[str, list[PlanLine]] = {}
    for line in lines:
        found.setdefault(line.options.entry.reference, []).append(line)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Market:
    """What all lines are looked at against."""

    catalogue: Catalogue
    policy: Policy
    rates: Rates
    as_of: date
    currency: str = "USD"


def screened(need: Need, line: NeedLine, market: Market) -> Screen:
    """Test a line taken alone. Raises EngineError(unknown_concept, unknown_country, unknown_region)."""
    return screen_able(need, line, market.catalogue, market.policy, as_of=market.as_of, rates=market.rates)


def options_of(
    entry: PlanNeed,
    line: NeedLine,
    market: Market,
    found: Screen,
    *,
    most: int,
    asked: Iterable[str] = (),
    banned: Iterable[str] = (),
) -> LineOptions:
    """Keep the best `most` offers of a screened line; offers `asked` for are kept as well, and it is noted what they fail."""
    need, catalogue, policy = entry.need, market.catalogue, market.policy
    scored = score_line(need, line, catalogue, policy, found)
    wanted = {catalogue.index(offer) for offer in asked if _is_offered(catalogue, offer)}
    out = {catalogue.index(offer) for offer in banned if _is_offered(catalogue, offer)}
    ranked = list(scored.by_offer)
    kept = [offer for offer in ranked if offer not in out][:most]
    kept += [offer for offer in ranked if offer in (wanted | out) and offer not in kept]
    positions = [position for offer in kept for position in _slots(scored, offer)]
    best = scored.score[scored.best[0]] if scored.best else None
    options = LineOptions(
        entry=entry,
        line=line,
        eligible=len(scored.best),
        best_score=None if best is None else int(best),
        scored=_trimmed(scored, positions),
        options=[],
        fails={catalogue.offers[row].id: _mask_of(need, line, market, row) for row in sorted(wanted)},
        conflict=None if scored.best else _conflict(need, line, market),
    )
    options.options = list(_options(options, market, range(len(positions)), ""))
    return options


def fails_of(entry: PlanNeed, number: int, offer: str, market: Market) -> int | None:
    """Return the mask of what an offer fails for a line, 0 where it serves, None where it is not on offer."""
    line = entry.need.line(number)
    catalogue = market.catalogue
    if not _is_offered(catalogue, offer):
        return None
    return _mask_of(entry.need, line, market, catalogue.index(offer))


def _is_offered(catalogue: Catalogue, offer: str) -> bool:
    try:
        catalogue.index(offer)
    except KeyError:
        return False
    return True


def _conflict(need: Need, line: NeedLine, market: Market) -> LineConflict:
    """Explain a line that nothing can serve; here every slot is tested."""
    alone = np.zeros(len(market.catalogue.offers), dtype=np.int64)
    setting = Setting(need, line, market.catalogue, market.policy, market.as_of, market.rates, alone)
    return conflict(setting, setting.screened(need, line))


def _mask_of(need: Need, line: NeedLine, market: Market, offer: int) -> int:
    """Return the mask of the slot of an offer that fails least; 0 where it serves."""
    rows = slots_of(market.catalogue, np.array([offer], dtype=np.int64))
    found = screen(need, line, market.catalogue, market.policy, as_of=market.as_of, rates=market.rates, rows=rows)
    return min(found.bits.tolist(), key=lambda mask: (mask.bit_count(), mask), default=0)


def _slots(scored: Scored, offer: int) -> Iterator[int]:
    """Give the best slots of an offer. Of those of one name, on request before and after what is declared, that is the best."""
    named = set[str]()
    for position in scored.by_offer[offer]:
        if len(named) == SLOTS_OF_AN_OFFER:
            return
        if (name := slot_name(Pair(scored, position).slot)) not in named:
            named.add(name)
            yield position


def slot_name(slot: Slot) -> str:
    """Return by what name a plan knows a slot of an offer."""
    return f"{KIND_CODES[slot.kind]}:{slot.code}"


def _trimmed(scored: Scored, positions: list[int]) -> Scored:
    """Return the scored slots of some positions only: the rest of a large market is not kept in memory."""
    chosen = np.array(positions, dtype=np.int64)
    return replace(
        scored,
        found=take(scored.found, chosen),
        values=Values(value=scored.values.value[chosen], known=scored.values.known[chosen]),
        score=scored.score[chosen],
        order=np.arange(len(chosen)),
    )


def _options(options: LineOptions, market: Market, positions: Iterable[int], suffix: str) -> Iterator[Option]:
    for position in positions:
        pair = pair_of(options, market, position)
        slot = slot_name(pair.slot)
        counted = pair.slot.kind in (SlotKind.SESSION, SlotKind.CAPACITY)
        session = pair.slot.kind is SlotKind.SESSION
        yield Option(
            label=f"{pair.offer.id}|{slot}{suffix}",
            offer=pair.offer.id,
            provider=pair.offer.provider,
            slot=slot,
            position=position,
            score=int(options.scored.score[position]),
            seats=pair.seats,
            capacity=slot if counted else "",
            free=pair.slot.free if counted else 0,
            units=(pair.seats if session else pair.slot.per_delivery * pair.deliveries) if counted else 0,
            cents=converted(pair.cost, pair.currency, market),
            parties=pair.offer.parties,
            can_lead=pair.offer.can_lead,
        )


def converted(cents: int, currency: str, market: Market) -> int:
    """Return cents of the plan's currency, rounded half up; -1 where cost or rate is missing."""
    factor = market.rates.factor(currency, market.currency)
    if cents == UNKNOWN or factor is None:
        return UNKNOWN
    top, bottom = factor
    return (cents * 2 * top + bottom) // (2 * bottom)


def pair_of(options: LineOptions, market: Market, position: int) -> Pair:
    """Return one option as what all reasons are written from."""
    return Pair(options.scored, position)


def tie_of(policy: Policy, options: LineOptions, label: str) -> int:
    """Return 60 bits of SHA-256 over policy version, line and option: the last word between equal plans."""
    return int(sha256(f"{policy.version}\n{options.key}\n{label}".encode()).hexdigest()[:15], 16)


def contested(lines: Iterable[LineOptions]) -> frozenset[str]:
    """Return the capacities that cannot take every line that would like to use them."""
    most: dict[str, int] = {}
    free: dict[str, int] = {}
    for options in lines:
        wish: dict[str, int] = {}
        for option in options.options:
            if option.capacity:
                wish[option.capacity] = max(wish.get(option.capacity, 0), option.units)
                free[option.capacity] = option.free
        for capacity, units in wish.items():
            most[capacity] = most.get(capacity, 0) + units
    return frozenset(capacity for capacity, units in most.items() if units > free[capacity])


def add_least(options: LineOptions, market: Market, scarce: frozenset[str]) -> None:
    """Add to a line the ways into scarce slots that take its smallest group only, scored as such."""
    positions = [option.position for option in options.options if option.capacity in scarce and not option.together]
    if not positions:
        return
    chosen = np.array(positions, dtype=np.int64)
    found = take(options.scored.found, chosen)
    least = _least(options, market, found)
    fewer = np.flatnonzero(
        (least.seats < found.seats) & ((least.deliveries < found.deliveries) | _seated(market, found))
    )
    if not len(fewer):
        return
    least = take(least, fewer)
    start = len(options.scored.score)
    options.scored = _extended(options, market, least, chosen[fewer])
    options.options += list(_options(options, market, range(start, start + len(fewer)), LEAST))


def _seated(market: Market, found: Screen) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell which slots count seats: there every participant fewer leaves room, elsewhere only a delivery fewer."""
    seated: np.ndarray[tuple[int], np.dtype[np.bool_]] = market.catalogue.slots.kind[found.rows] == SlotKind.SESSION
    return seated


def _least(options: LineOptions, market: Market, found: Screen) -> Screen:
    """Return the slots with the smallest number of participants that is enough for line and delivery."""
    catalogue, line, need = market.catalogue, options.line, options.entry.need
    smallest = catalogue.slots.group_min[found.rows]
    session = catalogue.slots.kind[found.rows] == SlotKind.SESSION
    seats = np.minimum(found.seats, np.maximum(line.minimum, smallest))
    largest = np.where(session, np.maximum(1, seats), catalogue.columns.largest[found.offer])
    deliveries = np.maximum(1, -(-seats // largest))
    uneven = (deliveries > 1) & (seats < deliveries * smallest)
    seats, deliveries = np.where(uneven, found.seats, seats), np.where(uneven, found.deliveries, deliveries)
    cost = cost_in_currency(need, catalogue, market.policy, market.rates, found.offer, seats, deliveries)
    limit = ceiling_cents(need, market.policy)
    dear = cost > limit if limit is not None else np.zeros(len(cost), dtype=np.bool_)
    return replace(
        found,
        seats=np.where(dear, found.seats, seats),
        deliveries=np.where(dear, found.deliveries, deliveries),
        cost=np.where(dear, found.cost, cost),
    )


def _extended(
    options: LineOptions, market: Market, least: Screen, source: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> Scored:
    """Return the scored slots with those of the smallest groups behind; what depends on seats and cost is valued anew."""
    scored = options.scored
    value, known = scored.values.value[source].copy(), scored.values.known[source].copy()
    value[:, GROUP] = group_value(options.line, least.seats)
    value[:, COST], known[:, COST] = cost_value(options.entry.need, least.cost)
    values = Values(
        value=np.concatenate([scored.values.value, value]), known=np.concatenate([scored.values.known, known])
    )
    joined = {
        name: np.concatenate([getattr(scored.found, name), getattr(least, name)])
        for name in Screen.__dataclass_fields__
    }
    return replace(scored, found=Screen(**joined), values=values, score=values.scores(market.policy))
