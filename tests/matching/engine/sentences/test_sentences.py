# ruff: noqa: RUF001  (the apostrophe of French print is meant)
"""What sentences look like to people: scores of 100, lines and groups by name, lists that stay readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine import Sentence, render
from matching.engine.sentences import Param, score_of_100


@pytest.mark.parametrize(
    ("score", "english", "french"),
    [
        (894_390, "89.4", "89,4"),
        (1_000_000, "100.0", "100,0"),
        (0, "0.0", "0,0"),
        (5_000, "0.5", "0,5"),
        (-12_500, "-1.3", "-1,3"),
        (960, "0.1", "0,1"),
        (420, "0.04", "0,04"),
        (1, "0.0001", "0,0001"),
        (12_345_678_900, "1,234,567.9", "1\u202f234\u202f567,9"),
    ],
)
def test_score_is_read_of_100_and_a_small_one_is_not_nothing(score: int, english: str, french: str) -> None:
    assert (score_of_100(score, "en"), score_of_100(score, "fr")) == (english, french)


@given(st.integers(-(10**6), 10**6))
def test_score_shown_is_as_near_as_its_decimals_allow(score: int) -> None:
    shown = score_of_100(score, "en")
    unit = 10 ** -len(shown.partition(".")[2])
    assert abs(float(shown) - score / 10_000) <= unit / 2 + 1e-9
    assert (float(shown) == 0) == (score == 0)


@pytest.mark.parametrize(
    ("code", "params", "english", "french"),
    [
        (
            "plan.served",
            {"served": 2, "needs": 3, "points": 1_718_840},
            "2 of 3 needs are served, with a fit of 85.9 of 100 on average.",
            "2 besoins sont satisfaits sur 3, avec une adéquation moyenne de 85,9 sur 100.",
        ),
        (
            "fairness.group",
            {"group": "ldc", "served": 2, "needs": 3},
            "Least developed countries: 2 of 3 needs served.",
            "Pays les moins avancés : 2 besoins satisfaits sur 3.",
        ),
        (
            "fairness.group",
            {"group": "agency:IOM", "served": 0, "needs": 1},
            "IOM: 0 of 1 needs served.",
            "IOM : 0 besoin satisfait sur 1.",
        ),
        (
            "plan.conflict_floor",
            {"group": "sids", "minimum": 2},
            "Floor (small island developing States): at least 2 needs served.",
            "Plancher (petits États insulaires en développement) : au moins 2 besoins satisfaits.",
        ),
        (
            "why_not.total",
            {"candidate": "COURSE", "need": "GMG-MLI-2026-0001/1", "points": 5_000},
            "COURSE for GMG-MLI-2026-0001, line 1 costs the plan as a whole 0.5 points.",
            "COURSE pour GMG-MLI-2026-0001, ligne 1 coûte 0,5 point à l’ensemble du plan.",
        ),
        (
            "shortage.competing",
            {"needs": ("A-1/1", "A-2/3")},
            "In competition with: A-1, line 1; A-2, line 3.",
            "En concurrence avec : A-1, ligne 1 ; A-2, ligne 3.",
        ),
        (
            "budget.total",
            {"amount": "300.00 USD", "budget": "funder:IOM", "points": 20_000},
            "USD 300 more for IOM adds 2.0 points of fit.",
            "300 USD de plus pour IOM : 2,0 points d’adéquation de plus.",
        ),
        (
            "plan.conflict_minimum",
            {"minimum": 2, "capacity": "provider:ITC-ILO"},
            "Minimum load: at least 2 of ITC-ILO.",
            "Charge minimale : au moins 2 pour ITC-ILO.",
        ),
    ],
)
def test_plan_is_said_as_people_speak(code: str, params: dict[str, Param], english: str, french: str) -> None:
    said = Sentence(code, params)
    assert render(said, "en") == english
    assert render(said, "fr") == french


def test_plan_that_serves_nobody_has_no_average_to_divide() -> None:
    assert "0.0 of 100" in render(Sentence("plan.served", {"served": 0, "needs": 1, "points": 0}), "en")


@pytest.mark.parametrize(("gap", "word"), [(19_999, "point"), (20_000, "points")])
def test_french_counts_points_in_the_plural_from_two_on(gap: int, word: str) -> None:
    assert render(Sentence("plan.gap_total", {"gap": gap}), "fr").endswith(f" {word} d’adéquation.")
