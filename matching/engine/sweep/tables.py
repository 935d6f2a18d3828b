"""What the numbers of a catalogue are worth to one line: one row of each number valued by the functions of `criteria`."""

from dataclasses import dataclass

import numpy as np

from matching.engine.catalogue import Bools, Catalogue, Ints
from matching.engine.policy import VALUE_TOP, Criterion, Policy
from matching.engine.reference.rates import Rates
from matching.engine.scoring.criteria import (
    asked_theme,
    audience_value,
    award_value,
    cost_value,
    dates_value,
    delivery_place_value,
    group_value,
    language_value,
    lead_time_value,
    place_value,
)
from matching.engine.screening.pricing import ceiling_cents, cost_in_currency
from matching.engine.screening.slots import dates_of, least_group, native_in, seats_of
from matching.engine.sweep.numbering import Numbered, Numbers, Scores, around_of, day_of, profile_of, room_of
from matching.engine.types import Need, NeedLine

NAMINGS = 4  # an offer may name the country as covered, as delivered in, as both or as neither


@dataclass(frozen=True, slots=True)
class Asking:
    """One line with all that its scores hang on; `today` is an ordinal."""

    need: Need
    line: NeedLine
    catalogue: Catalogue
    policy: Policy
    today: int
    rates: Rates
    numbers: Numbers

    def weigh(self, criterion: Criterion, value: Ints) -> Scores:
        """Return what values 0..1000 of a criterion add to the score."""
        return (self.policy.weights[criterion] * value).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Worth:
    """What each row adds: `table[number]`, or `table[begin[room] + number]` where a room has a table of its own."""

    table: Scores
    number: Ints
    begin: Ints | None = None
    room: Ints | None = None

    @property
    def same_for_all(self) -> bool:
        """Tell whether no row can add more than another."""
        table = self.table
        return len(table) > 0 and bool(table[0] == table[-1]) and bool((table == table[0]).all())

    def read(self, share: Scores) -> None:
        """Write what the rows add into `share`."""
        number = self.number
        if self.begin is not None and self.room is not None:
            number = self.begin.take(self.room, mode="wrap")
            number += self.number
        # Every number lies in its table: "wrap" only spares NumPy the copy that it makes to be able to raise (and is faster than "clip").
        self.table.take(number, out=share, mode="wrap")


def by_offer(asking: Asking) -> list[Worth]:
    """Return what offers are worth by theme, audience, award and text."""
    alike, _ = asking.catalogue.texts.values(asking.need.texts)
    return [_theme(asking), _profile(asking), Worth(asking.weigh(Criterion.TEXT, np.arange(VALUE_TOP + 1)), alike)]


