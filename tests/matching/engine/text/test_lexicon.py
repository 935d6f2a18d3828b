# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Themes found in free text, in English and French, with the real labels of the core scheme and with made-up ones."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine import ConceptLabels, EngineError, Lexicon, lexicon_from_labels, render
from matching.engine.text.words import spans, stem, tokens
from tests.kit.examples import examples
from tests.matching.engine import golden


def core() -> Lexicon:
    rows = json.loads((golden.VOCABULARIES / "themes.json").read_text(encoding="utf-8"))["core"]["concepts"]
    return lexicon_from_labels(
        (row["id"], {code: [row["prefLabel"][code], *row["altLabel"].get(code, [])] for code in row["prefLabel"]})
        for row in rows
    )


CORE = core()


def first(text: str, language: str | None = None) -> str:
    return CORE.suggest(text, language)[0].concept


def small(*rows: tuple[str, list[str]]) -> Lexicon:
    return lexicon_from_labels((concept, {"en": labels}) for concept, labels in rows)


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("Identifier et protéger les victimes de la traite des êtres humains", "trafficking"),
        ("lutte contre la TRAITE", "trafficking"),
        ("Assistance aux victimes dans les centres d’hébergement", "trafficking-victims"),
        ("Une formation sur les transferts d'argent des migrants", "remittances"),
        ("main-d’oeuvre et recrutement equitable et travail decent", "fair-recruitment"),
        ("Gestion intégrée des frontières pour la police de l’air", "border-management"),
        ("Santé mentale et soutien psychosocial", "health"),
        ("Equivalence des diplomes", "skills-recognition"),
        ("Reconnaissance des diplômes étrangers", "skills-recognition"),
    ],
)
def test_french_text_finds_its_theme_whatever_accents_and_small_words(text: str, concept: str) -> None:
    assert first(text, "fr") == concept
    assert first(text.upper(), "fr") == concept


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("How to investigate human trafficking", "trafficking"),
        ("Twinning of cities", "city-partnerships"),
        ("remittances", "remittances"),
        ("Helping returnees with readmission", "return-reintegration"),
        ("A course in GIS", "geospatial-information"),
    ],
)
def test_english_text_finds_its_theme_by_synonyms(text: str, concept: str) -> None:
    assert first(text, "en") == concept


@pytest.mark.parametrize("code", ["en", "fr"])
def test_every_preferred_label_finds_its_own_concept_first(code: str) -> None:
    for entry in CORE.entries:
        assert first(entry.labels[code][0], code) == entry.concept


def test_longest_phrase_wins_over_those_within_it() -> None:
    found = [entry.concept for entry in CORE.suggest("Protection of victims of trafficking", "en")]
    assert found == ["trafficking-victims"]


def test_words_of_the_text_are_given_as_they_stand_there() -> None:
    [found] = [e for e in CORE.suggest("La Traite des Êtres humains, encore", "fr") if e.concept == "trafficking"]
    assert found.words == ("traite des êtres humains",)
    labels = {"themes": {"trafficking": "Traite des personnes"}}
    assert render(found.sentence, "fr", labels) == (
        "Le texte nomme ce thème (Traite des personnes) : traite des êtres humains."
    )
    assert render(found.sentence, "en", labels).startswith("The text names this theme")


def test_text_without_language_is_read_in_all_of_them() -> None:
    found = {entry.concept for entry in CORE.suggest("Envois de fonds et inclusion financière, fair recruitment")}
    assert {"remittances", "fair-recruitment"} <= found
    assert CORE.suggest("Envois de fonds et inclusion financière", "es") == CORE.suggest(
        "Envois de fonds et inclusion financière"
    )


def test_text_of_nothing_but_ordinary_words_suggests_nothing() -> None:
    assert CORE.suggest("We need a training for our people", "en") == ()
    assert CORE.suggest("Migration", "en") == ()
    assert CORE.suggest("", None) == ()
    assert Lexicon().suggest("anything at all", "en") == ()


