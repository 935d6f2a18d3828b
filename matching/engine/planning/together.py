"""Several lines of one request in one delivery: a group that no line fills alone, one price instead of two.

Each such way is an option of each of its lines, and each of these leans on the next: the plan has all of them or none.
The lines share the cost by their participants; what is used up but once (trainer days) is counted on the first line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from matching.engine.catalogue import UNKNOWN, Ints, SlotKind
from matching.engine.explaining.reasons import KIND_CODES
from matching.engine.planning.candidates import (
    COST,
    GROUP,
    LEAST,
    SLOTS_OF_AN_OFFER,
    LineOptions,
    Market,
    Option,
    converted,
    slot_name,
)
from matching.engine.scoring import Scored, score_line, take
from matching.engine.scoring.criteria import Values, cost_value, group_value
from matching.engine.screening.narrowing import company, screen_able
from matching.engine.screening.pricing import ceiling_cents, cost_in_currency
from matching.engine.screening.slots import Screen

EVERY_SET = 4  # lines of which every set is looked at; of more, each two and all of them
OFFERS = 8  # of a line that are looked at for a delivery with others: the best
ONE_DELIVERY = (SlotKind.SESSION, SlotKind.CAPACITY, SlotKind.ON_REQUEST)

PairName = tuple[str, str]
Leaning = tuple[PairName, list[PairName]]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with all slots that could serve it, alone or with the others; `at` gives the position of a slot."""

    options: LineOptions
    scored: Scored
    at: Mapping[int, int]

    @classmethod
    def of(cls, options: LineOptions, scored: Scored) -> "_Line":
        return cls(options, scored, {int(row): position for position, row in enumerate(scored.found.rows.tolist())})


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One delivery: its slot (by row), the places of its lines, the participants and cents of each, -1 not known."""

    row: int
    members: tuple[int, ...]
    seats: tuple[int, ...]
    cents: tuple[int, ...]
    least: bool


def add_together(
    lines: Sequence[LineOptions], alone: Mapping[int, Screen], market: Market, *, most: int
) -> list[Leaning]:
    """Add to the lines of one request the deliveries in which several of them come together; return who leans on whom.

    `alone` are the screens of the lines by number. Looked at are offers among the best of two lines or more (`most`, and
    never more than a few), each with its best slots.
    """
    if len(lines) < 2:
        return []
    wide = _wide(lines, alone, market)
    found = [
        delivery
        for row, members in sorted(_slots(wide, market, min(most, OFFERS)))
        for delivery in _deliveries(wide, row, members, market)
    ]
    for place, line in enumerate(wide):
        _extend(line, place, [delivery for delivery in found if place in delivery.members], wide, market)
    return [leaning for delivery in found for leaning in _leanings(wide, delivery, market)]


def _wide(lines: Sequence[LineOptions], alone: Mapping[int, Screen], market: Market) -> list[_Line]:
    """Score the slots of each line once more, those that only the others would help to fill among them."""
    need, catalogue, policy = lines[0].entry.need, market.catalogue, market.policy
    found = []
    for entry in lines:
        others = company(need, entry.line, alone, catalogue)
        screen = screen_able(need, entry.line, catalogue, policy, as_of=market.as_of, rates=market.rates, others=others)
        found.append(_Line.of(entry, score_line(need, entry.line, catalogue, policy, screen)))
    return found


def _slots(lines: Sequence[_Line], market: Market, most: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the slots (rows) that could take two lines or more, each with the places of these lines."""
    users: dict[int, list[int]] = {}
    for place, line in enumerate(lines):
        for offer in list(line.scored.by_offer)[:most]:
            for position in line.scored.by_offer[offer][:SLOTS_OF_AN_OFFER]:
                users.setdefault(int(line.scored.found.rows[position]), []).append(place)
    shared = [(row, tuple(members)) for row, members in users.items() if len(members) > 1]
    known: dict[tuple[int, str], list[frozenset[int]]] = {}
    for row, members in sorted(shared, key=lambda entry: (-len(entry[1]), entry[0])):
        slot = market.catalogue.slots.slots[row]
        others = known.setdefault((market.catalogue.slots.offer.item(row), slot_name(slot)), [])
        # On request before and after what is declared is one way for the same lines: the slot that takes most of them stands.
        if slot.kind in ONE_DELIVERY and all(len(found.intersection(members)) < 2 for found in others):
            others.append(frozenset(members))
            yield row, members


