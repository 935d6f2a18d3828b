"""The catalogue snapshot: all offers as a struct of arrays, built once for each change and used for every request.

Two tables: one row for each offer, and one row for each way to deliver it (`SlotArrays`: a session, a capacity
window of its provider, on request where no capacity was declared, or open access). Offers are sorted by id, so
the order in which they are given changes nothing.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from matching.engine.catalogue.columns import (
    FAR_FUTURE,
    HOURS_PER_TRAINER_DAY,
    UNKNOWN,
    Bools,
    Ints,
    OfferArrays,
    calendar_days,
    trainer_days,
)
from matching.engine.catalogue.deliveries import (
    FAR_PAST,
    OPEN_ACCESS_FORMS,
    UNLIMITED,
    Slot,
    SlotArrays,
    SlotKind,
    slots_of_offer,
)
from matching.engine.errors import EngineError
from matching.engine.memo import Memo
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.text.lexicon import Lexicon
from matching.engine.text.similarity import TextIndex
from matching.engine.types import Offer

__all__ = [
    "FAR_FUTURE",
    "FAR_PAST",
    "HOURS_PER_TRAINER_DAY",
    "OPEN_ACCESS_FORMS",
    "UNKNOWN",
    "UNLIMITED",
    "Bools",
    "Catalogue",
    "Ints",
    "OfferArrays",
    "Slot",
    "SlotArrays",
    "SlotKind",
    "assemble",
    "build_catalogue",
    "calendar_days",
    "check_places",
    "slots_of_offer",
    "trainer_days",
]


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

    def offer_at(self, slot: int) -> Offer:
        """Return the offer that a slot, counted by its row, belongs to."""
        return self.offers[self.slots.offer.item(slot)]

    def index(self, offer_id: str) -> int:
        """Return the row of an offer. Raises KeyError."""
        number = self.find(offer_id)
        if number is None:
            raise KeyError(offer_id)
        return number


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
    return assemble(ordered, scheme, places, TextIndex.build([offer.texts for offer in ordered], lexicon))


def assemble(
    offers: tuple[Offer, ...],
    scheme: ThemeScheme,
    places: PlaceIndex,
    texts: TextIndex,
) -> Catalogue:
    """Build the snapshot of offers that are sorted and whose texts are indexed already."""
    check_places(offers, places)
    return Catalogue(
        offers=offers,
        scheme=scheme,
        places=places,
        columns=OfferArrays.of(offers, scheme),
        slots=SlotArrays.of([slots_of_offer(offer) for offer in offers]),
        texts=texts,
    )


def check_places(offers: Iterable[Offer], places: PlaceIndex) -> None:
    """Raise EngineError(unknown_country, unknown_region) for a place of an offer that is not among the places."""
    for country in sorted({code for offer in offers for code in offer.countries}):
        places.country(country)
    for region in sorted({code for offer in offers for code in offer.regions}):
        places.chain(region)
