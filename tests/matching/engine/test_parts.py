# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""The smaller rooms of the engine: concepts, places, words, money, sentences, priority, snapshot."""

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    ENGINE_VERSION,
    Budget,
    EngineError,
    Need,
    Offer,
    Rate,
    Rates,
    Relation,
    Sentence,
    canonical,
    digest,
    encode_supply,
    priority,
    render,
    scheme_from_pairs,
    sentence_from_plain,
    snapshot,
)
from matching.engine.bitsets import BitTable
from matching.engine.catalogue import calendar_days, trainer_days
from matching.engine.explaining.changes import NEED_CHANGES, OFFER_CHANGES
from matching.engine.explaining.near_misses import HOPELESS, WRITERS
from matching.engine.explaining.relaxation import ON_LINE, ON_NEED
from matching.engine.screening.constraints import CODES, RELAXABLE, UNMET_REASONS, Fail
from matching.engine.sentences import PLACEHOLDER
from matching.engine.sentences.templates import TEMPLATES
from matching.engine.text.similarity import TextIndex
from matching.engine.text.words import fold, tokens
from tests.matching.engine import golden, world
from tests.matching.engine.world import line, need, offer

# --- concepts -----------------------------------------------------------------------------------------------------


def closeness(a: str, b: str) -> int:
    return int(world.SCHEME.closeness[world.SCHEME.index(a), world.SCHEME.index(b)])


def test_closeness_is_wu_and_palmers() -> None:
    assert closeness("trafficking", "trafficking") == 1000
    assert closeness("victims", "trafficking") == 800  # 2 * 2 / (3 + 2)
    assert closeness("victims", "prosecution") == 666  # 2 * 2 / (3 + 3)
    assert closeness("trafficking", "smuggling") == 500
    assert closeness("trafficking", "labour") == 0


@pytest.mark.parametrize(
    ("asked", "offered", "relation"),
    [
        ("trafficking", "trafficking", Relation.EQUAL),
        ("protection", "victims", Relation.NARROWER),
        ("victims", "trafficking", Relation.BROADER),
        ("victims", "protection", Relation.SAME_FIELD),
        ("victims", "prosecution", Relation.SAME_FIELD),
        ("victims", "labour", Relation.NONE),
    ],
)
def test_relation_of_an_offered_theme_to_the_asked_one(asked: str, offered: str, relation: Relation) -> None:
    scheme = world.SCHEME
    assert scheme.relation(asked=scheme.index(asked), offered=scheme.index(offered)) is relation


def test_broken_schemes_are_refused() -> None:
    with pytest.raises(EngineError, match="circle"):
        scheme_from_pairs("x", [("a", "b"), ("b", "a")])
    with pytest.raises(EngineError, match="missing"):
        scheme_from_pairs("x", [("a", "b")])
    with pytest.raises(EngineError, match="twice"):
        scheme_from_pairs("x", [("a", None), ("a", None)])


# --- places -------------------------------------------------------------------------------------------------------


def test_regions_around_a_country_run_from_the_nearest_to_the_world() -> None:
    places = golden.places()
    assert places.chain_of(country="MLI", region=None) == ("011", "202", "002", "001")
    assert places.chain_of(country=None, region="155") == ("155", "150", "001")
    assert "MLI" in places.members["202"]
    with pytest.raises(EngineError, match="unknown_region"):
        places.chain("999")


# --- words --------------------------------------------------------------------------------------------------------


def test_accents_and_elisions_do_not_hide_a_word() -> None:
    assert fold("Élaboration d’une POLITIQUE") == "elaboration d’une politique"
    assert tokens("l’intégration des migrants", "fr") == tokens("L'integration du migrant", "fr")
    assert tokens("the migrants and their trainings", "en") == ["migrant", *tokens("trainings", "en")]


def test_stop_words_count_in_their_own_language_only() -> None:
    assert tokens("dans les villes", "fr") == ["vill"]
    assert "les" in tokens("dans les villes", "en")


def test_offer_with_the_words_of_the_need_is_most_alike() -> None:
    index = TextIndex.build([{"en": "trafficking in persons"}, {"en": "labour migration"}, {"fr": "traite"}, {}])
    values, known = index.values({"en": "trafficking of persons"})
    assert values.tolist()[0] == 1000
    assert values.tolist()[1] == 0
    assert values.tolist()[2:] == [500, 500]
    assert known.tolist() == [True, True, False, False]