def _deliveries(lines: Sequence[_Line], row: int, members: tuple[int, ...], market: Market) -> Iterator[_Delivery]:
    sizes = range(2, len(members) + 1) if len(members) <= EVERY_SET else (2, len(members))
    for size in sizes:
        for chosen in combinations(members, size):
            yield from _ways(lines, row, chosen, market)


def _ways(lines: Sequence[_Line], row: int, members: tuple[int, ...], market: Market) -> Iterator[_Delivery]:
    """Yield the delivery with everybody who would come, and the one of the smallest group where that saves seats or money."""
    slot = market.catalogue.slots.slots[row]
    wanted = [lines[place].options.line for place in members]
    least = [line.minimum for line in wanted]
    most = [line.maximum for line in wanted]
    room = _room(row, market)
    group = int(market.catalogue.slots.group_min[row])
    if sum(least) > room or min(sum(most), room) < group:
        return
    full, small = _raised(least, most, room), _raised(least, most, max(group, sum(least)))
    whole = _priced(lines, row, members, full, market)
    if whole is not None:
        yield _Delivery(row, members, full, whole, least=False)
    if small != full and (whole is None or slot.kind is SlotKind.SESSION):
        cents = _priced(lines, row, members, small, market)
        if cents is not None:
            yield _Delivery(row, members, small, cents, least=True)


def _room(row: int, market: Market) -> int:
    """Return how many one delivery at a slot takes."""
    slot = market.catalogue.slots.slots[row]
    if slot.kind is SlotKind.SESSION:
        return slot.free
    possible = slot.kind is SlotKind.ON_REQUEST or slot.free >= max(1, slot.per_delivery)
    return market.catalogue.offer_at(row).participants_max if possible else 0


def _raised(least: Sequence[int], most: Sequence[int], total: int) -> tuple[int, ...]:
    """Give each line its minimum and what is left of the total in their order, nobody beyond the most it wants."""
    left, seats = total - sum(least), []
    for low, high in zip(least, most, strict=True):
        more = max(0, min(left, high - low))
        seats.append(low + more)
        left -= more
    return tuple(seats)


def _priced(
    lines: Sequence[_Line], row: int, members: tuple[int, ...], seats: tuple[int, ...], market: Market
) -> tuple[int, ...] | None:
    """Return each line's share of the cost in cents of the request's currency, -1 where it is not known; None: too dear."""
    need = lines[members[0]].options.entry.need
    offer = market.catalogue.slots.offer.item(row)
    figures = (np.array([number], dtype=np.int64) for number in (offer, sum(seats), 1))
    cost = int(cost_in_currency(need, market.catalogue, market.policy, market.rates, *figures)[0])
    limit = ceiling_cents(need, market.policy)
    if limit is not None and cost > limit:
        return None
    return (UNKNOWN,) * len(seats) if cost == UNKNOWN else _shares(cost, seats)


