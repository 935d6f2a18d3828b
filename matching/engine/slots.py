"""Hard constraints of a delivery: for one line and every slot, whether it is possible, when, for how many, at what cost.

All slots of the catalogue (or the rows given) are tested at once. An offer can serve a line when one of its slots
fails nothing.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.engine.catalogue import UNKNOWN, Bools, Catalogue, Ints, SlotKind
from matching.engine.constraints import Fail, Question, offer_bits
from matching.engine.policy import Policy
from matching.engine.rates import Rates, to_cents
from matching.engine.types import Need, NeedLine

SECURED = "secured"  # code list `funding_states`


@dataclass(frozen=True, slots=True)
class Screen:
    """What was found for one line; all arrays run over `rows` (numbers of slots).

    Days are ordinals, `cost` cents in the currency of the request (-1: not known).
    """

    rows: Ints
    offer: Ints
    bits: Ints
    start: Ints
    end: Ints
    seats: Ints
    available: Ints
    deliveries: Ints
    cost: Ints
    floor_cost: Ints  # for the smallest number that is enough
    slack: Ints  # days between the earliest possible end and the end of the window
    notice: Ints  # days left before it is too late to ask: until enrolment closes, or the last possible start
    overlap: Ints  # permille of the slot's period that lies in the window
    native: Bools
    shortened: Bools
    reduced: Bools  # to the smallest number, because of the ceiling


@dataclass(frozen=True, slots=True)
class Dates:
    """When slots could be held; fields as in `Screen`."""

    start: Ints
    end: Ints
    bits: Ints
    slack: Ints
    notice: Ints
    overlap: Ints
    shortened: Bools


def screen(
    need: Need,
    line: NeedLine,
    catalogue: Catalogue,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    rows: Ints | None = None,
    others: Ints | None = None,
    able: bool = False,
) -> Screen:
    """Test one line against the slots, or against the rows of slots given, ascending.

    `others` gives for each offer the participants of the other lines it could serve as well: a group too small
    alone may be filled together. `able` says that the offers are known to fail nothing by themselves.
    """
    today = as_of.toordinal()
    slots = catalogue.slots
    chosen = np.arange(len(slots.offer), dtype=np.int64) if rows is None else rows
    offer = slots.offer[chosen]
    company = np.zeros(len(chosen), dtype=np.int64) if others is None else others[offer]
    dates = dates_of(need, catalogue, policy, chosen, today)
    native, language_bits = _language(need, line, catalogue, policy, chosen)
    seats, deliveries, available, seat_bits = seats_of(line, catalogue, policy, chosen, company)
    seats, deliveries, cost, floor_cost, reduced, cost_bits = _cost(
        need, line, catalogue, policy, chosen, rates, seats, deliveries
    )
    seat_bits = np.where(dates.bits & np.int64(Fail.NOT_SCHEDULED), 0, seat_bits)  # seats of no date are no reason
    bits = dates.bits | language_bits | _place(need, line, catalogue, policy, chosen) | seat_bits | cost_bits
    if not able:
        offers, at = distinct(offer)
        bits = bits | offer_bits(Question(need, line, policy, today), catalogue, offers)[at]
    return Screen(
        rows=chosen,
        offer=offer,
        bits=bits,
        start=dates.start,
        end=dates.end,
        seats=seats,
        available=available,
        deliveries=deliveries,
        cost=cost,
        floor_cost=floor_cost,
        slack=dates.slack,
        notice=dates.notice,
        overlap=dates.overlap,
        native=native,
        shortened=dates.shortened,
        reduced=reduced,
    )


def distinct(offer: Ints) -> tuple[Ints, Ints]:
    """Return the different offers of ascending rows, and for each row which of them is its own."""
    new = np.ones(len(offer), dtype=np.bool_)
    new[1:] = offer[1:] != offer[:-1]
    return offer[new], np.cumsum(new) - 1


def dates_of(need: Need, catalogue: Catalogue, policy: Policy, rows: Ints, today: int) -> Dates:
    """Return when slots (rows) could be held for a need, seen from a day."""
    slots = catalogue.slots
    opens, closes = need.window_start.toordinal(), need.window_end.toordinal()
    kind, first, last = slots.kind[rows], slots.start[rows], slots.end[rows]
    session = kind == SlotKind.SESSION
    precise = slots.precise[rows]

    # A session has its dates; one dated to the day must lie in the window, a vaguer one must touch it.
    inside = (first >= opens - policy.window_tolerance_days) & (last <= closes + policy.window_tolerance_days)
    touched = np.minimum(last, closes) - np.maximum(np.maximum(first, opens), today + 1) + 1

    # All else begins when asked: not before the lead time has run, and must end within the window.
    duration, half, ready = asked_for(catalogue, rows, today)
    begin = np.maximum(ready, opens)
    latest = np.minimum(last, closes)
    late = begin + half - 1 > latest
    finish = np.where(late, begin + duration - 1, np.minimum(begin + duration - 1, np.maximum(latest, begin)))

    # What has no future date at all is not said to miss the window, unless the window itself is past.
    missed = np.where(session, np.where(precise, ~inside, touched < 1), late)
    dateless = undated(catalogue, today, rows)
    bits = np.where(dateless, np.int64(Fail.NOT_SCHEDULED), 0)
    bits |= np.where(missed & (~dateless | (closes <= today)), np.int64(Fail.WINDOW_MISSED), 0)
    length = np.maximum(1, last - first + 1)
    return Dates(
        start=np.where(session, first, begin),
        end=np.where(session, last, finish),
        bits=bits,
        slack=np.where(session, 0, np.maximum(0, latest - (begin + duration - 1))),
        notice=np.maximum(
            0,
            np.where(session, np.minimum(slots.closes[rows], first) - today, latest - duration + 1 - ready),
        ),
        overlap=np.where(session & ~precise, np.clip(1000 * touched // length, 0, 1000), 1000),
        shortened=~session & ~late & (begin + duration - 1 > latest),
    )


def asked_for(catalogue: Catalogue, rows: Ints, today: int) -> tuple[Ints, Ints, Ints]:
    """Return for slots that begin when asked: days of one delivery, days of the shortest, first possible day."""
    slots, columns = catalogue.slots, catalogue.columns
    offer = slots.offer[rows]
    duration = np.where(slots.kind[rows] == SlotKind.OPEN_ACCESS, 1, columns.duration[offer])
    half = np.where(columns.customisable[offer], -(-duration // 2), duration)  # length may be adapted down to half
    return duration, half, np.maximum(slots.start[rows], today + columns.lead[offer])


def undated(catalogue: Catalogue, today: int, rows: Ints | None = None) -> Bools:
    """Tell which slots (or which of the rows given) have no date to come, whatever window is asked for."""
    slots = catalogue.slots
    chosen = np.arange(len(slots.offer), dtype=np.int64) if rows is None else rows
    kind, first, last = slots.kind[chosen], slots.start[chosen], slots.end[chosen]
    over = ~slots.bookable[chosen] | (last <= today) | (slots.closes[chosen] < today)
    over |= slots.precise[chosen] & (first <= today)
    _, half, ready = asked_for(catalogue, chosen, today)
    never = (ready + half - 1 > last) | (kind == SlotKind.NOTHING)
    return np.where(kind == SlotKind.SESSION, over, never)


def speaks(language: str, catalogue: Catalogue, interpreted: bool, rows: Ints | None = None) -> Bools:
    """Tell which slots (or which of the rows given) are given in a language, or `interpreted` where the offer can be."""
    native = catalogue.slots.languages.has(language, rows)
    if not interpreted:
        return native
    offer = catalogue.slots.offer if rows is None else catalogue.slots.offer[rows]
    return native | catalogue.columns.interpretation[offer]


def interpretation_counts(need: Need, policy: Policy) -> bool:
    """Tell whether a must-language may be interpreted."""
    return policy.accept_interpretation and need.interpretation_allowed


def native_in(line: NeedLine, catalogue: Catalogue, rows: Ints) -> Bools:
    """Tell which slots (rows) are given in the language of the line itself; all of them where it asks for none."""
    if line.language is None:
        return np.ones(len(rows), dtype=np.bool_)
    return catalogue.slots.languages.has(line.language, rows)


def _language(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, rows: Ints) -> tuple[Bools, Ints]:
    native = native_in(line, catalogue, rows)
    if line.language is None:
        return native, np.zeros(len(rows), dtype=np.int64)
    spoken = speaks(line.language, catalogue, interpretation_counts(need, policy), rows)
    return native, np.where(spoken, 0, np.int64(Fail.LANGUAGE_NOT_DELIVERABLE))


def _place(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, rows: Ints) -> Ints:
    wish = need.place
    if not policy.enforce_fixed_place or wish.preference != "fixed" or wish.country is None:
        return np.zeros(len(rows), dtype=np.int64)
    return np.where(at_place(need, line, catalogue, rows), 0, np.int64(Fail.PLACE_MISMATCH))


def at_place(need: Need, line: NeedLine, catalogue: Catalogue, rows: Ints) -> Bools:
    """Tell which slots can take place at the place wished (its country, and its city where both are known)."""
    slots, wish = catalogue.slots, need.place
    there = slots.countries.has(wish.country or "", rows)
    if wish.city is not None:
        there &= slots.cities.has(wish.city, rows) | ~slots.cities.filled(rows)
    travels = slots.anywhere[rows] & (line.country is None or line.country == wish.country)
    return there | travels


def seats_of(
    line: NeedLine, catalogue: Catalogue, policy: Policy, rows: Ints, company: Ints
) -> tuple[Ints, Ints, Ints, Ints]:
    """Return seats planned, deliveries, seats available and failures.

    Seats are the smaller of the line's maximum and what is free; several deliveries where one is too small, each
    with at least the smallest group.
    """
    slots = catalogue.slots
    kind = slots.kind[rows]
    counted = kind == SlotKind.SESSION
    largest = np.where(counted, np.maximum(1, slots.free[rows]), catalogue.columns.largest[slots.offer[rows]])
    smallest = slots.group_min[rows]
    possible = np.where(
        (kind == SlotKind.ON_REQUEST) | (kind == SlotKind.NOTHING),
        policy.max_deliveries,
        slots.free[rows] // np.maximum(1, slots.per_delivery[rows]),
    )
    available = np.where(counted, slots.free[rows], possible * largest)

    seats = np.minimum(line.maximum, available)
    deliveries = np.maximum(1, -(-seats // largest))
    uneven = (seats < deliveries * smallest) & (deliveries > 1)
    fewer = np.where(uneven, (deliveries - 1) * largest, seats)
    together = np.minimum(line.maximum + company, available)

    none = available < smallest
    short = ~none & (available < line.minimum)
    too_small = ~none & ~short & ((together < smallest) | ((fewer < line.minimum) & (company == 0)))
    bits = np.where(none, np.int64(Fail.CAPACITY_NONE), 0)
    bits |= np.where(short, np.int64(Fail.CAPACITY_SHORT), 0) | np.where(too_small, np.int64(Fail.GROUP_TOO_SMALL), 0)
    seats = np.where(fewer >= line.minimum, fewer, seats)
    return seats, np.maximum(1, -(-seats // largest)), available, bits


def _cost(
    need: Need,
    line: NeedLine,
    catalogue: Catalogue,
    policy: Policy,
    rows: Ints,
    rates: Rates,
    seats: Ints,
    deliveries: Ints,
) -> tuple[Ints, Ints, Ints, Ints, Bools, Ints]:
    """Return seats, deliveries, cost, least cost; with a binding ceiling the smallest number where the largest is too dear."""
    offer = catalogue.slots.offer[rows]
    cost = cost_in_currency(need, catalogue, policy, rates, offer, seats, deliveries)
    least, runs, whole = least_group(line, catalogue, rows, seats)
    least_cost = cost_in_currency(need, catalogue, policy, rates, offer, least, runs)
    floor = np.where(whole, np.minimum(cost, least_cost), cost)
    limit = ceiling_cents(need, policy)
    if limit is None:
        none = np.zeros(len(rows), dtype=np.int64)
        return seats, deliveries, cost, floor, none != 0, none
    reduced = (cost > limit) & (least_cost <= limit) & whole & (least < seats)
    cost = np.where(reduced, least_cost, cost)
    return (
        np.where(reduced, least, seats),
        np.where(reduced, runs, deliveries),
        cost,
        floor,
        reduced,
        np.where(cost > limit, np.int64(Fail.COST_OVER_CEILING), 0),
    )


def least_group(line: NeedLine, catalogue: Catalogue, rows: Ints, seats: Ints) -> tuple[Ints, Ints, Bools]:
    """Return the smallest number that is enough for slots (rows) of so many seats, its deliveries, and whether they fill."""
    session = catalogue.slots.kind[rows] == SlotKind.SESSION
    smallest = catalogue.slots.group_min[rows]
    largest = np.where(session, np.maximum(1, seats), catalogue.columns.largest[catalogue.slots.offer[rows]])
    least = np.minimum(seats, np.maximum(line.minimum, smallest))
    runs = np.maximum(1, -(-least // largest))
    return least, runs, (runs == 1) | (least >= runs * smallest)


def ceiling_cents(need: Need, policy: Policy) -> int | None:
    """Return the limit that binds, tolerance included; None while the funding is to be found."""
    budget = need.budget
    if not policy.enforce_ceiling or budget.funding_state != SECURED or budget.ceiling is None:
        return None
    return to_cents(budget.ceiling) * (1000 + policy.cost_tolerance_permille) // 1000


def cost_in_currency(
    need: Need, catalogue: Catalogue, policy: Policy, rates: Rates, offer: Ints, seats: Ints, deliveries: Ints
) -> Ints:
    """Return the estimate in cents of the request's currency, rounded half up; -1 where cost or rate is missing."""
    return cost_in(need.budget.currency or policy.currency, catalogue, rates, offer, seats, deliveries)


def cost_in(target: str, catalogue: Catalogue, rates: Rates, offer: Ints, seats: Ints, deliveries: Ints) -> Ints:
    """Return the estimate in cents of a currency, rounded half up; -1 where cost or rate is missing."""
    columns = catalogue.columns
    native = deliveries * columns.per_delivery[offer] + seats * columns.per_participant[offer]
    cost = np.full(len(offer), UNKNOWN, dtype=np.int64)
    for currency in sorted(columns.currency.position):
        factor = rates.factor(currency, target)
        if factor is not None:
            top, bottom = factor
            here = columns.currency.has(currency, offer)
            # Beyond 64 bits NumPy's object arrays count with Python's own whole numbers.
            amounts = native[here].astype(object) if _overflows(native, top) else native[here]
            cost[here] = (amounts * (2 * top) + bottom) // (2 * bottom)
    return cost


def _overflows(amounts: Ints, factor: int) -> bool:
    return bool(len(amounts)) and int(amounts.max()) * factor * 2 >= 2**62
