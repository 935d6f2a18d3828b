# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""Hypothetical offerings: which lines they close, by the engine's own constraints, and which few close most."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine import (
    AWARDS,
    DEFAULT_POLICY,
    Assumptions,
    Cell,
    EngineError,
    GapRanking,
    Hypothetical,
    Need,
    Offer,
    UnmetLine,
    build_catalogue,
    canonical,
    rank,
    rank_gaps,
    render,
    serving,
)
from tests.kit.examples import examples
from tests.matching.engine import golden, world


def gaps(unmet: list[UnmetLine], **options: object) -> GapRanking:
    given_options: dict[str, object] = {"as_of": world.TODAY, "rates": world.RATES, **options}
    return rank_gaps(unmet, world.SCHEME, world.PLACES, DEFAULT_POLICY, **given_options)  # type: ignore[arg-type]


def unmet(need: Need, line: int = 1, priority_class: int = 4) -> UnmetLine:
    return UnmetLine(need, line, need.line(line).maximum, priority_class)


def several(*themes: str, **changes: Any) -> list[UnmetLine]:
    return [unmet(world.need(world.line(theme=theme, **changes), id=f"R-{n}")) for n, theme in enumerate(themes)]


@st.composite
def unmet_lines(draw: st.DrawFn) -> list[UnmetLine]:
    found = []
    for number in range(draw(st.integers(1, 6))):
        need = replace(draw(world.needs(most_lines=2)), id=f"R-{number}")
        found += [unmet(need, line.number, draw(st.integers(1, 4))) for line in need.lines]
    return found


# --- what one offering closes -------------------------------------------------------------------------------------


def test_offering_for_one_line_has_what_the_line_asks() -> None:
    found = gaps([unmet(world.need(forms=frozenset({"course"}), modalities=frozenset({"blended"})))])
    [single] = found.singles
    assert single.offering == Hypothetical("trafficking", "en", "011", "course", "blended", "intermediate")
    assert (single.lines, single.needs, single.participants) == ((("R-1", 1),), 1, 20)
    assert single.audiences == ("officials",)
    assert (found.unmet, found.closable, found.out_of_reach) == (1, 1, ())


def test_offering_on_the_broader_theme_closes_its_branches_together() -> None:
    found = gaps(several("victims", "prosecution"))
    assert found.singles[0].offering.theme == "trafficking"
    assert len(found.singles[0].lines) == 2
    # Alone, each branch is closed by its own theme rather than by the broader one.
    assert {single.offering.theme for single in found.singles[1:]} == {"victims", "prosecution"}


def test_broader_theme_is_no_candidate_where_the_policy_does_not_accept_it() -> None:
    strict = replace(DEFAULT_POLICY, accept_broader_theme=False)
    lines = several("victims", "prosecution")
    found = rank_gaps(lines, world.SCHEME, world.PLACES, strict, as_of=world.TODAY, rates=world.RATES)
    assert [len(single.lines) for single in found.singles] == [1, 1]


def test_most_urgent_class_comes_first_among_as_many_lines() -> None:
    urgent, other = world.need(world.line(theme="labour"), id="R-1"), world.need(world.line(maximum=90), id="R-2")
    found = gaps([unmet(urgent, priority_class=1), unmet(other, priority_class=3)])
    assert [single.lines for single in found.singles] == [(("R-1", 1),), (("R-2", 1),)]
    assert [dict(single.by_class) for single in found.singles] == [{1: 1}, {3: 1}]


def test_window_that_is_over_is_out_of_reach_and_says_so() -> None:
    past = world.need(window_start=date(2026, 1, 1), window_end=date(2026, 6, 30))
    found = gaps([unmet(past)])
    assert (found.closable, found.singles, found.together) == (0, (), ())
    assert found.out_of_reach[0].codes == ("window_missed",)


def test_lead_time_assumed_decides_whether_a_near_window_is_in_reach() -> None:
    near = world.need(window_start=world.TODAY, window_end=world.TODAY + timedelta(20))
    assert gaps([unmet(near)]).closable == 0
    assert gaps([unmet(near)], assumptions=Assumptions(lead_time_days=5)).closable == 1


