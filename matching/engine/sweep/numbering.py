"""What a sweep needs of a catalogue whoever asks: which slots and offers are alike, and what no need changes.

Rows that a criterion cannot tell apart have one number, and one of them stands for all. Numbers are kept as the 64-bit
indices that NumPy gathers by: narrower ones would be widened again for every question.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import BitTable
from matching.engine.catalogue import Catalogue, Ints, SlotKind
from matching.engine.catalogue.ways import Day, Lengths, Room, Ways
from matching.engine.policy import Criterion, Policy
from matching.engine.scoring.criteria import load_value, newcomer_value, track_record_value
from matching.engine.text.terms import runs

Scores = NDArray[np.int32]  # weight * value, up to 10^6


@dataclass(frozen=True, slots=True)
class Numbered:
    """The number of each row, 0 and up, and one row of each number."""

    of: Ints
    one: Ints

    @classmethod
    def by(cls, *columns: Ints) -> "Numbered":
        """Give the same number to rows that are the same in all columns."""
        order = np.lexsort(columns)
        new = np.zeros(len(order), dtype=np.bool_)
        new[:1] = True
        for column in columns:
            held = column[order]
            new[1:] |= held[1:] != held[:-1]
        of = np.empty(len(order), dtype=np.int64)
        of[order] = np.cumsum(new) - 1
        return cls(of, order[new])


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one catalogue."""

    themes: Numbered  # offers, by their set of themes
    with_theme: tuple[Ints, ...]  # for each theme of the scheme the sets that hold it
    price: Numbered  # offers, by cost
    languages: Numbered  # slots
    place: Numbered  # slots, by where they take place
    schedule: Numbered  # slots, by what their dates and the time left to ask hang on
    room: Numbered  # slots, by what the number of seats hangs on
    slot_price: Ints
    scheduled: Ways  # one slot of each schedule, with its lengths
    lengths: Lengths
    seated: Ways  # one slot of each room


def numbers_of(catalogue: Catalogue) -> Numbers:
    """Return the numbers of a catalogue, made at the first question and kept with its slots."""
    return catalogue.slots.memo.get("sweep numbers", lambda: _numbers(catalogue))


def _numbers(catalogue: Catalogue) -> Numbers:
    columns, slots = catalogue.columns, catalogue.slots
    themes = _theme_sets(catalogue)
    price = Numbered.by(*_words(columns.currency), columns.per_delivery, columns.per_participant)
    schedule, room = _schedule(catalogue), _room(catalogue)
    online = columns.modality.has("online")[slots.offer]
    return Numbers(
        themes=themes,
        with_theme=_holders(catalogue, themes),
        price=price,
        languages=Numbered.by(*_words(slots.languages)),
        place=Numbered.by(*_words(slots.countries), *_words(slots.cities), slots.anywhere + 2 * online),
        schedule=schedule,
        room=room,
        slot_price=price.of[slots.offer],
        scheduled=Ways.of(catalogue, schedule.one),
        lengths=Lengths.of(catalogue).take(schedule.one),
        seated=Ways.of(catalogue, room.one),
    )


def day_of(catalogue: Catalogue, numbers: Numbers, today: int) -> Day:
    """Return what a day makes of one slot of each schedule, kept with the slots."""
    return catalogue.slots.memo.get(("sweep day", today), lambda: Day.of(catalogue, today).take(numbers.schedule.one))


def room_of(catalogue: Catalogue, numbers: Numbers, most: int) -> Room:
    """Return what is free in one slot of each room, with so many deliveries at most; kept with the slots."""
    return catalogue.slots.memo.get(("sweep room", most), lambda: Room.of(catalogue, most).take(numbers.room.one))


def profile_of(catalogue: Catalogue, audience: str) -> Numbered:
    """Number offers by level, levels of government, award and whether they are for an audience; kept with the catalogue."""
    columns = catalogue.columns

    def made() -> Numbered:
        met = columns.audiences.has_any([audience]).astype(np.int64)
        return Numbered.by(*_words(columns.governance), columns.level, columns.award, met)

    return catalogue.memo.get(("sweep profile", audience), made)


