"""A catalogue brought up to date: what did not change since the last one is taken from there.

The result is the very catalogue that `build_catalogue` would make of the same offers. A booking changes how many seats
or trainer days are free and nothing else, so that neither texts nor any mask has to be made again.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from matching.engine.catalogue import (
    Catalogue,
    OfferArrays,
    Slot,
    SlotArrays,
    build_catalogue,
    check_places,
    slots_of_offer,
)
from matching.engine.memo import Memo
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.splicing import Splice
from matching.engine.text.lexicon import Lexicon
from matching.engine.text.similarity import TextIndex
from matching.engine.types import Offer

MOSTLY_NEW = 2  # where every second offer is new, building anew is quicker


def refresh_catalogue(
    previous: Catalogue, offers: Sequence[Offer], scheme: ThemeScheme, places: PlaceIndex, lexicon: Lexicon
) -> Catalogue:
    """Build the catalogue of the offers, taking from the previous one what is still true.

    An offer that is the very object it was is taken to be unchanged. Raises EngineError as `build_catalogue` does.
    """
    if previous.scheme != scheme or previous.places != places or previous.texts.lexicon != lexicon:
        return build_catalogue(offers, scheme, places, lexicon)
    ordered = tuple(sorted(offers, key=lambda offer: offer.id))
    splice, fresh = _compared(previous.offers, ordered)
    if len(fresh) * MOSTLY_NEW > len(ordered) or any(before.id == after.id for before, after in pairwise(ordered)):
        return build_catalogue(offers, scheme, places, lexicon)  # which refuses an offer that is there twice
    slots = SlotArrays.of([slots_of_offer(offer) for offer in fresh])
    changed = _changed_in_place(previous, ordered, splice)
    if changed is not None and all(_undated(previous.offers[row]) == _undated(ordered[row]) for row in changed):
        return _with_dates(previous, ordered, changed, slots, splice)
    check_places(fresh, places)
    reworded = changed is None or any(previous.offers[row].texts != ordered[row].texts for row in changed)
    return Catalogue(
        offers=ordered,
        scheme=scheme,
        places=places,
        columns=previous.columns.spliced(OfferArrays.of(fresh, scheme), splice),
        slots=previous.slots.spliced(slots, splice),
        texts=_texts(previous, fresh, splice) if reworded else previous.texts,
    )


def _compared(before: Sequence[Offer], ordered: Sequence[Offer]) -> tuple[Splice, list[Offer]]:
    """Return how the offers are put together from those before and those that are new or not what they were, and these."""
    rows = {offer.id: row for row, offer in enumerate(before)}
    source, fresh = np.zeros(len(ordered), dtype=np.int64), list[Offer]()
    for place, offer in enumerate(ordered):
        row = rows.get(offer.id)
        if row is not None and before[row] is offer:
            source[place] = row
        else:
            source[place] = len(before) + len(fresh)
            fresh.append(offer)
    return Splice(source, len(before), len(fresh)), fresh


def _changed_in_place(previous: Catalogue, offers: Sequence[Offer], splice: Splice) -> list[int] | None:
    """Return the rows that are not what they were; None where offers came or went."""
    rows: list[int] = (splice.source >= splice.before).nonzero()[0].tolist()
    same = len(offers) == splice.before and all(previous.offers[row].id == offers[row].id for row in rows)
    return rows if same else None


def _undated(offer: Offer) -> Offer:
    return replace(offer, sessions=(), capacity=())


def _texts(previous: Catalogue, fresh: Sequence[Offer], splice: Splice) -> TextIndex:
    return previous.texts.spliced(TextIndex.build([offer.texts for offer in fresh], previous.texts.lexicon), splice)


def _with_dates(
    previous: Catalogue, offers: tuple[Offer, ...], changed: Sequence[int], fresh: SlotArrays, splice: Splice
) -> Catalogue:
    """Return the catalogue with other sessions and capacity of the changed offers, and all else as it was."""
    first, slots = previous.slots.first, list(previous.slots.slots)
    places = [slice(int(first[row]), int(first[row + 1])) for row in changed]
    renewed = [slice(int(begin), int(end)) for begin, end in pairwise(fresh.first)]
    booked = all(
        list(map(_unbooked, slots[here])) == list(map(_unbooked, fresh.slots[there]))
        for here, there in zip(places, renewed, strict=True)
    )
    if not booked:
        return replace(previous, offers=offers, slots=previous.slots.spliced(fresh, splice), memo=Memo())
    free, group_min = previous.slots.free.copy(), previous.slots.group_min.copy()
    for here, there in zip(places, renewed, strict=True):
        slots[here] = fresh.slots[there]
        free[here] = fresh.free[there]
        group_min[here] = fresh.group_min[there]
    taken = replace(previous.slots, slots=tuple(slots), free=free, group_min=group_min, memo=Memo())
    return replace(previous, offers=offers, slots=taken)


def _unbooked(slot: Slot) -> Slot:
    """Return the slot without what a booking changes; those enrolled count towards the smallest group of a session."""
    return replace(slot, free=0, group_min=0)
