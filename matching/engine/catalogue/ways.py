"""Slots with what their offers tell of them: what is reckoned once for all needs, and some slots taken out as columns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matching.engine.catalogue.columns import UNKNOWN, Bools, Ints
from matching.engine.catalogue.deliveries import SlotKind
from matching.engine.policy import NEUTRAL, VALUE_TOP

if TYPE_CHECKING:
    from matching.engine.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Lengths:
    """Days of one delivery of each slot that begins when asked, and of the shortest."""

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
        duration = np.where(slots.kind == SlotKind.OPEN_ACCESS, 1, columns.duration[slots.offer])
        # A length that may be adapted may be adapted down to half.
        return cls(duration, np.where(columns.customisable[slots.offer], -(-duration // 2), duration))


@dataclass(frozen=True, slots=True)
class Day:
    """What a day makes of each slot, whatever is asked for."""

    ready: Ints  # first day on which what begins when asked can begin
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
        ready = np.maximum(slots.start, today + catalogue.columns.lead[slots.offer])
        over = ~slots.bookable | (slots.end <= today) | (slots.closes < today)
        over |= slots.precise & (slots.start <= today)
        never = (ready + lengths.half - 1 > slots.end) | (slots.kind == SlotKind.NOTHING)
        left = np.maximum(0, np.minimum(slots.closes, slots.start) - today)
        return cls(ready, left, np.where(slots.kind == SlotKind.SESSION, over, never))


@dataclass(frozen=True, slots=True)
class Room:
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


@dataclass(frozen=True, slots=True)
class Ways:
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


def free_share(catalogue: "Catalogue") -> tuple[Ints, Bools]:
    """Return the permille of each slot that is free, the neutral value where it is not known, and whether it is."""

    def made() -> tuple[Ints, Bools]:
        free, total = catalogue.slots.free, catalogue.slots.total
        known = (free != UNKNOWN) & (total > 0)
        return np.where(known, np.minimum(VALUE_TOP, VALUE_TOP * free // np.maximum(1, total)), NEUTRAL), known

    return catalogue.slots.memo.get("free share", made)