def _shares(cost: int, seats: tuple[int, ...]) -> tuple[int, ...]:
    """Split an amount in the proportion of the seats (largest remainder, then the earlier line)."""
    total = sum(seats)
    parts = [cost * number // total for number in seats]
    order = sorted(range(len(seats)), key=lambda place: (-(cost * seats[place] % total), place))
    for place in order[: cost - sum(parts)]:
        parts[place] += 1
    return tuple(parts)


def _extend(line: _Line, place: int, deliveries: Sequence[_Delivery], lines: Sequence[_Line], market: Market) -> None:
    """Add the deliveries that a line is part of to its scored slots and options."""
    if not deliveries:
        return
    options, start = line.options, len(line.options.scored.score)
    source = np.array([line.at[delivery.row] for delivery in deliveries], dtype=np.int64)
    own = [delivery.members.index(place) for delivery in deliveries]
    seats = np.array([entry.seats[at] for entry, at in zip(deliveries, own, strict=True)], dtype=np.int64)
    cents = np.array([entry.cents[at] for entry, at in zip(deliveries, own, strict=True)], dtype=np.int64)
    found = replace(
        take(line.scored.found, source), seats=seats, deliveries=np.ones(len(source), dtype=np.int64), cost=cents
    )
    options.scored = _joined(options, line.scored.values, found, source, market)
    added = [
        _option(line, start + number, delivery, at, lines, market)
        for number, (delivery, at) in enumerate(zip(deliveries, own, strict=True))
    ]
    options.options += added
    best = max(option.score for option in added)
    options.best_score = best if options.best_score is None else max(best, options.best_score)
    if options.conflict is not None:  # alone nothing could serve it
        options.conflict, options.eligible = None, len({option.offer for option in added})


def _joined(options: LineOptions, values: Values, found: Screen, source: Ints, market: Market) -> Scored:
    """Return the scored slots with the deliveries behind; what hangs on seats and cost is valued anew."""
    value, known = values.value[source].copy(), values.known[source].copy()
    value[:, GROUP] = group_value(options.line, found.seats)
    value[:, COST], known[:, COST] = cost_value(options.entry.need, found.cost)
    before = options.scored
    together = Values(
        value=np.concatenate([before.values.value, value]), known=np.concatenate([before.values.known, known])
    )
    columns = {
        name: np.concatenate([getattr(before.found, name), getattr(found, name)])
        for name in Screen.__dataclass_fields__
    }
    return replace(before, found=Screen(**columns), values=together, score=together.scores(market.policy))


def _option(line: _Line, position: int, delivery: _Delivery, at: int, lines: Sequence[_Line], market: Market) -> Option:
    slot = market.catalogue.slots.slots[delivery.row]
    offer = market.catalogue.offer_at(delivery.row)
    counted = slot.kind in (SlotKind.SESSION, SlotKind.CAPACITY)
    name = f"{KIND_CODES[slot.kind]}:{slot.code}"
    once = slot.per_delivery if at == 0 else 0
    need = line.options.entry.need
    return Option(
        label=_label(lines, delivery, market),
        offer=offer.id,
        provider=offer.provider,
        slot=name,
        position=position,
        score=int(line.options.scored.score[position]),
        seats=delivery.seats[at],
        capacity=name if counted else "",
        free=slot.free if counted else 0,
        units=(delivery.seats[at] if slot.kind is SlotKind.SESSION else once) if counted else 0,
        cents=converted(delivery.cents[at], need.budget.currency or market.policy.currency, market),
        parties=offer.parties,
        can_lead=offer.can_lead,
        together=tuple(lines[other].options.line.number for other in delivery.members if lines[other] is not line),
    )


def _label(lines: Sequence[_Line], delivery: _Delivery, market: Market) -> str:
    """Name a delivery; all its lines know it by the same name."""
    slot = market.catalogue.slots.slots[delivery.row]
    numbers = "+".join(str(lines[place].options.line.number) for place in delivery.members)
    offer = market.catalogue.offer_at(delivery.row).id
    return f"{offer}|{KIND_CODES[slot.kind]}:{slot.code}|{numbers}{LEAST if delivery.least else ''}"


def _leanings(lines: Sequence[_Line], delivery: _Delivery, market: Market) -> Iterator[Leaning]:
    """Let each line of a delivery lean on the next, the last one on the first."""
    label = _label(lines, delivery, market)
    keys = [lines[place].options.key for place in delivery.members]
    for key, following in zip(keys, [*keys[1:], keys[0]], strict=True):
        yield (key, label), [(following, label)]