def around_of(catalogue: Catalogue, chain: tuple[str, ...]) -> Numbered:
    """Number offers by what they cover of the regions around a place, nearest first, and by experience and home in the nearest.

    Kept with the catalogue.
    """
    columns, near = catalogue.columns, catalogue.places.members[chain[0]]

    def made() -> Numbered:
        known = columns.delivered.filled() | columns.home.filled()
        marks = [columns.worldwide, known, columns.delivered.has_any(near), columns.home.has_any(near)]
        marks += [columns.regions.has_any([region]) for region in chain]
        return Numbered.by(*(mark.astype(np.int64) for mark in marks))

    return catalogue.memo.get(("sweep around", chain), made)


def _words(table: BitTable) -> list[Ints]:
    return [table.words[:, word].view(np.int64) for word in range(table.words.shape[1])]


def _theme_sets(catalogue: Catalogue) -> Numbered:
    columns = catalogue.columns
    found: dict[tuple[int, ...], int] = {}
    start, theme = columns.theme_start.tolist(), columns.theme.tolist()
    of = [found.setdefault(tuple(theme[a:b]), len(found)) for a, b in pairwise(start)]
    number = np.array(of, dtype=np.int64)
    one = np.empty(len(found), dtype=np.int64)
    one[number[::-1]] = np.arange(len(number))[::-1]
    return Numbered(number, one)


def _holders(catalogue: Catalogue, sets: Numbered) -> tuple[Ints, ...]:
    columns = catalogue.columns
    theme = columns.theme[runs(columns.theme_start, sets.one)]
    holder = np.repeat(np.arange(len(sets.one)), columns.theme_count[sets.one])
    order = np.argsort(theme, kind="stable")
    ends = np.cumsum(np.bincount(theme, minlength=len(catalogue.scheme.concepts)))
    return tuple(np.split(holder[order], ends[:-1]))


def _schedule(catalogue: Catalogue) -> Numbered:
    """Number slots by their dates as far as `slots.dates_of` looks at them.

    Of a session dated to the day only the last day to ask counts; of one dated vaguely its days as well. All others
    begin when asked, and hang on the days of a delivery and the lead time.
    """
    slots = catalogue.slots
    lengths = Lengths.of(catalogue)
    session, precise = slots.kind == SlotKind.SESSION, slots.precise
    exact = session & precise
    return Numbered.by(
        slots.kind,
        precise.astype(np.int64),
        np.where(exact, 0, slots.start),
        np.where(exact, 0, slots.end),
        np.where(session, np.minimum(slots.closes, slots.start), 0),
        np.where(session, 0, lengths.duration),
        np.where(session, 0, lengths.half),
        np.where(session, 0, catalogue.columns.lead[slots.offer]),
    )


def _room(catalogue: Catalogue) -> Numbered:
    """Number slots by their room as far as `slots.seats_of` and `slots.least_group` look at it."""
    slots = catalogue.slots
    session = slots.kind == SlotKind.SESSION
    unbounded = (slots.kind == SlotKind.ON_REQUEST) | (slots.kind == SlotKind.NOTHING)
    deliveries = np.where(unbounded, 0, slots.free // np.maximum(1, slots.per_delivery))
    return Numbered.by(
        session + 2 * unbounded.astype(np.int64),
        np.where(session, slots.free, deliveries),
        np.where(session, 0, catalogue.columns.largest[slots.offer]),
        slots.group_min,
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """What each offer and each slot scores under a policy whoever asks."""

    offers: Scores  # track record and being new
    slots: Scores  # load


def standing_of(catalogue: Catalogue, policy: Policy) -> Standing:
    """Return what hangs on the catalogue and the policy alone, made at the first question and kept with the slots."""
    key = ("sweep standing", policy.in_order, policy.prior_mean, policy.prior_strength, policy.newcomer_deliveries)
    return catalogue.slots.memo.get(key, lambda: _standing(catalogue, policy))


def _standing(catalogue: Catalogue, policy: Policy) -> Standing:
    offers, slots = np.arange(len(catalogue.offers)), np.arange(len(catalogue.slots.offer))
    record, _ = track_record_value(catalogue, policy, offers)
    load, _ = load_value(catalogue, slots)
    new = newcomer_value(catalogue, policy, offers)
    weights = policy.weights
    own = weights[Criterion.TRACK_RECORD] * record + weights[Criterion.NEWCOMER] * new
    return Standing(own.astype(np.int32), (weights[Criterion.LOAD] * load).astype(np.int32))
