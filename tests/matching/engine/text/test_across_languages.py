"""A need in one language and offers described in another are compared by the themes that both name."""

import random
from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Catalogue,
    Criterion,
    CriterionResult,
    Lexicon,
    Need,
    Offer,
    build_catalogue,
    digest,
    encode_supply,
    rank,
    render,
)
from matching.engine.policy import NEUTRAL
from matching.engine.text.similarity import Compared, TextIndex
from matching.engine.text.words import tokens
from tests.matching.engine import golden, world
from tests.matching.engine.text.test_lexicon import CORE

FRENCH = {"fr": "Repérer les victimes de la traite des êtres humains et les orienter vers une assistance"}
ENGLISH = {"en": "Human trafficking: identification and assistance for social workers"}
UNLIKE = {"en": "Debt management and public trade"}


def text_of(need: Need, catalogue: Catalogue) -> dict[str, CriterionResult]:
    ranking = rank(need, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    return {
        entry.offer: next(part for part in entry.breakdown if part.criterion is Criterion.TEXT)
        for entry in ranking.lines[0].candidates
    }


def of_world(*offers: Offer, lexicon: Lexicon | None = CORE) -> Catalogue:
    return build_catalogue(offers, world.SCHEME, world.PLACES, lexicon)


def test_french_need_finds_the_english_description_of_its_theme() -> None:
    catalogue = of_world(world.offer("A", texts=UNLIKE), world.offer("B", texts=ENGLISH))
    ranking = rank(world.need(texts=FRENCH), catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    assert ranking.lines[0].candidates[0].offer == "B"
    found = text_of(world.need(texts=FRENCH), catalogue)
    assert found["B"].value > found["A"].value == 0
    assert found["A"].known
    assert found["B"].known
    assert found["B"].sentence.params["themes"] == ("trafficking",)
    labels = {"themes": {"trafficking": "Traite des personnes"}}
    assert render(found["B"].sentence, "fr", labels) == (
        "Le besoin et la description parlent tous deux de : Traite des personnes."
    )
    assert found["A"].sentence.code == "text.no_common_concept"


def test_without_a_lexicon_texts_of_different_languages_count_as_neutral() -> None:
    found = text_of(world.need(texts=FRENCH), of_world(world.offer("B", texts=ENGLISH), lexicon=None))
    assert (found["B"].value, found["B"].known, found["B"].sentence.code) == (
        NEUTRAL,
        False,
        "text.no_common_language",
    )


def test_need_that_names_no_theme_stays_neutral_towards_other_languages() -> None:
    need = world.need(texts={"fr": "Nous souhaitons apprendre quelque chose"})
    found = text_of(need, of_world(world.offer("B", texts=ENGLISH)))
    assert (found["B"].value, found["B"].known) == (NEUTRAL, False)


def test_likeness_of_texts_turns_a_near_tie_and_nothing_more() -> None:
    """An offer of a nearer theme stays first, however well another one is described."""
    near = world.offer("A", texts=UNLIKE)
    far = world.offer("B", texts=ENGLISH, themes=frozenset({"protection"}))
    ranking = rank(world.need(texts=FRENCH), of_world(near, far), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    assert [entry.offer for entry in ranking.lines[0].candidates] == ["A", "B"]
    assert DEFAULT_POLICY.weights[Criterion.TEXT] <= 20


def test_translation_into_the_language_of_the_need_is_never_a_disadvantage() -> None:
    both = {**ENGLISH, "fr": "Lutte contre la traite : repérage et assistance pour les travailleurs sociaux"}
    index = TextIndex.build([ENGLISH, both], CORE)
    values, known = index.values(FRENCH)
    assert known.all()
    assert values[1] >= values[0] > 0


def test_synonyms_of_the_same_language_are_alike() -> None:
    need = {"en": "Judges must learn of remote sensing"}
    index = TextIndex.build([{"en": "GIS"}, {"en": "judges"}], CORE)
    values, _ = index.values(need)
    assert values[0] == 1000
    assert index.compared(need, 0) == (Compared.CONCEPTS, ("geospatial-information",))
    assert index.compared(need, 1) == (Compared.WORDS, ())


def test_french_requests_of_the_demo_find_their_offering_described_in_english_only() -> None:
    """The demo's expected offering keeps its place when its French texts are taken away and the need has French only."""
    seen = 0
    for case in golden.demo()["expected_top"]:
        as_of = date.fromisoformat(case["as_of"])
        need = golden.need(case["request"])
        named = {offering for entry in case["expected"] for offering in entry["offerings"]}
        if "fr" not in need.texts or len(need.lines) != 1:
            continue
        offers = [replace(o, texts={"en": o.texts["en"]} if "en" in o.texts else {}) for o in golden.offers(as_of)]
        catalogue = build_catalogue(offers, golden.scheme(), golden.places(), CORE)
        french = replace(need, texts={"fr": need.texts["fr"]})
        ranking = rank(french, catalogue, DEFAULT_POLICY, as_of=as_of, rates=golden.rates())
        best = ranking.lines[0].candidates[0]
        assert best.offer in named
        text = next(entry for entry in best.breakdown if entry.criterion is Criterion.TEXT)
        seen += text.known and text.value > 0
    assert seen >= 3


def test_names_of_themes_are_part_of_what_a_run_was_made_from() -> None:
    offers = [world.offer("A", texts=ENGLISH)]
    plainly = encode_supply(offers, world.SCHEME, world.PLACES)
    named = encode_supply(offers, world.SCHEME, world.PLACES, CORE)
    turned = encode_supply(offers, world.SCHEME, world.PLACES, Lexicon(tuple(reversed(CORE.entries))))
    assert plainly.digest != named.digest == turned.digest == digest(named.content)


languages = st.sampled_from(["en", "fr"])
phrases = st.sampled_from(
    ["trafficking in persons", "traite des personnes", "diaspora", "debt", "dette", "envois de fonds", "remittances"]
)
described = st.dictionaries(languages, st.lists(phrases, max_size=4).map(" ".join), max_size=2)


@settings(deadline=None)
@given(described, st.lists(described, max_size=6), st.integers(0, 10_000))
def test_order_of_offers_does_not_change_their_likeness(
    need: dict[str, str], texts: list[dict[str, str]], seed: int
) -> None:
    order = list(range(len(texts)))
    random.Random(seed).shuffle(order)
    values, known = TextIndex.build(texts, CORE).values(need)
    turned, turned_known = TextIndex.build([texts[row] for row in order], CORE).values(need)
    for row, old in enumerate(order):
        assert (turned[row], turned_known[row]) == (values[old], known[old])
        assert 0 <= values[old] <= 1000


@settings(deadline=None)
@given(st.lists(phrases, min_size=1, max_size=4), st.lists(phrases, max_size=4))
def test_offer_that_names_all_the_themes_of_the_need_is_wholly_alike(named: list[str], further: list[str]) -> None:
    need = {"en": ". ".join(named), "fr": ". ".join(named)}
    index = TextIndex.build([{"en": ". ".join(further + named)}, {"fr": ". ".join(named + further)}], CORE)
    values, known = index.values(need)
    in_need = {name for code in need for name in CORE.concepts_in(tokens(need[code], code), code)}
    for row, (code, text) in enumerate([("en", ". ".join(further + named)), ("fr", ". ".join(named + further))]):
        if in_need and in_need <= set(CORE.concepts_in(tokens(text, code), code)):
            assert (values[row], known[row]) == (1000, True)
