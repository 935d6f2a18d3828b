"""The catalogue snapshot: all offers as a struct of arrays, built once for each change and used for every request.

Two tables: one row for each offer, and one row for each way to deliver it (`SlotArrays`: a session, a capacity
window of its provider, on request where no capacity was declared, or open access). Offers are sorted by id, so
the order in which they are given changes nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import BitTable
from matching.engine.concepts import ThemeScheme
from matching.engine.errors import EngineError
from matching.engine.lexicon import Lexicon
from matching.engine.memo import Memo
from matching.engine.places import PlaceIndex
from matching.engine.rates import to_cents
from matching.engine.similarity import TextIndex
from matching.engine.terms import runs, starts
from matching.engine.types import AWARDS, LEVELS, PARALLEL_DELIVERIES, CapacitySlot, Offer, SessionSlot

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

OPEN_ACCESS_FORMS = frozenset({"online_self_paced", "community_of_practice"})  # need neither date nor trainer
HOURS_PER_TRAINER_DAY = 6  # design, domain page
FAR_PAST = 1
FAR_FUTURE = date.max.toordinal()
UNKNOWN = -1
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

    offer: int
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
    """The slots as columns; `slots` keeps them as they are for explanation."""

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


@dataclass(frozen=True, slots=True)
class OfferArrays:
    """The offers as columns."""

    theme_start: Ints
    theme: Ints
    theme_count: Ints
    form: BitTable
    modality: BitTable
    audiences: BitTable
    governance: BitTable
    level: Ints
    award: Ints
    interpretation: Bools
    customisable: Bools
    worldwide: Bools
    countries: BitTable
    regions: BitTable
    delivered: BitTable
    home: BitTable
    published: Bools
    bookable: Bools
    vetted_until: Ints
    provider_verified: Bools
    provider_until: Ints
    parties: BitTable
    smallest: Ints
    largest: Ints
    duration: Ints
    lead: Ints
    currency: BitTable
    per_delivery: Ints
    per_participant: Ints
    record_mean: Ints
    evaluations: Ints
    deliveries: Ints
    form_mean: Ints
    form_evaluations: Ints

    def themes_of(self, offers: Ints | None = None) -> tuple[Ints, Ints]:
        """Return the themes of all offers (or of the rows given), one after the other, and where those of each begin."""
        if offers is None:
            return self.theme, self.theme_start[:-1]
        return self.theme[runs(self.theme_start, offers)], starts(self.theme_count[offers])


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything on offer, ready for ranking."""

    offers: tuple[Offer, ...]
    scheme: ThemeScheme
    places: PlaceIndex
    columns: OfferArrays
    slots: SlotArrays
    texts: TextIndex
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)

    def find(self, offer_id: str) -> int | None:
        """Return the row of an offer, None where there is no such offer."""
        number = bisect_left(self.offers, offer_id, key=lambda offer: offer.id)
        return number if number < len(self.offers) and self.offers[number].id == offer_id else None

    def index(self, offer_id: str) -> int:
        """Return the row of an offer. Raises KeyError."""
        number = self.find(offer_id)
        if number is None:
            raise KeyError(offer_id)
        return number