def test_need_without_telling_words_is_neutral() -> None:
    values, known = TextIndex.build([{"en": "trafficking"}]).values({"en": "the of and"})
    assert (values.tolist(), known.tolist()) == ([500], [False])


# --- bit sets and money -------------------------------------------------------------------------------------------


@given(st.lists(st.sets(st.integers(0, 150).map(str)), max_size=8), st.sets(st.integers(0, 160).map(str)))
def test_bit_table_answers_like_sets(rows: list[set[str]], asked: set[str]) -> None:
    table = BitTable.build(rows)
    assert table.has_any(asked).tolist() == [bool(row & asked) for row in rows]
    assert table.count(asked).tolist() == [len(row & asked) for row in rows]
    assert table.filled().tolist() == [bool(row) for row in rows]
    everywhere = np.arange(len(rows))
    assert table.has_any(asked, everywhere).tolist() == table.has_any(asked).tolist()
    for code in asked:
        assert table.has(code).tolist() == [code in row for row in rows]
        assert table.has(code, everywhere).tolist() == table.has(code).tolist()
        assert table.holders(code).tolist() == [number for number, row in enumerate(rows) if code in row]


def test_conversion_without_a_rate_is_none() -> None:
    rates = Rates({"USD": Rate(Decimal(1), date(2027, 1, 1)), "KRW": Rate(Decimal("0.00072"), date(2027, 1, 1))})
    assert rates.factor("KRW", "USD") == (9, 12500)
    assert rates.factor("USD", "USD") == (1, 1)
    assert rates.factor("XXX", "USD") is None
    assert rates.factor("XXX", "XXX") == (1, 1)


def test_amounts_beyond_64_bits_are_still_exact() -> None:
    from matching.engine import Cost

    dear = offer(cost=Cost(Decimal(10) ** 14, Decimal(0), "EUR"))
    candidate = world.ranking(need(budget=Budget(Decimal(10) ** 15, "USD", "sought")), dear).lines[0].candidates[0]
    assert candidate.cost == Decimal("110000000000000.00")


@pytest.mark.parametrize(
    ("hours", "trainers", "calendar"), [(1, 1, 1), (6, 1, 1), (7, 2, 2), (30, 5, 5), (36, 6, 8), (60, 10, 12)]
)
def test_days_of_a_delivery(hours: int, trainers: int, calendar: int) -> None:
    assert (trainer_days(hours), calendar_days(hours)) == (trainers, calendar)


# --- sentences ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(TEMPLATES))
def test_every_sentence_exists_in_both_languages_with_the_same_parameters(code: str) -> None:
    english, french = TEMPLATES[code]["en"], TEMPLATES[code]["fr"]
    assert english != french
    assert {name for name, *_ in PLACEHOLDER.findall(english)} == {name for name, *_ in PLACEHOLDER.findall(french)}


def test_every_change_relaxation_and_constraint_has_its_sentence() -> None:
    assert {f"change.{code}" for code in NEED_CHANGES | OFFER_CHANGES} == {
        c for c in TEMPLATES if c.startswith("change.")
    }
    of_a_ceiling_in_part_used = "relax.cost_over_left"
    assert {of_a_ceiling_in_part_used} | {f"relax.{CODES[fail]}" for fail in Fail if fail & RELAXABLE} == {
        c for c in TEMPLATES if c.startswith("relax.")
    }
    assert set(WRITERS) == {fail for fail in Fail if not fail & HOPELESS}
    assert set(ON_LINE) | set(ON_NEED) == {fail for fail in Fail if fail & RELAXABLE}


def test_reasons_for_unmet_needs_are_those_of_the_code_list() -> None:
    lists = json.loads((golden.VOCABULARIES / "codelists.json").read_text(encoding="utf-8"))["lists"]
    unmet = next(entry for entry in lists if entry["code"] == "unmet_reasons")
    assert set(UNMET_REASONS.values()) <= {term["code"] for term in unmet["terms"]}


