"""The demo's expected results: what the founding texts make evident must come first, and what cannot be served must say so."""

from datetime import date

import pytest

from matching.engine import NO_SOLUTION, Policy, ProposalPlan, Ranking
from tests.matching.engine import golden

EXPECTED = golden.demo()["expected_top"]
CASES = golden.demo()["cases"]


def ranked(case: golden.Row) -> Ranking:
    return golden.ranked(case["request"], date.fromisoformat(case["as_of"]) if "as_of" in case else golden.today())


def offers_of(plan: ProposalPlan) -> set[str]:
    return {part.offer for part in plan.parts}


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: str(case["id"]))
def test_expected_offering_comes_first(case: golden.Row) -> None:
    ranking = ranked(case)
    best = ranking.proposals[0]
    named = {offer for entry in case["expected"] for offer in entry["offerings"]}
    assert set(best.providers) == {entry["provider"] for entry in case["expected"]}
    if len(ranking.lines) == 1:
        assert offers_of(best) <= named
        assert ranking.lines[0].candidates[0].offer in named
    else:
        assert offers_of(best) == named
    assert best.complete


@pytest.mark.parametrize("case", CASES["team_needed"], ids=lambda case: str(case["request"]))
def test_request_that_no_partner_can_serve_alone_gets_the_team_named(case: golden.Row) -> None:
    best = ranked(case).proposals[0]
    assert best.complete
    assert sorted(best.providers) == sorted(case["team"])


@pytest.mark.parametrize("case", CASES["partial_only"], ids=lambda case: str(case["request"]))
def test_request_served_in_part_names_the_lines_left_open(case: golden.Row) -> None:
    ranking = ranked(case)
    need = golden.need(case["request"])
    assert ranking.partial
    assert not ranking.proposals[0].complete
    assert "partial_cover" in ranking.proposals[0].flags
    left = [need.line(number) for number in ranking.uncovered]
    assert sorted({line.language or "" for line in left}) == case["uncovered_languages"]
    assert len(left) == sum(line.language in case["uncovered_languages"] for line in need.lines)
    for line in ranking.lines:
        if line.line in ranking.uncovered:
            assert line.conflict is not None
            assert "no_language" in line.conflict.reasons


@pytest.mark.parametrize("case", CASES["unserviceable"], ids=lambda case: str(case["request"]))
def test_request_that_nobody_can_serve_says_why(case: golden.Row) -> None:
    ranking = ranked(case)
    assert ranking.outcome == NO_SOLUTION
    assert ranking.proposals == ()
    conflict = ranking.lines[0].conflict
    assert conflict is not None
    assert conflict.reasons[0] == case["reason_code"]
    assert case.get("also", case["reason_code"]) in conflict.reasons


@pytest.mark.parametrize("case", EXPECTED, ids=lambda case: str(case["id"]))
def test_expected_offering_stays_first_when_weights_are_shifted_a_little(case: golden.Row) -> None:
    """The result rests on the matter, not on the third digit of a weight."""
    named = {offer for entry in case["expected"] for offer in entry["offerings"]}
    base = dict(Policy().weights)
    as_of = date.fromisoformat(case["as_of"])
    for taken, weight in base.items():
        step = min(20, weight)
        weights = {**base, taken: weight - step}
        gaining = next(criterion for criterion in base if criterion is not taken)
        weights[gaining] += step
        best = golden.rank_demo(case["request"], as_of, Policy(version="shifted", weights=weights)).proposals[0]
        assert offers_of(best) <= named
