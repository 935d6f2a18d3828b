"""Slots with what their offers tell of them: what is reckoned once for all needs, and some slots taken out as columns."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from matching.engine.catalogue.columns import UNKNOWN, Bools, Ints
from matching.engine.catalogue.deliveries import SlotKind
from matching.engine.memo import Memo
from matching.engine.policy import NEUTRAL, VALUE_TOP
from matching.engine.sheet import Sheet

if TYPE_CHECKING:
    from matching.engine.catalogue import Catalogue

DAYS = 2  # sheets kept, each of all slots seen from one day
MARKS = 3  # first figures of such a sheet: truth values


class Lengths(NamedTuple):
    """Days of one delivery of each slot and of the shortest: of a session all its days, or one where they are not fixed yet."""

    duration: Ints
    half: Ints

    @classmethod
    def of(cls, catalogue: "Catalogue") -> "Lengths":
        """Return those of a catalogue, kept with it."""
        return catalogue.memo.get("lengths of slots", lambda: cls._made(catalogue))

    def take(self, rows: Ints) -> "Lengths":
        """Return those of some slots."""
        return Lengths(self.duration.take(rows), self.half.take(rows))

    @classmethod
    def _made(cls, catalogue: "Catalogue") -> "Lengths":
        slots, columns = catalogue.slots, catalogue.columns
        session, open_access = slots.kind == SlotKind.SESSION, slots.kind == SlotKind.OPEN_ACCESS
        duration = np.where(open_access, 1, columns.duration[slots.offer])
        # A length that may be adapted may be adapted down to half.
        half = np.where(columns.customisable[slots.offer], -(-duration // 2), duration)
        own = slots.end - slots.start + 1
        return cls(np.where(session, own, duration), np.where(session, np.where(slots.precise, own, 1), half))


class Day(NamedTuple):
    """What a day makes of each slot, whatever is asked for."""

    ready: Ints  # first day on which it can begin
    left: Ints  # days left to enrol in a session
    undated: Bools  # no date to come

    @classmethod
    def of(cls, catalogue: "Catalogue", today: int) -> "Day":
        """Return what a day (ordinal) makes of a catalogue, kept with it."""
        return catalogue.memo.get(("day", today), lambda: cls._made(catalogue, today))

    def take(self, rows: Ints) -> "Day":
        """Return what the day makes of some slots."""
        return Day(self.ready.take(rows), self.left.take(rows), self.undated.take(rows))

    @classmethod
    def _made(cls, catalogue: "Catalogue", today: int) -> "Day":
        slots, lengths = catalogue.slots, Lengths.of(catalogue)
        session = slots.kind == SlotKind.SESSION
        asked = np.maximum(slots.start, today + catalogue.columns.lead[slots.offer])
        ready = np.where(session, np.where(slots.precise, slots.start, np.maximum(slots.start, today + 1)), asked)
        over = ~slots.bookable | (slots.end <= today) | (slots.closes < today)
        over |= slots.precise & (slots.start <= today)
        never = (ready + lengths.half - 1 > slots.end) | (slots.kind == SlotKind.NOTHING)
        left = np.maximum(0, np.minimum(slots.closes, slots.start) - today)
        return cls(ready, left, np.where(session, over, never))


class Room(NamedTuple):
    """How many each slot can take in one delivery, and in all that are possible; `most` deliveries where nothing is declared."""

    largest: Ints
    available: Ints

    @classmethod
    def of(cls, catalogue: "Catalogue", most: int) -> "Room":
        """Return the room in a catalogue, kept with its slots."""
        return catalogue.slots.memo.get(("room", most), lambda: cls._made(catalogue, most))

    def take(self, rows: Ints) -> "Room":
        """Return the room of some slots."""
        return Room(self.largest.take(rows), self.available.take(rows))

    @classmethod
    def _made(cls, catalogue: "Catalogue", most: int) -> "Room":
        slots = catalogue.slots
        session = slots.kind == SlotKind.SESSION
        unbounded = (slots.kind == SlotKind.ON_REQUEST) | (slots.kind == SlotKind.NOTHING)
        largest = np.where(session, np.maximum(1, slots.free), catalogue.columns.largest[slots.offer])
        possible = np.where(unbounded, most, slots.free // np.maximum(1, slots.per_delivery))
        return cls(largest, np.where(session, slots.free, possible * largest))


class Ways(NamedTuple):
    """Some slots (`rows`) as columns. `largest` is of the offer: where seats are counted, what is free binds."""

    rows: Ints
    offer: Ints
    kind: Ints
    session: Bools
    precise: Bools
    start: Ints
    end: Ints
    smallest: Ints
    largest: Ints

    @classmethod
    def of(cls, catalogue: "Catalogue", rows: Ints) -> "Ways":
        """Take the slots of a catalogue."""
        slots = catalogue.slots
        offer, kind = slots.offer.take(rows), slots.kind.take(rows)
        return cls(
            rows=rows,
            offer=offer,
            kind=kind,
            session=kind == SlotKind.SESSION.value,
            precise=slots.precise.take(rows),
            start=slots.start.take(rows),
            end=slots.end.take(rows),
            smallest=slots.group_min.take(rows),
            largest=catalogue.columns.largest.take(offer),
        )


class Prices(NamedTuple):
    """What offers or slots cost, in cents of a currency that is given by its number; that of no cost is behind all others."""

    per_delivery: Ints
    per_participant: Ints
    currency: Ints

    @classmethod
    def of(cls, catalogue: "Catalogue") -> "Prices":
        """Return the prices of all offers, kept with the catalogue."""
        return catalogue.memo.get("prices", lambda: cls._made(catalogue))

    def take(self, offers: Ints) -> "Prices":
        """Return the prices of some offers."""
        return Prices(*(column.take(offers) for column in (self.per_delivery, self.per_participant, self.currency)))

    @classmethod
    def _made(cls, catalogue: "Catalogue") -> "Prices":
        columns, table = catalogue.columns, catalogue.columns.currency
        number = np.full(len(catalogue.offers), len(table.position), dtype=np.int64)
        for code, position in table.position.items():
            number[table.holders(code)] = position
        return cls(columns.per_delivery, columns.per_participant, number)


class Seen(NamedTuple):
    """Some slots as columns, seen from a day, with all that the hard constraints on deliveries read of them."""

    ways: Ways
    day: Day
    lengths: Lengths
    room: Room
    prices: Prices

    @classmethod
    def of(cls, catalogue: "Catalogue", rows: Ints, today: int, most: int) -> "Seen":
        """Look at slots (rows) from a day (ordinal), with so many deliveries at most where nothing is declared."""
        sheets = catalogue.slots.memo.get("sheets by day", lambda: Memo(DAYS))
        figures = sheets.get((today, most), lambda: cls._sheet(catalogue, today, most)).take(rows)
        session, precise, undated = figures[:MARKS].astype(np.bool_)
        offer, kind, start, end, smallest, largest, *rest = figures[MARKS:]
        return cls(
            Ways(rows, offer, kind, session, precise, start, end, smallest, largest),
            Day(rest[0], rest[1], undated),
            Lengths(rest[2], rest[3]),
            Room(rest[4], rest[5]),
            Prices(rest[6], rest[7], rest[8]),
        )

    @classmethod
    def _sheet(cls, catalogue: "Catalogue", today: int, most: int) -> Sheet:
        ways = Ways.of(catalogue, np.arange(len(catalogue.slots.offer)))
        day, lengths, room = Day.of(catalogue, today), Lengths.of(catalogue), Room.of(catalogue, most)
        prices = Prices.of(catalogue).take(ways.offer)
        return Sheet.of(
            [
                *(ways.session, ways.precise, day.undated),
                *(ways.offer, ways.kind, ways.start, ways.end, ways.smallest, ways.largest),
                *(day.ready, day.left, lengths.duration, lengths.half, room.largest, room.available),
                *(prices.per_delivery, prices.per_participant, prices.currency),
            ]
        )


def free_share(catalogue: "Catalogue") -> tuple[Ints, Bools]:
    """Return the permille of each slot that is free, the neutral value where it is not known, and whether it is."""

    def made() -> tuple[Ints, Bools]:
        free, total = catalogue.slots.free, catalogue.slots.total
        known = (free != UNKNOWN) & (total > 0)
        return np.where(known, np.minimum(VALUE_TOP, VALUE_TOP * free // np.maximum(1, total)), NEUTRAL), known

    return catalogue.slots.memo.get("free share", made)
