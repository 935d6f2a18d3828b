"""Snapshots read back: the same values, the same bytes, and a pointer to whatever is wrong."""

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    ENGINE_VERSION,
    Concept,
    ConceptLabels,
    Country,
    EngineError,
    Lexicon,
    Need,
    Offer,
    PlaceIndex,
    Policy,
    Rate,
    Rates,
    ThemeScheme,
    build_catalogue,
    canonical,
    decode,
    decode_snapshot,
    decode_supply,
    encode_supply,
    plain,
    rank,
    ranking_bytes,
    snapshot,
)
from matching.engine.keeping.reading import RunInputs, document_of
from tests.matching.engine import golden, world

texts = st.text(max_size=12)  # any script, control characters and all
codes = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
amounts = st.decimals(min_value=-(10**9), max_value=10**12, places=2, allow_nan=False, allow_infinity=False)
days = st.dates()
rates = st.dictionaries(codes, st.builds(Rate, amounts.filter(bool), days), max_size=3).map(Rates)

names_of_a_concept = st.dictionaries(st.sampled_from(["en", "fr", "ar"]), st.lists(texts, max_size=2).map(tuple))
lexicons = st.dictionaries(codes, names_of_a_concept, max_size=3).map(
    lambda entries: Lexicon(tuple(ConceptLabels(concept, labels) for concept, labels in entries.items()))
)


@st.composite
def schemes(draw: st.DrawFn) -> ThemeScheme:
    """A forest: each concept's parent comes before it."""
    names = draw(st.lists(codes, min_size=1, max_size=6, unique=True))
    parents = [draw(st.none() | st.sampled_from(names[:number])) if number else None for number in range(len(names))]
    return ThemeScheme(draw(texts), tuple(Concept(name, parent) for name, parent in zip(names, parents, strict=True)))


