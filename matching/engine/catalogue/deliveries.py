"""The ways to deliver the offers as columns: one row for each slot, the slots of an offer beside each other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from enum import IntEnum

import numpy as np

from matching.engine.bitsets import BitTable
from matching.engine.catalogue.columns import FAR_FUTURE, UNKNOWN, Bools, Ints, spliced, trainer_days
from matching.engine.memo import Memo
from matching.engine.splicing import Splice
from matching.engine.types import PARALLEL_DELIVERIES, CapacitySlot, Offer, SessionSlot

OPEN_ACCESS_FORMS = frozenset({"online_self_paced", "community_of_practice"})  # need neither date nor trainer
FAR_PAST = 1
UNLIMITED = 1_000_000


class SlotKind(IntEnum):
    """How a delivery comes about."""

    SESSION = 0
    CAPACITY = 1
    ON_REQUEST = 2
    OPEN_ACCESS = 3
    NOTHING = 4  # an offer without any date: it can be shown, never booked


@dataclass(frozen=True, slots=True)
class Slot:
    """One way to deliver one offer. Days are proleptic ordinals; `free` is seats, trainer days or deliveries."""

    kind: SlotKind
    code: str = ""
    start: int = FAR_PAST
    end: int = FAR_FUTURE
    precise: bool = False
    closes: int = FAR_FUTURE  # last day of enrolment
    bookable: bool = True
    languages: frozenset[str] = frozenset()
    places: frozenset[tuple[str, str | None]] = frozenset()
    anywhere: bool = False  # in the beneficiary's country, on request
    free: int = UNKNOWN
    total: int = UNKNOWN
    per_delivery: int = 0  # units of `free` one delivery takes; 0: seats are counted
    group_min: int = 1


@dataclass(frozen=True, slots=True)
class SlotArrays:
    """The slots as columns; `slots` keeps them as they are for explanation, `memo` what hangs on the places taken."""

    slots: tuple[Slot, ...]
    first: Ints  # offers + 1: the slots of offer n are first[n] to first[n + 1]
    offer: Ints
    kind: Ints
    start: Ints
    end: Ints
    closes: Ints
    precise: Bools
    bookable: Bools
    free: Ints
    total: Ints
    per_delivery: Ints
    group_min: Ints
    languages: BitTable
    countries: BitTable
    cities: BitTable
    anywhere: Bools
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)

    @classmethod
    def of(cls, by_offer: Sequence[Sequence[Slot]]) -> "SlotArrays":
        """Build the columns of the slots of all offers, offer by offer."""
        slots = [slot for entry in by_offer for slot in entry]

        def ints(values: Iterable[int]) -> Ints:
            return np.fromiter(values, dtype=np.int64, count=len(slots))

        def bools(values: Iterable[bool]) -> Bools:
            return np.fromiter(values, dtype=np.bool_, count=len(slots))

        return cls(
            slots=tuple(slots),
            first=np.cumsum([0, *map(len, by_offer)], dtype=np.int64),
            offer=np.arange(len(by_offer)).repeat([len(entry) for entry in by_offer]),
            kind=ints(slot.kind for slot in slots),
            start=ints(slot.start for slot in slots),
            end=ints(slot.end for slot in slots),
            closes=ints(slot.closes for slot in slots),
            precise=bools(slot.precise for slot in slots),
            bookable=bools(slot.bookable for slot in slots),
            free=ints(slot.free for slot in slots),
            total=ints(slot.total for slot in slots),
            per_delivery=ints(slot.per_delivery for slot in slots),
            group_min=ints(slot.group_min for slot in slots),
            languages=BitTable.build([slot.languages for slot in slots]),
            countries=BitTable.build([{country for country, _ in slot.places} for slot in slots]),
            cities=BitTable.build([{city for _, city in slot.places if city} for slot in slots]),
            anywhere=bools(slot.anywhere for slot in slots),
        )

    def spliced(self, fresh: "SlotArrays", splice: Splice) -> "SlotArrays":
        """Return the columns that `of` would make of the slots of the same offers, put together from two."""
        entries, first = splice.runs(self.first, fresh.first)
        both = (*self.slots, *fresh.slots)
        columns = {
            column.name: spliced(getattr(self, column.name), getattr(fresh, column.name), entries)
            for column in fields(self)
            if column.name not in BY_OFFER
        }
        return SlotArrays(
            slots=tuple(both[row] for row in entries.source.tolist()),
            first=first,
            offer=np.arange(len(splice.source)).repeat(np.diff(first)),
            **columns,
        )


BY_OFFER = {"slots", "first", "offer", "memo"}  # what is not one value of one slot


def slots_of_offer(offer: Offer) -> list[Slot]:
    """Return every way to deliver one offer."""
    found = [_session(offer, entry) for entry in offer.sessions]
    if offer.on_request or offer.in_country_on_request:
        found += [_capacity(offer, entry) for entry in offer.capacity]
        found += _on_request(offer)
    if offer.form in OPEN_ACCESS_FORMS:
        found.append(
            Slot(
                kind=SlotKind.OPEN_ACCESS,
                languages=offer.languages,
                places=offer.places,
                free=UNLIMITED,
                total=UNLIMITED,
                per_delivery=1,
            )
        )
    if all(slot.kind is SlotKind.SESSION for slot in found):
        # When its sessions are over, or there are none, this row says that nothing is announced.
        found.append(Slot(kind=SlotKind.NOTHING, bookable=False, languages=offer.languages, places=offer.places))
    return found


def _session(offer: Offer, entry: SessionSlot) -> Slot:
    smallest = entry.seats_min or offer.participants_min
    taken = max(0, entry.seats_total - entry.seats_free)
    return Slot(
        kind=SlotKind.SESSION,
        code=entry.code,
        start=entry.start.toordinal(),
        end=entry.end.toordinal(),
        precise=entry.precision == "day",
        closes=FAR_FUTURE if entry.enrolment_deadline is None else entry.enrolment_deadline.toordinal(),
        bookable=entry.bookable,
        languages=entry.languages or offer.languages,
        places=frozenset({(entry.country, entry.city)}) if entry.country else frozenset(),
        free=max(0, entry.seats_free),
        total=entry.seats_total,
        group_min=max(1, smallest - taken),  # those already enrolled count towards the smallest group
    )


def _capacity(offer: Offer, entry: CapacitySlot) -> Slot:
    return Slot(
        kind=SlotKind.CAPACITY,
        code=entry.code,
        start=entry.start.toordinal(),
        end=entry.end.toordinal(),
        languages=offer.languages,
        places=offer.places,
        anywhere=offer.in_country_on_request,
        free=max(0, entry.free),
        total=entry.total,
        per_delivery=1 if entry.unit == PARALLEL_DELIVERIES else trainer_days(offer.hours),
        group_min=offer.participants_min,
    )


def _on_request(offer: Offer) -> list[Slot]:
    """Outside the periods for which capacity is declared nothing is known of it: before the first, after the last."""
    windows = offer.capacity
    ranges = [(FAR_PAST, FAR_FUTURE)]
    if windows:
        last = max(window.end.toordinal() for window in windows)
        ranges = [(FAR_PAST, windows[0].start.toordinal() - 1), (last + 1, FAR_FUTURE)]
    return [
        Slot(
            kind=SlotKind.ON_REQUEST,
            start=start,
            end=end,
            languages=offer.languages,
            places=offer.places,
            anywhere=offer.in_country_on_request,
            per_delivery=1,
            group_min=offer.participants_min,
        )
        for start, end in ranges
    ]
