"""Rules of a plan that are no supplies: what needs may cost together, and partners kept apart, in words and figures."""

import pytest

from matching.engine.portfolio import (
    APART_RULE,
    CEILING_RULE,
    Capacity,
    Instance,
    NeedEntry,
    Pair,
    PlanReport,
    Settings,
    build_instance,
    explain_plan,
    solve,
)
from matching.engine.portfolio.report import BUDGET_SHORT, CAPACITY_SHORT, RULED_OUT
from matching.engine.sentences import render

SETTINGS = Settings(worst_served=False)


def instance(rule: str, *, units: int, seats: int = 2, cheap: bool = False) -> Instance:
    """Two needs whose best pairs break a rule together; with `cheap`, B has another pair that breaks none."""
    other = [Pair("B", "cheap", score=100)] if cheap else []
    return build_instance(
        [NeedEntry("A"), NeedEntry("B")],
        [Capacity("rule", units, rule=rule), Capacity("room", seats)],
        [
            Pair("A", "first", score=900, uses=(("rule", units), ("room", 1))),
            Pair("B", "second", score=800, uses=(("rule", units), ("room", 1))),
            *other,
        ],
    )


def explained(made: Instance) -> PlanReport:
    return explain_plan(made, solve(made, SETTINGS), SETTINGS)


@pytest.mark.parametrize(
    ("rule", "units", "reason", "code", "unmet"),
    [
        (CEILING_RULE, 70_000, BUDGET_SHORT, "shortage.ceiling", "no_funding"),
        (APART_RULE, 1, RULED_OUT, "shortage.rule", "other"),
    ],
)
def test_need_that_only_a_rule_leaves_out_says_which(rule: str, units: int, reason: str, code: str, unmet: str) -> None:
    report = explained(instance(rule, units=units))
    (left,) = report.unmet
    assert (left.need, left.reason, left.unmet_reason) == ("B", reason, unmet)
    assert left.competing == ("A",)
    assert [sentence.code for sentence in left.sentences] == [code]
    assert report.capacity_prices == ()


@pytest.mark.parametrize("rule", [CEILING_RULE, APART_RULE])
def test_room_that_is_short_beside_a_rule_is_named_without_it(rule: str) -> None:
    (left,) = explained(instance(rule, units=5, seats=1)).unmet
    assert left.reason == CAPACITY_SHORT
    assert left.capacities == ("room",)
    assert left.supply <= 1


@pytest.mark.parametrize(
    ("rule", "code", "english"),
    [
        (
            CEILING_RULE,
            "choice.best_over_ceiling",
            "With A, second would cost more than the secured ceiling of the request allows.",
        ),
        (APART_RULE, "choice.best_apart", "second must not work together with those who serve A."),
    ],
)
def test_choice_says_which_rule_the_best_would_break(rule: str, code: str, english: str) -> None:
    report = explained(instance(rule, units=1, cheap=True))
    second = next(entry for entry in report.served if entry.need == "B")
    assert second.candidate == "cheap"
    said = second.sentences[1]
    assert said.code == code
    assert render(said, "en") == english
    assert "A" in render(said, "fr")