@st.composite
def indexes(draw: st.DrawFn) -> PlaceIndex:
    regions = draw(st.lists(codes, min_size=1, max_size=4, unique=True))
    countries = draw(st.lists(codes, max_size=4, unique=True))
    flags = st.booleans()
    return PlaceIndex(
        tuple(
            Country(code, draw(st.sampled_from(regions)), draw(flags), draw(flags), draw(flags)) for code in countries
        ),
        {region: regions[number - 1] if number else None for number, region in enumerate(regions)},
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    weights = dict(DEFAULT_POLICY.weights)
    giver, taker = draw(st.permutations(sorted(weights)))[:2]
    moved = draw(st.integers(0, weights[giver]))
    weights[giver] -= moved
    weights[taker] += moved
    return Policy(version=draw(texts), weights=weights, accept_broader_theme=draw(st.booleans()))


def broken(content: bytes, change: Callable[[Any], None]) -> bytes:
    document = json.loads(content)
    change(document)
    return canonical(document)


def snapshot_bytes(need: Need | None = None) -> bytes:
    supply = encode_supply([world.offer()], world.SCHEME, world.PLACES)
    return snapshot(
        need or world.need(),
        supply,
        DEFAULT_POLICY,
        as_of=world.TODAY,
        rates=world.RATES,
        engine_version=ENGINE_VERSION,
    )


# --- there and back -----------------------------------------------------------------------------------------------


@given(offers=world.catalogues(), scheme=schemes(), places=indexes(), lexicon=lexicons)
def test_supply_read_back_is_the_same_to_the_byte(
    offers: list[Offer], scheme: ThemeScheme, places: PlaceIndex, lexicon: Lexicon
) -> None:
    supply = encode_supply(offers, scheme, places, lexicon)
    read = decode_supply(supply.content)
    assert (list(read.offers), read.scheme, read.places, read.lexicon) == (offers, scheme, places, lexicon)
    assert encode_supply(read.offers, read.scheme, read.places, read.lexicon) == supply
    assert canonical(read) == supply.content


@given(need=world.needs(3), policy=policies(), exchange=rates, as_of=days, limit=st.integers(0, 10**20))
def test_inputs_read_back_are_the_same_to_the_byte(
    need: Need, policy: Policy, exchange: Rates, as_of: date, limit: int
) -> None:
    supply = encode_supply([], world.SCHEME, world.PLACES)
    content = snapshot(need, supply, policy, as_of=as_of, rates=exchange, limit=limit, engine_version=ENGINE_VERSION)
    read = decode_snapshot(content)
    assert (read.need, read.policy, read.rates, read.as_of, read.limit) == (need, policy, exchange, as_of, limit)
    assert read.supply == supply.digest
    assert canonical(read) == content


@given(offers=world.catalogues(), need=world.needs(2))
def test_what_was_read_ranks_to_the_same_bytes(offers: list[Offer], need: Need) -> None:
    supply = encode_supply(offers, world.SCHEME, world.PLACES)
    content = snapshot(
        need, supply, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, engine_version=ENGINE_VERSION
    )
    market, inputs = decode_supply(supply.content), decode_snapshot(content)
    catalogue = build_catalogue(market.offers, market.scheme, market.places)
    again = rank(inputs.need, catalogue, inputs.policy, as_of=inputs.as_of, rates=inputs.rates, limit=inputs.limit)
    assert ranking_bytes(again) == ranking_bytes(world.ranking(need, *offers))


def test_demo_market_is_read_back_whole() -> None:
    offers = golden.offers(golden.today())
    supply = encode_supply(offers, golden.scheme(), golden.places())
    read = decode_supply(supply.content)
    assert read.offers == tuple(sorted(offers, key=lambda offer: offer.id))
    assert canonical(read) == supply.content


# --- in whatever order --------------------------------------------------------------------------------------------


def turned(mapping: Mapping[Any, Any], chance: random.Random) -> dict[Any, Any]:
    """The same mapping with its names in another order."""
    names = list(mapping)
    chance.shuffle(names)
    return {name: mapping[name] for name in names}


def mixed(values: Iterable[Any], chance: random.Random) -> tuple[Any, ...]:
    found = list(values)
    chance.shuffle(found)
    return tuple(found)


@given(offers=world.catalogues(), need=world.needs(3), policy=policies(), chance=st.randoms(use_true_random=False))
def test_order_of_all_that_goes_in_changes_no_byte(
    offers: list[Offer], need: Need, policy: Policy, chance: random.Random
) -> None:
    """Offers, their sessions and windows, lines, weights, rates, texts, concepts and countries, all shuffled."""
    other_offers = mixed(
        (
            replace(
                offer,
                sessions=mixed(offer.sessions, chance),
                capacity=mixed(offer.capacity, chance),
                texts=turned(offer.texts, chance),
            )
            for offer in offers
        ),
        chance,
    )
    other_need = replace(need, lines=mixed(need.lines, chance), texts=turned(need.texts, chance))
    other_policy = replace(policy, weights=turned(policy.weights, chance))
    other_rates = Rates(turned(world.RATES.table, chance))
    other_scheme = ThemeScheme(world.SCHEME.version, mixed(world.SCHEME.concepts, chance))
    other_places = PlaceIndex(mixed(world.PLACES.countries, chance), turned(world.PLACES.parents, chance))

    def everything(
        offers: Sequence[Offer], need: Need, policy: Policy, rates: Rates, scheme: ThemeScheme, places: PlaceIndex
    ) -> tuple[bytes, bytes, bytes]:
        supply = encode_supply(offers, scheme, places)
        content = snapshot(need, supply, policy, as_of=world.TODAY, rates=rates, engine_version=ENGINE_VERSION)
        catalogue = build_catalogue(offers, scheme, places)
        answer = rank(need, catalogue, policy, as_of=world.TODAY, rates=rates)
        return supply.content, content, ranking_bytes(answer)

    assert everything(offers, need, policy, world.RATES, world.SCHEME, world.PLACES) == everything(
        other_offers, other_need, other_policy, other_rates, other_scheme, other_places
    )


# --- what is refused ----------------------------------------------------------------------------------------------


def spoil_line(document: Any) -> None:
    document["need"]["lines"][0]["minimum"] = "ten"


def spoil_member(document: Any) -> None:
    document["need"]["lines"][0]["theme~of/line"] = "trafficking"


def drop_member(document: Any) -> None:
    del document["need"]["budget"]["ceiling"]


def spoil_day(document: Any) -> None:
    document["as_of"] = "20270104"


def spoil_amount(document: Any) -> None:
    document["rates"]["table"]["EUR"]["value"] = "1e1000000"


def spoil_weight(document: Any) -> None:
    document["policy"]["weights"]["charm"] = 0


def spoil_total(document: Any) -> None:
    document["policy"]["weights"]["theme"] += 1


def spoil_set(document: Any) -> None:
    document["need"]["forms"] = ["course", "course"]


def spoil_truth(document: Any) -> None:
    document["need"]["interpretation_allowed"] = 1


def spoil_format(document: Any) -> None:
    document["format"] = 99


def spoil_list(document: Any) -> None:
    document["need"]["lines"] = {"1": {}}


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        (spoil_line, "/need/lines/0/minimum", 'expected a whole number, found "ten"'),
        (spoil_member, "/need/lines/0/theme~0of~1line", "unknown; allowed are number, theme, audience"),
        (drop_member, "/need/budget/ceiling", "missing"),
        (spoil_day, "/as_of", 'expected a day as YYYY-MM-DD, found "20270104"'),
        (spoil_amount, "/rates/table/EUR/value", "expected an amount"),
        (spoil_weight, "/policy/weights/charm", "expected one of theme, place, audience"),
        (spoil_total, "/policy", "bad_weights: weights must not be negative and must sum to 1000"),
        (spoil_set, "/need/forms", "an entry occurs twice"),
        (spoil_truth, "/need/interpretation_allowed", "expected true or false, found 1"),
        (spoil_format, "/format", "format 99"),
        (spoil_list, "/need/lines", "expected a list, found an object"),
    ],
)
def test_spoilt_snapshot_is_refused_by_pointer(change: Callable[[Any], None], pointer: str, detail: str) -> None:
    with pytest.raises(EngineError) as refused:
        decode_snapshot(broken(snapshot_bytes(), change))
    assert (refused.value.code, refused.value.subject) == ("bad_snapshot", pointer)
    assert detail in refused.value.detail


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8 at byte 0"),
        (b'{"a": 1, "a": 2}', 'the name "a" occurs twice'),
        (b'{"a": NaN}', "NaN is no number"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_text_that_is_no_strict_json_is_refused(content: bytes, detail: str) -> None:
    with pytest.raises(EngineError) as refused:
        decode_supply(content)
    assert refused.value.code == "bad_snapshot"
    assert detail in refused.value.detail


@pytest.mark.parametrize("content", [b"[]", b"null", b"{}", b'{"engine_version": 1}'])
def test_document_without_a_version_is_no_snapshot(content: bytes) -> None:
    with pytest.raises(EngineError) as refused:
        decode_snapshot(content)
    assert (refused.value.code, refused.value.subject) == ("bad_snapshot", "/engine_version")


def test_snapshot_of_another_engine_is_refused_before_anything_else_is_read() -> None:
    old = canonical({"format": 0, "engine_version": "0.9.1", "what": "it looked quite different then"})
    with pytest.raises(EngineError) as refused:
        decode_snapshot(old)
    assert refused.value.code == "other_engine"
    assert refused.value.detail == f"made by engine 0.9.1; this is {ENGINE_VERSION}"


def test_spoilt_supply_is_refused_by_pointer() -> None:
    supply = encode_supply([world.offer("A"), world.offer("B")], world.SCHEME, world.PLACES)

    def spoil(document: Any) -> None:
        document["offers"][1]["sessions"][0]["start"] = "2027-02-30"

    with pytest.raises(EngineError) as refused:
        decode_supply(broken(supply.content, spoil))
    assert refused.value.subject == "/offers/1/sessions/0/start"


def test_what_the_engine_itself_refuses_is_named_too() -> None:
    supply = encode_supply([world.offer("A")], world.SCHEME, world.PLACES)

    def spoil(document: Any) -> None:
        document["offers"][0]["hours"] = 0

    with pytest.raises(EngineError) as refused:
        decode_supply(broken(supply.content, spoil))
    assert refused.value.subject == "/offers/0"
    assert refused.value.detail == "bad_offer: hours must be above 0 and lead time not below 0"


def test_numbers_of_a_document_are_exact() -> None:
    assert document_of(b'{"a": 0.1, "b": 12345678901234567890}', "bad_instance") == {
        "a": Decimal("0.1"),
        "b": 12345678901234567890,
    }


def test_other_kinds_of_runs_are_read_by_their_own_type() -> None:
    content = snapshot_bytes()
    assert decode(RunInputs, content) == decode_snapshot(content)
    assert plain(decode(RunInputs, content)) == json.loads(content)