def test_line_without_wishes_takes_what_most_others_ask() -> None:
    asking = several("labour", "labour", language="fr", level="advanced")
    open_need = world.need(world.line(language=None, level=None), id="R-9", languages_may=frozenset())
    found = gaps([*asking, unmet(open_need)])
    [of_open] = [single for single in found.singles if single.lines == (("R-9", 1),)]
    assert (of_open.offering.language, of_open.offering.level) == ("fr", "advanced")


def test_form_that_is_online_only_is_offered_online() -> None:
    found = gaps([unmet(world.need(forms=frozenset({"webinar"})))])
    assert found.singles[0].offering.modality == "online"


def test_line_named_twice_is_refused() -> None:
    with pytest.raises(EngineError, match="named twice"):
        gaps([unmet(world.need()), unmet(world.need())])


def test_nothing_unmet_says_so_in_both_languages() -> None:
    found = gaps([])
    assert (found.unmet, found.singles, found.together) == (0, (), ())
    assert [render(sentence, "fr") for sentence in found.sentences] == ["Aucun besoin n’est resté sans réponse."]


def made(offering: Hypothetical, audiences: tuple[str, ...], lines: list[UnmetLine], assumed: Assumptions) -> Offer:
    """Build the offering for real, from what the answer says of it."""
    return Offer(
        id="made",
        provider="maker",
        themes=frozenset({offering.theme}),
        form=offering.form,
        modality=offering.modality,
        languages=frozenset({offering.language}),
        audiences=frozenset(audiences),
        hours=assumed.hours,
        participants_min=assumed.participants_min,
        participants_max=assumed.participants_max,
        vetted_until=date(2100, 1, 1),
        level=offering.level,
        regions=frozenset({offering.region}),
        places=frozenset(
            (entry.need.place.country, entry.need.place.city) for entry in lines if entry.need.place.country is not None
        ),
        on_request=True,
        in_country_on_request=True,
        lead_time_days=assumed.lead_time_days,
        award=AWARDS[-1],
    )


@given(unmet_lines())
@settings(max_examples=examples(25))
def test_offering_made_for_real_serves_exactly_the_lines_named(lines: list[UnmetLine]) -> None:
    found = gaps(lines, limit=4)
    for single in found.singles:
        offer = made(single.offering, single.audiences, lines, found.assumptions)
        catalogue = build_catalogue([offer], world.SCHEME, world.PLACES)
        served = set()
        for entry in lines:
            alone = replace(entry.need, lines=(entry.need.line(entry.line),))
            [line] = rank(alone, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES).lines
            served |= {entry.key} if line.eligible else set()
        assert served == set(single.lines)


@given(unmet_lines(), st.randoms(use_true_random=False))
@settings(max_examples=examples(25))
def test_order_of_lines_changes_nothing(lines: list[UnmetLine], chance: st.DataObject) -> None:
    shuffled = list(lines)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random
    assert canonical(gaps(shuffled)) == canonical(gaps(lines))


# --- which few close most -----------------------------------------------------------------------------------------


@given(unmet_lines())
@settings(max_examples=examples(25))
def test_joint_choice_keeps_its_guarantee_and_its_bound(lines: list[UnmetLine]) -> None:
    found = gaps(lines, limit=200, steps=3)
    sets = [set(single.lines) for single in found.singles]
    for size, step in enumerate(found.together, start=1):
        best = max(len(set().union(*chosen)) for chosen in combinations(sets, min(size, len(sets))))
        assert step.closed <= best <= step.bound
        assert 1000 * step.closed >= found.guarantee_permille * best
        assert step.proven == (step.closed == step.bound)
    if found.together:
        assert found.together[0].adds.lines == found.singles[0].lines
        assert found.together[0].proven


