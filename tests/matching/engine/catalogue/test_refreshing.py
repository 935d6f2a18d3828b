"""A catalogue brought up to date is the one that would be built anew."""

import random
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Catalogue,
    EngineError,
    Lexicon,
    Need,
    Offer,
    build_catalogue,
    canonical,
    encode_supply,
    lexicon_from_labels,
    refresh_catalogue,
)
from matching.engine.catalogue import SlotKind
from matching.engine.memo import Memo
from matching.engine.sweep import score_everything
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
NO_WORDS = Lexicon()


def contents(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Every array, mapping and value in a catalogue, by its place; what was merely remembered is left out."""
    if isinstance(value, np.ndarray):
        yield name, (value.dtype, value.tolist())
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from contents(entry, f"{name}[{key}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for entry in fields(value):
            held = getattr(value, entry.name)
            if not isinstance(held, Memo):
                yield from contents(held, f"{name}.{entry.name}")
    else:
        yield name, value


def same(one: Catalogue, two: Catalogue) -> bool:
    return list(contents(one)) == list(contents(two))


def booked(offer: Offer) -> Offer:
    """The same offer after somebody took a seat of each session and a day of each window."""
    return replace(
        offer,
        sessions=tuple(replace(entry, seats_free=max(0, entry.seats_free - 1)) for entry in offer.sessions),
        capacity=tuple(replace(entry, free=max(0, entry.free - 1)) for entry in offer.capacity),
    )


CHANGES: dict[str, Callable[[Offer], Offer | None]] = {
    "nothing": lambda offer: offer,
    "an equal copy": replace,
    "booked": booked,
    "no dates": lambda offer: replace(offer, sessions=(), capacity=()),
    "reworded": lambda offer: replace(offer, texts={"en": "labour migration"}),
    "edited": lambda offer: replace(offer, hours=offer.hours + 7, themes=frozenset({"labour"})),
    "gone": lambda offer: None,
}


@thorough
@given(world.catalogues(5), world.catalogues(5), st.data())
def test_catalogue_brought_up_to_date_is_the_one_built_anew(
    before: list[Offer], more: list[Offer], data: st.DataObject
) -> None:
    how = [data.draw(st.sampled_from(sorted(CHANGES))) for _ in before]
    kept = [CHANGES[name](offer) for name, offer in zip(how, before, strict=True)]
    new = [replace(offer, id=f"new-{offer.id}") for offer in more] if data.draw(st.booleans()) else []
    after = [*filter(None, kept), *new]
    chance: random.Random = data.draw(st.randoms(use_true_random=False))
    chance.shuffle(after)
    old = build_catalogue(before, world.SCHEME, world.PLACES, NO_WORDS)
    fresh = refresh_catalogue(old, after, world.SCHEME, world.PLACES, NO_WORDS)
    assert same(fresh, build_catalogue(after, world.SCHEME, world.PLACES, NO_WORDS))


TEXTS: list[dict[str, str]] = [
    {},
    {"en": "the"},  # given, though none of its words counts
    {"en": "trafficking of persons, trafficking"},
    {"en": "labour migration", "fr": "migration de main d'œuvre"},
    {"es": "trata de personas"},
]
WORDS = lexicon_from_labels(
    [("trafficking", {"en": ["trafficking"], "es": ["trata"]}), ("labour", {"en": ["labour migration"]})]
)


@thorough
@given(world.offers(), st.data())
def test_few_changes_in_a_large_catalogue_are_spliced_in(offer: Offer, data: st.DataObject) -> None:
    """Words come and go with the offers that say them, and so do languages, codes and dates."""

    def some(number: int) -> Offer:
        form = data.draw(st.sampled_from(["course", "online_self_paced", "study_visit"]))
        return replace(offer, id=f"{number:02}", form=form, texts=data.draw(st.sampled_from(TEXTS)))

    before = [some(number) for number in range(0, 40, 2)]
    old = build_catalogue(before, world.SCHEME, world.PLACES, WORDS)
    after = {entry.id: entry for entry in before}
    for number in data.draw(st.sets(st.integers(0, 39), min_size=1, max_size=5)):
        if after.pop(f"{number:02}", None) is None or data.draw(st.booleans()):
            after[f"{number:02}"] = some(number)
    fresh = refresh_catalogue(old, list(after.values()), world.SCHEME, world.PLACES, WORDS)
    assert same(fresh, build_catalogue(list(after.values()), world.SCHEME, world.PLACES, WORDS))


def test_place_that_is_not_known_is_refused_in_a_change_too() -> None:
    offers = [world.offer(name) for name in "ABCD"]
    old = world.catalogue(*offers)
    elsewhere = replace(offers[0], countries=frozenset({"XXX"}))
    with pytest.raises(EngineError, match="unknown_country"):
        refresh_catalogue(old, [elsewhere, *old.offers[1:]], world.SCHEME, world.PLACES, NO_WORDS)


def test_booking_keeps_texts_and_masks_and_changes_what_is_free() -> None:
    offers = [world.offer("A"), world.offer("B")]
    old = world.catalogue(*offers)
    kept = old.memo.get("anything", object)
    fresh = refresh_catalogue(old, [booked(offers[0]), offers[1]], world.SCHEME, world.PLACES, NO_WORDS)
    assert fresh.texts is old.texts
    assert fresh.columns is old.columns
    assert fresh.memo.get("anything", object) is kept
    sessions = old.slots.kind == SlotKind.SESSION
    assert (old.slots.free[sessions].tolist(), fresh.slots.free[sessions].tolist()) == ([30, 30], [29, 30])


def test_catalogue_with_other_words_is_built_anew() -> None:
    old = world.catalogue(world.offer())
    lexicon = lexicon_from_labels([("trafficking", {"en": ["trafficking"]})])
    fresh = refresh_catalogue(old, old.offers, world.SCHEME, world.PLACES, lexicon)
    assert same(fresh, build_catalogue(old.offers, world.SCHEME, world.PLACES, lexicon))


def test_refreshing_with_an_offer_twice_is_refused() -> None:
    with pytest.raises(EngineError, match="duplicate_offer"):
        refresh_catalogue(world.catalogue(), [world.offer(), world.offer()], world.SCHEME, world.PLACES, NO_WORDS)


@thorough
@given(world.catalogues(5))
def test_supply_put_together_from_kept_parts_has_the_same_bytes(offers: list[Offer]) -> None:
    kept = {offer.id: canonical(offer) for offer in offers}
    whole = encode_supply(offers, world.SCHEME, world.PLACES)
    assert encode_supply(offers, world.SCHEME, world.PLACES, encode=lambda offer: kept[offer.id]) == whole


@thorough
@given(world.needs(), world.catalogues(4))
def test_what_was_remembered_of_places_does_not_outlive_a_booking(need: Need, offers: list[Offer]) -> None:
    def scores(catalogue: Catalogue) -> list[int]:
        asked = need, need.lines[0], catalogue, DEFAULT_POLICY
        return score_everything(*asked, as_of=world.TODAY, rates=world.RATES).tolist()  # type: ignore[no-any-return]

    before = world.catalogue(*offers)
    scores(before)
    now = [booked(offer) for offer in before.offers]
    after = refresh_catalogue(before, now, before.scheme, before.places, NO_WORDS)
    assert scores(after) == scores(world.catalogue(*now))