def test_numbers_take_the_singular_and_plural_of_their_language() -> None:
    one, none = Sentence("lead_time.days", {"days": 1}), Sentence("lead_time.days", {"days": 0})
    assert render(one, "en") == "1 day is left to ask for it."
    assert "0 days" in render(none, "en")
    assert "0 jour " in render(none, "fr")
    assert (
        render(Sentence("change.raise_ceiling", {"amount": "3000.50 USD"}), "en") == "raise the ceiling by USD 3,000.50"
    )
    assert (
        render(Sentence("change.raise_ceiling", {"amount": "3000.50 USD"}), "fr")
        == "relever le plafond de 3\u202f000,50 USD"
    )
    assert render(Sentence("change.accept_language", {"language": "ar"}), "es") == "accept ar"


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_sentence_of_the_demo_can_be_written(language: str) -> None:
    for case in golden.demo()["cases"]["unserviceable"] + golden.demo()["cases"]["partial_only"]:
        ranking = golden.ranked(case["request"], golden.today())
        said = [entry.sentence for part in ranking.lines for c in part.candidates for entry in c.breakdown]
        said += [change.sentence for part in ranking.lines for miss in part.near_misses for change in miss.changes]
        for part in ranking.lines:
            if part.conflict:
                said += [part.conflict.sentence, *(s for r in part.conflict.relaxations for s in r.sentences)]
        said += [sentence for proposal in ranking.proposals for sentence in proposal.sentences]
        assert said
        assert not [text for text in (render(s, language) for s in said) if re.search(r"[{}|]", text)]


def test_stored_sentence_reads_the_same_again() -> None:
    spoken = Sentence("language.any", {"languages": ("en", "fr")})
    stored = json.loads(canonical(spoken))
    assert render(sentence_from_plain(stored), "en") == render(spoken, "en")
    for broken in ({}, {"code": "nothing.such", "params": {}}, {"code": "text.alike", "params": {"percent": 0.5}}):
        with pytest.raises(EngineError, match="bad_sentence"):
            sentence_from_plain(broken)


# --- priority -----------------------------------------------------------------------------------------------------


def test_priority_counts_facts_and_never_the_fit() -> None:
    calm = need(window_start=date(2027, 4, 15))
    assert priority(calm, world.PLACES, as_of=world.TODAY).priority_class == 4
    poor = replace(calm, lines=(line(country="MLI"),))
    found = priority(poor, world.PLACES, as_of=world.TODAY)
    assert (found.priority_class, found.facts) == (3, ("ldc", "lldc", "special_needs"))
    pressing = replace(
        poor, window_start=date(2027, 2, 1), opened_on=date(2026, 9, 1), priority_facts=frozenset({"pilot_country"})
    )
    urgent = priority(pressing, world.PLACES, as_of=world.TODAY)
    assert (urgent.priority_class, urgent.waiting_days) == (1, 125)
    event = replace(calm, context_event_on=date(2027, 5, 1))
    assert priority(event, world.PLACES, as_of=world.TODAY).facts == ("event_deadline",)
    stated = replace(calm, priority_facts=frozenset({"post_conflict"}))
    scores = [world.ranking(asked, offer()).lines[0].candidates[0].score for asked in (calm, stated)]
    assert scores[0] == scores[1]


# --- snapshot -----------------------------------------------------------------------------------------------------


def snap(asked: Need, *offers: Offer, as_of: date = world.TODAY) -> bytes:
    supply = encode_supply(offers, world.SCHEME, world.PLACES)
    return snapshot(asked, supply, DEFAULT_POLICY, as_of=as_of, rates=world.RATES, engine_version=ENGINE_VERSION)


def test_snapshot_is_the_same_for_the_same_inputs_in_any_order() -> None:
    asked = need(line(1), line(2))
    turned = replace(asked, lines=tuple(reversed(asked.lines)), texts=dict(reversed(list(asked.texts.items()))))
    assert snap(asked, offer("A"), offer("B")) == snap(turned, offer("B"), offer("A"))
    assert len(digest(snap(asked))) == 64


def test_snapshot_changes_with_every_input() -> None:
    base = digest(snap(need(), offer()))
    changed = [
        snap(need(award="none"), offer()),
        snap(need(), offer(hours=13)),
        snap(need(), offer(), offer("B")),
        snap(need(), offer(), as_of=date(2027, 1, 5)),
    ]
    assert base not in {digest(entry) for entry in changed}
    supply = encode_supply([offer()], world.SCHEME, world.PLACES)
    assert json.loads(snap(need(), offer()))["supply"] == supply.digest == digest(supply.content)
    assert json.loads(supply.content)["offers"][0]["themes"] == ["trafficking"]


def test_snapshot_refuses_what_has_no_canonical_form() -> None:
    with pytest.raises(TypeError, match="float"):
        canonical({"weight": 0.5})