@given(unmet_lines())
@settings(max_examples=examples(25))
def test_steps_add_up_to_what_they_close(lines: list[UnmetLine]) -> None:
    found = gaps(lines, steps=10)
    closed: set[tuple[str, int]] = set()
    for step in found.together:
        assert not closed & set(step.adds.lines)
        closed |= set(step.adds.lines)
        assert step.closed == len(closed)
    assert found.closable == found.unmet - len(found.out_of_reach)
    if len(found.together) < 10:
        assert len(closed) == found.closable


def test_second_choice_counts_only_what_the_first_left() -> None:
    left = several("victims", "victims", "victims", level="advanced")
    apart = [replace(entry, need=replace(entry.need, id=f"L-{n}")) for n, entry in enumerate(left)]
    found = gaps([*several("victims", "prosecution", level="advanced"), *apart], steps=2)
    assert [(step.closed, len(step.adds.lines)) for step in found.together] == [(5, 5)]
    found = gaps([*several("labour", "labour"), *apart], steps=2)
    assert [(step.closed, len(step.adds.lines), step.proven) for step in found.together] == [(3, 3, True), (5, 2, True)]


def test_sentences_name_the_best_single_offering_in_both_languages() -> None:
    found = gaps(several("victims", "prosecution"))
    english = render(found.singles[0].sentence, "en", {"themes": {"trafficking": "Trafficking"}})
    assert english == (
        "One more offering on Trafficking in en for 011 (workshop, level: intermediate) would close 2 lines of needs "
        "with 40 participants."
    )
    french = [render(sentence, "fr") for sentence in found.sentences]
    assert french[0].startswith("Une offre de plus sur le thème trafficking")
    assert french[1].startswith("L’offre choisie répondrait à 2 des 2 lignes non satisfaites")


def test_demo_needs_that_nobody_can_serve_name_what_would() -> None:
    need = golden.need(golden.demo()["cases"]["unserviceable"][0]["request"])
    lines = [UnmetLine(need, line.number, line.maximum) for line in need.lines]
    as_of = golden.today()
    found = rank_gaps(lines, golden.scheme(), golden.places(), DEFAULT_POLICY, as_of=as_of, rates=golden.rates())
    assert found.closable + len(found.out_of_reach) == len(lines)
    assert found.singles
    assert {single.offering.theme for single in found.singles} & {line.theme for line in need.lines}


# --- supply of a cell ---------------------------------------------------------------------------------------------


def supply(*cells: Cell, offers: list[Offer]) -> tuple[int, ...]:
    return serving(cells, world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY).by_cell


def test_supply_counts_offers_by_theme_place_language_and_form() -> None:
    offers = [
        world.offer("A", languages=frozenset({"en"})),
        world.offer("B", themes=frozenset({"victims"}), languages=frozenset({"fr"}), sessions=(), on_request=True),
        world.offer("C", worldwide=False, countries=frozenset({"NPL"})),
        world.offer("D", vetted_until=date(2020, 1, 1)),
    ]
    ghana, mali = frozenset({("GHA", None)}), frozenset({("MLI", None)})
    assert supply(Cell("trafficking", ghana), offers=offers) == (2,)
    assert supply(Cell("trafficking", ghana, "fr"), offers=offers) == (1,)
    assert supply(Cell("trafficking", ghana, None, frozenset({"workshop"})), offers=offers) == (0,)
    assert supply(Cell("smuggling", mali), Cell("victims", mali), offers=offers) == (0, 2)
    found = serving([Cell("trafficking", ghana)], world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY)
    assert (found.any_cell, found.on_market) == (2, 3)


@given(world.catalogues(), world.needs())
@settings(max_examples=examples(30))
def test_offer_that_can_serve_a_line_counts_as_supply_of_its_cell(offers: list[Offer], need: Need) -> None:
    line = need.lines[0]
    ranking = rank(need, world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    cell = Cell(line.theme, frozenset({(line.country, line.region)}), line.language, need.forms)
    assert supply(cell, offers=offers)[0] >= ranking.lines[0].eligible