def by_coverage(asking: Asking) -> Scores:
    """Return what each offer is worth by coverage and experience.

    One offer is valued of each kind that the regions around the place tell apart and that names the country alike.
    """
    line, catalogue = asking.line, asking.catalogue
    columns, code = catalogue.columns, line.country or ""
    around = around_of(catalogue, catalogue.places.chain_of(country=line.country, region=line.region))
    naming = (columns.countries.holders(code), columns.delivered.holders(code))
    marks = np.zeros(len(around.of), dtype=np.uint8)
    for bit, rows in enumerate(naming):
        marks[rows] |= 1 << bit
    named = np.concatenate(naming)
    number = NAMINGS * around.of.take(named) + marks.take(named)
    one = np.full(NAMINGS * len(around.one), -1, dtype=np.int64)
    one[::NAMINGS] = _of_each_kind(around, marks > 0)
    one[number] = named
    found = np.flatnonzero(one >= 0)
    value, _ = place_value(line, catalogue, one[found])
    table = np.zeros(len(one), dtype=np.int32)
    table[found] = asking.weigh(Criterion.PLACE, value // 10)  # the rest of the place: `by_slot`
    spread: Scores = table[::NAMINGS].take(around.of, mode="wrap")
    spread[named] = table.take(number)
    return spread


def _of_each_kind(numbered: Numbered, left_out: Bools) -> Ints:
    """Return one row of each number, none of those left out; any row where there is no other."""
    one = numbered.one.copy()
    for number in np.flatnonzero(left_out[one]).tolist():
        one[number] = ((numbered.of == number) > left_out).argmax()
    return one


def _theme(asking: Asking) -> Worth:
    """Value sets of themes: by their closeness alone those that hold nothing narrower or broader, one by one all others."""
    catalogue, sets = asking.catalogue, asking.numbers.themes
    asked = asked_theme(asking.line, catalogue)
    near = np.flatnonzero(asked.closeness)
    closest, sums = np.zeros(len(sets.one), dtype=np.int64), np.zeros(len(sets.one), dtype=np.int64)
    for theme in near[np.argsort(asked.closeness[near])].tolist():  # the closest that a set holds comes last
        holders = asking.numbers.with_theme[theme]
        closest[holders] = asked.closeness[theme]
        if asked.relations[theme]:
            sums[holders] += asked.relations[theme]
    own = np.flatnonzero(sums > 0)
    alone = asked.closeness[near]
    table = np.zeros(VALUE_TOP + 1, dtype=np.int32)
    table[alone] = asking.weigh(Criterion.THEME, asked.value(alone, 0 * alone, 1 + 0 * alone))
    worth: Scores = table.take(closest, mode="wrap")
    count = catalogue.columns.theme_count.take(sets.one.take(own))
    worth[own] = asking.weigh(Criterion.THEME, asked.value(closest.take(own), sums.take(own), count))
    return Worth(worth, sets.of)


def _profile(asking: Asking) -> Worth:
    line, catalogue = asking.line, asking.catalogue
    profile = profile_of(catalogue, line.audience)
    level, award = (column.take(profile.one) for column in (catalogue.columns.level, catalogue.columns.award))
    audience, _ = audience_value(line, catalogue, profile.one, level)
    award, _ = award_value(asking.need, award)
    return Worth(asking.weigh(Criterion.AUDIENCE, audience) + asking.weigh(Criterion.AWARD, award), profile.of)


def by_slot(asking: Asking) -> list[Worth]:
    """Return what slots are worth by language, dates, time left to ask and place of delivery."""
    numbers, line, catalogue = asking.numbers, asking.line, asking.catalogue
    spoken = numbers.languages.one
    language = language_value(asking.need, line, catalogue, spoken, native_in(line, catalogue, spoken))
    worth = [Worth(asking.weigh(Criterion.LANGUAGE, language), numbers.languages.of), _schedule(asking)]
    # Thrice the value of a place is a multiple of ten, so that it may be divided apart from the rest.
    delivery = 3 * delivery_place_value(asking.need, line, catalogue, numbers.place.one) // 10
    return [*worth, Worth(asking.weigh(Criterion.PLACE, delivery), numbers.place.of)]


def _schedule(asking: Asking) -> Worth:
    numbers, catalogue = asking.numbers, asking.catalogue
    ways, day = numbers.scheduled, day_of(catalogue, numbers, asking.today)
    dates = dates_of(asking.need, asking.policy, ways, day, numbers.lengths, asking.today)
    value, _ = dates_value(ways.kind, ways.session > ways.precise, dates)
    table = asking.weigh(Criterion.DATES, value) + asking.weigh(Criterion.LEAD_TIME, lead_time_value(dates.notice))
    return Worth(table, numbers.schedule.of)


def by_cost(asking: Asking) -> Worth:
    """Return what slots are worth by participants and cost.

    Few groups differ for one line, however many rooms do: every group is priced at every price. Where there are so many
    prices that this would be more work than pricing each slot, each slot is priced.
    """
    numbers, slots = asking.numbers, asking.catalogue.slots
    many, few = _groups(asking)
    kinds = Numbered.by(many.seats, many.deliveries, few.seats, few.deliveries)
    prices = numbers.price.one
    if len(kinds.one) * len(prices) > len(slots.offer):
        room, every = numbers.room.of, np.arange(len(slots.offer))
        planned, least = (_priced(asking, slots.offer, group.take(room)) for group in (many, few))
        return Worth(planned.or_else(least), every)
    both = _Groups(
        np.concatenate([many.seats[kinds.one], few.seats[kinds.one]]),
        np.concatenate([many.deliveries[kinds.one], few.deliveries[kinds.one]]),
    )
    sizes = Numbered.by(both.seats, both.deliveries)
    priced = _priced(asking, prices, both.take(sizes.one[:, np.newaxis]))
    planned, least = (priced.take(half) for half in np.split(sizes.of, 2))
    table = planned.or_else(least).ravel()
    return Worth(table, numbers.slot_price, begin=kinds.of * len(prices), room=numbers.room.of)


@dataclass(frozen=True, slots=True)
class _Groups:
    """Participants, and the deliveries that they need."""

    seats: Ints
    deliveries: Ints

    def take(self, rows: Ints) -> "_Groups":
        return _Groups(self.seats.take(rows), self.deliveries.take(rows))


@dataclass(frozen=True, slots=True)
class _Priced:
    """What groups are worth at prices, and whether they are above a ceiling that binds."""

    worth: Scores
    dear: Bools

    def take(self, rows: Ints) -> "_Priced":
        return _Priced(self.worth.take(rows, axis=0), self.dear.take(rows, axis=0))

    def or_else(self, fewer: "_Priced") -> Scores:
        """Return the worth, that of fewer participants where only they are not too dear."""
        return np.where(self.dear > fewer.dear, fewer.worth, self.worth)


def _groups(asking: Asking) -> tuple[_Groups, _Groups]:
    """Return for each room as many participants as can be, and the smallest number that is enough where that is fewer."""
    line, ways = asking.line, asking.numbers.seated
    seated = seats_of(line, ways, room_of(asking.catalogue, asking.numbers, asking.policy.max_deliveries))
    seats, deliveries = seated.seats, seated.deliveries
    least, runs, whole = least_group(line, ways, seats)
    fewer = whole & (least < seats)
    return _Groups(seats, deliveries), _Groups(np.where(fewer, least, seats), np.where(fewer, runs, deliveries))


def _priced(asking: Asking, offers: Ints, groups: _Groups) -> _Priced:
    need, policy = asking.need, asking.policy
    cost = cost_in_currency(need, asking.catalogue, policy, asking.rates, offers, groups.seats, groups.deliveries)
    limit = ceiling_cents(need, policy)
    dear = np.zeros(cost.shape, dtype=np.bool_) if limit is None else cost > limit
    seated = asking.weigh(Criterion.GROUP, group_value(asking.line, groups.seats))
    return _Priced(seated + asking.weigh(Criterion.COST, cost_value(need, cost)[0]), dear)