def trainer_days(hours: int) -> int:
    """Return trainer days of one delivery: a started day of six hours counts whole."""
    return -(-hours // HOURS_PER_TRAINER_DAY)


def calendar_days(hours: int) -> int:
    """Return calendar days one delivery takes, weekends between working days included."""
    working = trainer_days(hours)
    return working + 2 * ((working - 1) // 5)


def build_catalogue(
    offers: Sequence[Offer], scheme: ThemeScheme, places: PlaceIndex, lexicon: Lexicon | None = None
) -> Catalogue:
    """Build the snapshot of all offers; with a lexicon texts are compared across languages.

    Raises EngineError(duplicate_offer, unknown_concept, unknown_country, unknown_region).
    """
    ordered = tuple(sorted(offers, key=lambda offer: offer.id))
    for before, after in pairwise(ordered):
        if before.id == after.id:
            raise EngineError("duplicate_offer", after.id, "two offers have the same id")
    _check_places(ordered, places)
    return Catalogue(
        offers=ordered,
        scheme=scheme,
        places=places,
        columns=_offer_columns(ordered, scheme),
        slots=_slot_columns([_slots_of(number, offer) for number, offer in enumerate(ordered)]),
        texts=TextIndex.build([offer.texts for offer in ordered], lexicon),
    )


def _check_places(offers: Iterable[Offer], places: PlaceIndex) -> None:
    for country in sorted({code for offer in offers for code in offer.countries}):
        places.country(country)
    for region in sorted({code for offer in offers for code in offer.regions}):
        places.chain(region)


def _slots_of(number: int, offer: Offer) -> list[Slot]:
    found = [_session(number, offer, entry) for entry in offer.sessions]
    if offer.on_request or offer.in_country_on_request:
        found += [_capacity(number, offer, entry) for entry in offer.capacity]
        found += _on_request(number, offer)
    if offer.form in OPEN_ACCESS_FORMS:
        found.append(
            Slot(
                offer=number,
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
        found.append(
            Slot(offer=number, kind=SlotKind.NOTHING, bookable=False, languages=offer.languages, places=offer.places)
        )
    return found


def _session(number: int, offer: Offer, entry: SessionSlot) -> Slot:
    smallest = entry.seats_min or offer.participants_min
    taken = max(0, entry.seats_total - entry.seats_free)
    return Slot(
        offer=number,
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


def _capacity(number: int, offer: Offer, entry: CapacitySlot) -> Slot:
    return Slot(
        offer=number,
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


def _on_request(number: int, offer: Offer) -> list[Slot]:
    """Outside the periods for which capacity is declared nothing is known of it: before the first, after the last."""
    windows = offer.capacity
    ranges = [(FAR_PAST, FAR_FUTURE)]
    if windows:
        last = max(window.end.toordinal() for window in windows)
        ranges = [(FAR_PAST, windows[0].start.toordinal() - 1), (last + 1, FAR_FUTURE)]
    return [
        Slot(
            offer=number,
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


def _slot_columns(by_offer: list[list[Slot]]) -> SlotArrays:
    slots = [slot for entry in by_offer for slot in entry]

    def ints(values: Iterable[int]) -> Ints:
        return np.fromiter(values, dtype=np.int64, count=len(slots))

    def bools(values: Iterable[bool]) -> Bools:
        return np.fromiter(values, dtype=np.bool_, count=len(slots))

    return SlotArrays(
        slots=tuple(slots),
        first=np.cumsum([0, *map(len, by_offer)], dtype=np.int64),
        offer=ints(slot.offer for slot in slots),
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


def _offer_columns(offers: tuple[Offer, ...], scheme: ThemeScheme) -> OfferArrays:
    def ints(values: Iterable[int]) -> Ints:
        return np.fromiter(values, dtype=np.int64, count=len(offers))

    def bools(values: Iterable[bool]) -> Bools:
        return np.fromiter(values, dtype=np.bool_, count=len(offers))

    def one(values: Iterable[str | None]) -> BitTable:
        return BitTable.build([frozenset({value} if value else ()) for value in values])

    themes = [sorted(scheme.index(theme) for theme in offer.themes) for offer in offers]
    counts = ints(len(row) for row in themes)
    form_mean, form_evaluations = _evidence_by_form(offers)
    return OfferArrays(
        theme_start=np.cumsum([0, *counts], dtype=np.int64),
        theme=np.array([number for row in themes for number in row], dtype=np.int64),
        theme_count=counts,
        form=one(offer.form for offer in offers),
        modality=one(offer.modality for offer in offers),
        audiences=BitTable.build([offer.audiences for offer in offers]),
        governance=BitTable.build([offer.governance_levels for offer in offers]),
        level=ints(UNKNOWN if offer.level is None else LEVELS.index(offer.level) for offer in offers),
        award=ints(UNKNOWN if offer.award is None else AWARDS.index(offer.award) for offer in offers),
        interpretation=bools(offer.interpretation for offer in offers),
        customisable=bools(offer.customisable for offer in offers),
        worldwide=bools(offer.worldwide for offer in offers),
        countries=BitTable.build([offer.countries for offer in offers]),
        regions=BitTable.build([offer.regions for offer in offers]),
        delivered=BitTable.build([offer.delivered_countries for offer in offers]),
        home=one(offer.home_country for offer in offers),
        published=bools(offer.published for offer in offers),
        bookable=bools(offer.bookable for offer in offers),
        vetted_until=ints(0 if offer.vetted_until is None else offer.vetted_until.toordinal() for offer in offers),
        provider_verified=bools(offer.provider_verified for offer in offers),
        provider_until=ints(
            FAR_FUTURE if offer.provider_verified_until is None else offer.provider_verified_until.toordinal()
            for offer in offers
        ),
        parties=BitTable.build([offer.organizations | {offer.provider} for offer in offers]),
        smallest=ints(offer.participants_min for offer in offers),
        largest=ints(offer.participants_max for offer in offers),
        duration=ints(calendar_days(offer.hours) for offer in offers),
        lead=ints(offer.lead_time_days for offer in offers),
        currency=one(offer.cost.currency if offer.cost else None for offer in offers),
        per_delivery=ints(to_cents(offer.cost.per_delivery) if offer.cost else 0 for offer in offers),
        per_participant=ints(to_cents(offer.cost.per_participant) if offer.cost else 0 for offer in offers),
        record_mean=ints(offer.record.mean for offer in offers),
        evaluations=ints(offer.record.evaluations for offer in offers),
        deliveries=ints(offer.record.deliveries for offer in offers),
        form_mean=ints(form_mean),
        form_evaluations=ints(form_evaluations),
    )


def _evidence_by_form(offers: tuple[Offer, ...]) -> tuple[list[int], list[int]]:
    """Return for each offer the mean 0..1000 and the number of evaluations of all offers of its form."""
    totals: dict[str, tuple[int, int]] = {}
    for offer in offers:
        count, points = totals.get(offer.form, (0, 0))
        totals[offer.form] = (count + offer.record.evaluations, points + offer.record.evaluations * offer.record.mean)
    found = [totals[offer.form] for offer in offers]
    return [points // count if count else 0 for count, points in found], [count for count, _ in found]
