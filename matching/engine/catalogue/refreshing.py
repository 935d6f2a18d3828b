"""A catalogue brought up to date: what did not change since the last one is taken from there.

The result is the very catalogue that `build_catalogue` would make of the same offers. A booking changes how many seats
or trainer days are free and nothing else, so that neither texts nor any mask has to be made again.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from operator import is_

import numpy as np

from matching.engine.catalogue import Catalogue, Slot, SlotArrays, assemble, build_catalogue, slots_of_offer
from matching.engine.memo import Memo
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.text.lexicon import Lexicon
from matching.engine.text.similarity import TextFacts, TextIndex, read_texts
from matching.engine.types import Offer


def refresh_catalogue(
    previous: Catalogue, offers: Sequence[Offer], scheme: ThemeScheme, places: PlaceIndex, lexicon: Lexicon
) -> Catalogue:
    """Build the catalogue of the offers, taking from the previous one what is still true.

    Raises EngineError as `build_catalogue` does.
    """
    if previous.scheme != scheme or previous.places != places or previous.texts.lexicon != lexicon:
        return build_catalogue(offers, scheme, places, lexicon)
    ordered = tuple(sorted(offers, key=lambda offer: offer.id))
    if [offer.id for offer in ordered] == [offer.id for offer in previous.offers]:
        changed = [row for row, (old, new) in enumerate(zip(previous.offers, ordered, strict=True)) if old is not new]
        if all(_undated(previous.offers[row]) == _undated(ordered[row]) for row in changed):
            return _with_dates(previous, ordered, changed)
    if any(before.id == after.id for before, after in pairwise(ordered)):
        return build_catalogue(offers, scheme, places, lexicon)  # which refuses it
    return assemble(ordered, scheme, places, _texts(previous, ordered, lexicon), _slots(previous, ordered))


def _undated(offer: Offer) -> Offer:
    return replace(offer, sessions=(), capacity=())


def _texts(previous: Catalogue, offers: tuple[Offer, ...], lexicon: Lexicon) -> TextIndex:
    """Index the texts; only those of offers that are new or say something else now are read."""
    known = {offer.id: (offer.texts, facts) for offer, facts in zip(previous.offers, previous.texts.facts, strict=True)}
    found: list[TextFacts] = []
    for offer in offers:
        texts, facts = known.get(offer.id, (None, None))
        found.append(facts if facts is not None and texts == offer.texts else read_texts(offer.texts, lexicon))
    if len(found) == len(previous.offers) and all(map(is_, found, previous.texts.facts)):
        return previous.texts
    return TextIndex.of_facts(found, lexicon)


def _slots(previous: Catalogue, offers: tuple[Offer, ...]) -> list[Sequence[Slot]]:
    """Return the slots of each offer; an offer that stands where it stood has those it had."""
    first, slots = previous.slots.first.tolist(), previous.slots.slots
    return [
        slots[first[row] : first[row + 1]]
        if row < len(previous.offers) and offer is previous.offers[row]
        else slots_of_offer(row, offer)
        for row, offer in enumerate(offers)
    ]


def _with_dates(previous: Catalogue, offers: tuple[Offer, ...], changed: list[int]) -> Catalogue:
    """Return the catalogue with other sessions and capacity of the changed offers, and all else as it was."""
    first, slots = previous.slots.first, list(previous.slots.slots)
    renewed = {row: slots_of_offer(row, offers[row]) for row in changed}
    booked = all(
        list(map(_unbooked, slots[first[row] : first[row + 1]])) == list(map(_unbooked, found))
        for row, found in renewed.items()
    )
    if not booked:
        return replace(previous, offers=offers, slots=SlotArrays.of(_slots(previous, offers)), memo=Memo())
    free, group_min = previous.slots.free.copy(), previous.slots.group_min.copy()
    for row, found in renewed.items():
        here = slice(int(first[row]), int(first[row + 1]))
        slots[here] = found
        free[here] = np.array([slot.free for slot in found], dtype=np.int64)
        group_min[here] = np.array([slot.group_min for slot in found], dtype=np.int64)
    taken = replace(previous.slots, slots=tuple(slots), free=free, group_min=group_min, memo=Memo())
    return replace(previous, offers=offers, slots=taken)


def _unbooked(slot: Slot) -> Slot:
    """Return the slot without what a booking changes; those enrolled count towards the smallest group of a session."""
    return replace(slot, free=0, group_min=0)
