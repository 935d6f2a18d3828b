"""What the numbers of a catalogue are worth to one line: one row of each number valued by the functions of `criteria`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from matching.engine.bitsets import BitTable
from matching.engine.catalogue import Catalogue, Ints
from matching.engine.catalogue.ways import Ways
from matching.engine.criteria import (
    audience_value,
    award_value,
    cost_value,
    coverage_value,
    dates_value,
    delivery_place_value,
    experience_value,
    group_value,
    language_value,
    lead_time_value,
    neighbours_of,
    theme_value,
)
from matching.engine.policy import Criterion, Policy
from matching.engine.pricing import ceiling_cents, cost_in_currency
from matching.engine.rates import Rates
from matching.engine.slots import dates_of, least_group, native_in, seats_of
from matching.engine.sweep.numbering import Numbered, Numbers, Scores, Standing
from matching.engine.types import Need, NeedLine


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
        return len(self.table) > 0 and bool(self.table.min() == self.table.max())

    def add_to(self, sums: Scores, block: slice, share: Scores, number: Ints) -> None:
        """Add to the sums of one block of rows; `share` and `number` are room to work in, of its length."""
        # Every number lies in its table: "clip" only spares NumPy the copy that it makes to be able to raise.
        if self.begin is None or self.room is None:
            self.table.take(self.number[block], out=share, mode="clip")
        else:
            self.begin.take(self.room[block], out=number, mode="clip")
            np.add(number, self.number[block], out=number)
            self.table.take(number, out=share, mode="clip")
        np.add(sums, share, out=sums)


def by_offer(asking: Asking, standing: Standing) -> Scores:
    """Return for each offer what it scores by theme, audience, award, text, coverage, experience, record and being new."""
    numbers, texts = asking.numbers, asking.catalogue.texts
    alike, _ = texts.values(asking.need.texts)
    total = asking.weigh(Criterion.TEXT, alike)
    total += standing.offers
    total += _theme(asking).take(numbers.themes.of, mode="clip")
    total += _profile(asking)
    total += _coverage(asking)
    return total


def _theme(asking: Asking) -> Scores:
    """Value the sets of themes that hold one near the theme asked; all others are worth nothing."""
    scheme, sets = asking.catalogue.scheme, asking.numbers.themes.one
    near = np.flatnonzero(scheme.closeness[scheme.index(asking.line.theme)]).tolist()
    held = np.zeros(len(sets), dtype=np.bool_)
    for theme in near:
        held[asking.numbers.with_theme[theme]] = True
    chosen = np.flatnonzero(held)
    table = np.zeros(len(sets), dtype=np.int32)
    table[chosen] = asking.weigh(Criterion.THEME, theme_value(asking.line, asking.catalogue, sets[chosen]))
    return table


def _profile(asking: Asking) -> Scores:
    numbers, line, catalogue = asking.numbers, asking.line, asking.catalogue

    def worth(offers: Ints) -> Scores:
        audience = asking.weigh(Criterion.AUDIENCE, audience_value(line, catalogue, offers)[0])
        return audience + asking.weigh(Criterion.AWARD, award_value(asking.need, catalogue, offers)[0])

    held = [catalogue.columns.audiences.holders(line.audience)]
    return _by_marks(numbers.profile.of, len(numbers.profile.one), [held], worth)


def _coverage(asking: Asking) -> Scores:
    numbers, line, catalogue = asking.numbers, asking.line, asking.catalogue
    chain = catalogue.places.chain_of(country=line.country, region=line.region)
    around = neighbours_of(line, catalogue)

    def worth(offers: Ints) -> Scores:
        experience, _ = experience_value(line, catalogue, offers)
        value = (5 * coverage_value(line, catalogue, offers) + 2 * experience) // 10  # the rest: `_delivery`
        return asking.weigh(Criterion.PLACE, value)

    def of(table: BitTable, codes: Iterable[str]) -> list[Ints]:
        return [table.holders(code) for code in codes]

    columns = catalogue.columns
    marks = [of(columns.regions, [region]) for region in chain]
    marks += [of(columns.delivered, around), of(columns.home, around)]
    if line.country is not None:
        marks += [of(columns.countries, [line.country]), of(columns.delivered, [line.country])]
    return _by_marks(numbers.coverage, 4, marks, worth)


def _by_marks(alike: Ints, count: int, marks: Sequence[Sequence[Ints]], worth: Callable[[Ints], Scores]) -> Scores:
    """Value rows that are alike and carry the same marks by one of them.

    `alike` numbers the rows, below `count`; a mark lists the rows that carry it.
    """
    first = (count - 1).bit_length()
    number = alike.copy()
    for bit, mark in enumerate(marks):
        held = np.int64(1 << (first + bit))
        for rows in mark:
            number[rows] |= held
    one = np.full(1 << (first + len(marks)), -1, dtype=np.int64)
    one[number] = np.arange(len(number))
    found = np.flatnonzero(one >= 0)
    table = np.zeros(len(one), dtype=np.int32)
    table[found] = worth(one[found])
    spread: Scores = table.take(number, mode="clip")
    return spread


def by_slot(asking: Asking) -> list[Worth]:
    """Return what slots are worth by language, dates, time left to ask and place of delivery."""
    numbers, line, catalogue = asking.numbers, asking.line, asking.catalogue
    spoken = numbers.languages.one
    language = language_value(asking.need, line, catalogue, spoken, native_in(line, catalogue, spoken))
    worth = [Worth(asking.weigh(Criterion.LANGUAGE, language), numbers.languages.of), _schedule(asking)]
    # Thrice the value of a place is a multiple of ten, so that it may be divided apart from the rest of `_place`.
    delivery = 3 * delivery_place_value(asking.need, line, catalogue, numbers.place.one) // 10
    return [*worth, Worth(asking.weigh(Criterion.PLACE, delivery), numbers.place.of)]


def _schedule(asking: Asking) -> Worth:
    rows = asking.numbers.schedule.one
    dates = dates_of(asking.need, asking.catalogue, asking.policy, Ways.of(asking.catalogue, rows), asking.today)
    value, _ = dates_value(asking.catalogue, rows, dates)
    table = asking.weigh(Criterion.DATES, value) + asking.weigh(Criterion.LEAD_TIME, lead_time_value(dates.notice))
    return Worth(table, asking.numbers.schedule.of)


@dataclass(frozen=True, slots=True)
class _Group:
    """Participants and deliveries as many as can be, and the smallest number that is enough where that is fewer."""

    seats: Ints
    deliveries: Ints
    least: Ints
    runs: Ints

    def of(self, rows: Ints) -> "_Group":
        return _Group(self.seats[rows], self.deliveries[rows], self.least[rows], self.runs[rows])


def by_cost(asking: Asking) -> Worth:
    """Return what slots are worth by participants and cost.

    Few groups differ for one line, however many rooms do: every group is priced at every price. Where there are so many
    prices that this would be more work than pricing each slot, each slot is priced.
    """
    numbers, slots = asking.numbers, asking.catalogue.slots
    group = _group(asking)
    kinds = Numbered.by(group.seats, group.deliveries, group.least, group.runs)
    prices = numbers.price.one
    if len(kinds.one) * len(prices) > len(slots.offer):
        every = np.arange(len(slots.offer))
        return Worth(_priced(asking, slots.offer, group.of(numbers.room.of)), every)
    table = _priced(asking, prices, group.of(kinds.one[:, np.newaxis])).ravel()
    return Worth(table, numbers.slot_price, begin=kinds.of * len(prices), room=numbers.room.of)


def _group(asking: Asking) -> _Group:
    line, catalogue = asking.line, asking.catalogue
    ways = Ways.of(catalogue, asking.numbers.room.one)
    seated = seats_of(line, catalogue, asking.policy, ways)
    seats, deliveries = seated.seats, seated.deliveries
    least, runs, whole = least_group(line, ways, seats)
    fewer = whole & (least < seats)
    return _Group(seats, deliveries, np.where(fewer, least, seats), np.where(fewer, runs, deliveries))


def _priced(asking: Asking, offers: Ints, group: _Group) -> Scores:
    """Value groups at the prices of offers, the smaller group where only that is within a ceiling that binds."""
    need, limit = asking.need, ceiling_cents(asking.need, asking.policy)

    def priced(seats: Ints, deliveries: Ints) -> Ints:
        return cost_in_currency(need, asking.catalogue, asking.policy, asking.rates, offers, seats, deliveries)

    seats, cost = group.seats, priced(group.seats, group.deliveries)
    if limit is not None:
        least = priced(group.least, group.runs)
        reduced = (cost > limit) & (least <= limit)
        seats, cost = np.where(reduced, group.least, seats), np.where(reduced, least, cost)
    return asking.weigh(Criterion.GROUP, group_value(asking.line, seats)) + asking.weigh(
        Criterion.COST, cost_value(need, cost)[0]
    )
