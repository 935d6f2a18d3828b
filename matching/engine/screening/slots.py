"""Hard constraints of a delivery: for one line and every slot, whether it is possible, when, for how many, at what cost.

All slots of the catalogue (or the rows given) are tested at once. An offer can serve a line when one of its slots
fails nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np

from matching.engine.catalogue import Bools, Catalogue, Ints
from matching.engine.catalogue.ways import Day, Lengths, Room, Seen, Ways
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates
from matching.engine.screening.constraints import Fail, Question, offer_bits
from matching.engine.screening.pricing import ceiling_cents, reckoned
from matching.engine.types import Need, NeedLine


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


class Dates(NamedTuple):
    """When slots could be held; fields as in `Screen`."""

    start: Ints
    end: Ints
    undated: Bools
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
    chosen = np.arange(len(catalogue.slots.offer), dtype=np.int64) if rows is None else rows
    seen = Seen.of(catalogue, chosen, today, policy.max_deliveries)
    ways = seen.ways
    dates = dates_of(need, policy, ways, seen.day, seen.lengths, today)
    native = native_in(line, catalogue, chosen)
    company = None if others is None else others.take(ways.offer)
    seated = seats_of(line, ways, seen.room, company)
    priced = _priced(need, line, catalogue, policy, rates, seen, seated)
    bits = dates.bits | np.where(dates.undated, 0, seated.bits) | priced.bits  # seats of no date are no reason
    for failed, fail in _unmet(need, line, catalogue, policy, ways, native):
        bits |= failed * fail.value
    if not able:
        offers, at = distinct(ways.offer)
        bits |= offer_bits(Question(need, line, policy, today), catalogue, offers)[at]
    return Screen(
        rows=chosen,
        offer=ways.offer,
        bits=bits,
        start=dates.start,
        end=dates.end,
        seats=priced.seats,
        available=seated.available,
        deliveries=priced.deliveries,
        cost=priced.cost,
        floor_cost=priced.floor_cost,
        slack=dates.slack,
        notice=dates.notice,
        overlap=dates.overlap,
        native=native,
        shortened=dates.shortened,
        reduced=priced.reduced,
    )


def distinct(offer: Ints) -> tuple[Ints, Ints]:
    """Return the different offers of ascending rows, and for each row which of them is its own."""
    new = np.empty(len(offer), dtype=np.bool_)
    new[:1] = True
    np.not_equal(offer[1:], offer[:-1], out=new[1:])
    at: Ints = new.cumsum()
    at -= 1
    return offer[new], at


def dates_of(need: Need, policy: Policy, ways: Ways, day: Day, lengths: Lengths, today: int) -> Dates:
    """Return when slots could be held for a need, seen from a day; `day` and `lengths` are those of the slots."""
    session, undated, duration = ways.session, day.undated, lengths.duration
    opens, closes = _window(need, ways, policy.window_tolerance_days)
    # Whatever it is must find the days it takes, at least the fewest, in the window. A session dated to the day takes all
    # of its own; one dated vaguely must touch the window; all else begins when asked, once the lead time has run.
    begin = np.maximum(day.ready, opens)
    before = begin - 1
    days = np.minimum(ways.end, closes) - before
    spare = days - duration
    late = lengths.half > days
    finish = before + np.where(late, duration, np.minimum(duration, np.maximum(days, 1)))
    # What has no future date at all is not said to miss the window, unless the window itself is past.
    missed = late if need.window_end.toordinal() <= today else late > undated
    return Dates(
        start=np.where(session, ways.start, begin),
        end=np.where(session, ways.end, finish),
        undated=undated,
        bits=undated * Fail.NOT_SCHEDULED.value + missed * Fail.WINDOW_MISSED.value,
        slack=np.maximum(spare, 0),
        notice=np.where(session, day.left, np.maximum(spare + (begin - day.ready), 0)),
        overlap=_overlap(ways, days),
        shortened=(spare < 0) & ~(late | session),
    )


def _window(need: Need, ways: Ways, tolerance: int) -> tuple[int | Ints, int | Ints]:
    """Return when the window opens and closes, for each slot where that differs: for sessions dated to the day with the tolerance."""
    opens, closes = need.window_start.toordinal(), need.window_end.toordinal()
    if not tolerance:
        return opens, closes
    more = tolerance * ways.precise
    return opens - more, closes + more


def _overlap(ways: Ways, days: Ints) -> Ints:
    """Return what permille of each slot's period lies in the window; of which `days`, where it is a session dated vaguely."""
    overlap = np.full(len(days), 1000)
    vague = ways.session > ways.precise
    if not vague.any():
        return overlap
    share = np.clip(1000 * days // np.maximum(1, ways.end - ways.start + 1), 0, 1000)
    return np.where(vague, share, overlap)


def speaks(language: str, catalogue: Catalogue, interpreted: bool) -> Bools:
    """Tell which slots are given in a language, or `interpreted` where the offer can be."""
    native = catalogue.slots.languages.has(language)
    return native | catalogue.columns.interpretation[catalogue.slots.offer] if interpreted else native


def interpretation_counts(need: Need, policy: Policy) -> bool:
    """Tell whether a must-language may be interpreted."""
    return policy.accept_interpretation and need.interpretation_allowed


def native_in(line: NeedLine, catalogue: Catalogue, rows: Ints) -> Bools:
    """Tell which slots (rows) are given in the language of the line itself; all of them where it asks for none."""
    if line.language is None:
        return np.ones(len(rows), dtype=np.bool_)
    return catalogue.slots.languages.has(line.language, rows)


def _unmet(
    need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, ways: Ways, native: Bools
) -> Iterator[tuple[Bools, Fail]]:
    """Give the slots that are not held in the language, or not at the place, that must be."""
    if line.language is not None:
        interpreted = interpretation_counts(need, policy)
        spoken = native | catalogue.columns.interpretation.take(ways.offer) if interpreted else native
        yield ~spoken, Fail.LANGUAGE_NOT_DELIVERABLE
    wish = need.place
    if policy.enforce_fixed_place and wish.preference == "fixed" and wish.country is not None:
        yield ~at_place(need, line, catalogue, ways.rows), Fail.PLACE_MISMATCH


def at_place(need: Need, line: NeedLine, catalogue: Catalogue, rows: Ints) -> Bools:
    """Tell which slots can take place at the place wished (its country, and its city where both are known)."""
    slots, wish = catalogue.slots, need.place
    there = slots.countries.has(wish.country or "", rows)
    if wish.city is not None:
        there &= slots.cities.has(wish.city, rows) | ~slots.cities.filled(rows)
    travels = slots.anywhere[rows] & (line.country is None or line.country == wish.country)
    return there | travels


class Seated(NamedTuple):
    """How many slots take; fields as in `Screen`."""

    seats: Ints
    deliveries: Ints
    available: Ints
    bits: Ints


def seats_of(line: NeedLine, ways: Ways, room: Room, company: Ints | None = None) -> Seated:
    """Return seats planned, deliveries, seats available and failures.

    Seats are the smaller of the line's maximum and what is free; several deliveries where one is too small, each
    with at least the smallest group. `room` is that of the slots, `company`: participants of other lines who could come as well.
    """
    largest, available, smallest = room.largest, room.available, ways.smallest
    seats = np.minimum(available, line.maximum)
    deliveries = np.maximum(-(-seats // largest), 1)
    uneven = (seats < deliveries * smallest) & (deliveries > 1)
    fewer = np.where(uneven, (deliveries - 1) * largest, seats)
    small = fewer < line.minimum
    together = seats
    if company is not None:
        together = np.minimum(line.maximum + company, available)
        small &= company == 0
    bits = np.where(small | (together < smallest), Fail.GROUP_TOO_SMALL.value, 0)
    bits = np.where(available < line.minimum, Fail.CAPACITY_SHORT.value, bits)
    bits = np.where(available < smallest, Fail.CAPACITY_NONE.value, bits)
    evened = uneven & (fewer >= line.minimum)
    if evened.any():
        seats = np.where(evened, fewer, seats)
        deliveries = np.maximum(1, -(-seats // largest))
    return Seated(seats, deliveries, available, bits)


class Priced(NamedTuple):
    """Seats and deliveries that the ceiling leaves, and what they cost; fields as in `Screen`."""

    seats: Ints
    deliveries: Ints
    cost: Ints
    floor_cost: Ints
    reduced: Bools
    bits: Ints


def _priced(
    need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, rates: Rates, seen: Seen, seated: Seated
) -> Priced:
    """Price what was seated; with a binding ceiling the smallest number where the largest is too dear."""
    seats, deliveries = seated.seats, seated.deliveries
    least, runs, whole = least_group(line, seen.ways, seats)
    target = need.budget.currency or policy.currency
    both = np.array((seats, least)), np.array((deliveries, runs))
    cost, least_cost = reckoned(target, catalogue, rates, seen.prices, *both)
    floor = np.where(whole, np.minimum(cost, least_cost), cost)
    limit = ceiling_cents(need, policy)
    dear = np.zeros(len(seats), dtype=np.bool_) if limit is None else cost > limit
    reduced = dear
    if limit is not None and dear.any():
        reduced = dear & (least_cost <= limit) & whole & (least < seats)
        seats, deliveries = np.where(reduced, least, seats), np.where(reduced, runs, deliveries)
        cost = np.where(reduced, least_cost, cost)
        dear = dear & ~reduced
    return Priced(seats, deliveries, cost, floor, reduced, dear * Fail.COST_OVER_CEILING.value)


def least_group(line: NeedLine, ways: Ways, seats: Ints) -> tuple[Ints, Ints, Bools]:
    """Return the smallest number that is enough for slots of so many seats, its deliveries, and whether they fill."""
    largest = np.where(ways.session, np.maximum(seats, 1), ways.largest)
    least = np.minimum(seats, np.maximum(ways.smallest, line.minimum))
    runs = np.maximum(-(-least // largest), 1)
    return least, runs, (runs == 1) | (least >= runs * ways.smallest)