def test_word_shared_by_several_concepts_counts_less_than_one_of_its_own() -> None:
    rows = [(f"filler-{n}", [f"filler{n}"]) for n in range(20)]
    lexicon = small(("a", ["shelter"]), ("b", ["shared word"]), ("c", ["shared word"]), *rows)
    weights = {entry.concept: entry.weight for entry in lexicon.suggest("shelter and shared word", "en")}
    assert weights["a"] > weights["b"] == weights["c"] > 0


def test_rare_word_of_a_label_hints_and_a_common_one_does_not() -> None:
    rows = [(f"migration-{n}", [f"migration topic{n}"]) for n in range(20)]
    lexicon = small(("a", ["migration museums"]), *rows)
    [found] = lexicon.suggest("a museum", "en")
    assert (found.concept, found.sentence.code) == ("a", "theme_found.hinted")
    [whole] = lexicon.suggest("museums: migration museum", "en")
    assert whole.weight > found.weight
    assert whole.sentence.code == "theme_found.named"
    assert lexicon.suggest("migration", "en") == ()


def test_repeating_a_phrase_does_not_raise_its_weight() -> None:
    assert [e.weight for e in CORE.suggest("diaspora", "fr")] == [e.weight for e in CORE.suggest("diaspora " * 5, "fr")]


def test_label_that_rests_on_an_ordinary_word_is_not_cut_down_to_the_rest() -> None:
    assert CORE.suggest("general matters", "en") == ()  # "general training" is a label


def test_concept_that_occurs_twice_is_refused() -> None:
    with pytest.raises(EngineError, match="bad_lexicon"):
        Lexicon((ConceptLabels("a", {}), ConceptLabels("a", {})))


def test_limit_keeps_the_surest() -> None:
    text = "diaspora, remittances, trafficking in persons and climate mobility"
    assert CORE.suggest(text, "en", 2) == CORE.suggest(text, "en")[:2]


words = st.sampled_from(
    [
        "traite",
        "personnes",
        "victimes",
        "envois",
        "fonds",
        "diaspora",
        "migration",
        "travail",
        "main",
        "oeuvre",
        "de",
        "la",
    ]
)
texts = st.lists(words, max_size=12).map(" ".join)


@settings(max_examples=examples(20), deadline=None)
@given(texts, st.integers(0, 10_000))
def test_order_of_concepts_and_labels_changes_nothing(text: str, seed: int) -> None:
    chance = random.Random(seed)
    rows = [(entry.concept, {code: list(names) for code, names in entry.labels.items()}) for entry in CORE.entries]
    chance.shuffle(rows)
    for _, by_language in rows:
        for names in by_language.values():
            chance.shuffle(names)
    assert lexicon_from_labels(rows).suggest(text, "fr") == CORE.suggest(text, "fr")


@settings(deadline=None)
@given(texts)
def test_weights_are_permille_and_fall(text: str) -> None:
    found = CORE.suggest(text, "fr", 100)
    weights = [entry.weight for entry in found]
    assert weights == sorted(weights, reverse=True)
    assert all(0 < weight < 1000 for weight in weights)
    assert all(entry.words for entry in found)
    assert {entry.concept for entry in found} >= set(CORE.concepts_in(tokens(text, "fr"), "fr"))


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "fr", "ar"]))
def test_places_of_words_are_where_the_words_stand(text: str, language: str) -> None:
    for token in spans(text, language):
        assert 0 <= token.start < token.end
    assert CORE.suggest(text, language) == CORE.suggest(text, language)


def test_endings_that_change_a_letter_meet() -> None:
    assert stem("cities", "en") == stem("city", "en")
    assert stem("policies", "en") == stem("policy", "en")
    assert stem("locaux", "fr") == stem("locale", "fr") == stem("local", "fr")
    assert stem("niveaux", "fr") == stem("niveau", "fr")
    assert tokens("main-d’œuvre", "fr") == tokens("main-d'oeuvre", "fr")
