"""Lines that the best proposal leaves open: each with the limit that keeps it open, and what would be enough."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine import Budget, Cost, Need, Offer, OpenLine, Policy, Ranking, Sentence, render
from matching.engine.sentences import Param
from tests.kit.examples import examples
from tests.matching.engine import world
from tests.matching.engine.world import line, need, offer, ranking, session, window

TWO = (line(1), line(2, theme="recruitment"))
A, B = offer("A"), offer("B", themes=frozenset({"recruitment"}))


def only(found: Ranking) -> OpenLine:
    [entry] = found.open_lines
    assert entry.line in found.uncovered
    return entry


def test_complete_proposal_leaves_nothing_open() -> None:
    assert ranking(need(*TWO), A, B).open_lines == ()


def test_line_without_candidate_says_so() -> None:
    entry = only(ranking(need(*TWO), A))
    assert (entry.line, entry.reasons) == (2, ("no_candidate",))


def test_line_behind_the_number_of_partners_names_how_many() -> None:
    entry = only(ranking(need(*TWO), A, B, policy=Policy(max_partners=1)))
    assert (entry.reasons, dict(entry.needed)) == (("max_partners",), {"needed": 2, "limit": 1})
    assert "il faudrait 2 partenaires" in render(entry.sentence, "fr")


def test_line_behind_the_ceiling_names_what_is_enough() -> None:
    tight = need(*TWO, budget=Budget(Decimal(15000), "USD", "secured"))
    found = ranking(tight, A, B)
    entry = only(found)
    assert entry.reasons == ("budget",)
    assert dict(entry.needed) == {"amount": "20000.00 USD"}
    assert ranking(replace(tight, budget=Budget(Decimal(20000), "USD", "secured")), A, B).open_lines == ()


def test_line_behind_partners_kept_apart_says_so() -> None:
    apart = need(*TWO, kept_apart=frozenset({("P-B", "P-A")}))
    found = ranking(apart, A, B)
    assert all(len(entry.providers) == 1 for entry in found.proposals)
    assert only(found).reasons == ("kept_apart",)


def test_partners_of_partners_are_kept_apart_too() -> None:
    """What counts is everybody behind an offering, not its provider alone."""
    joined = replace(B, organizations=frozenset({"O-B", "O-C"}))
    assert ranking(need(*TWO, kept_apart=frozenset({("O-B", "O-C")})), A, joined).proposals[0].uncovered == (2,)
    apart = need(*TWO, kept_apart=frozenset({("O-C", "P-A")}))
    assert only(ranking(apart, A, joined)).reasons == ("kept_apart",)
    assert ranking(apart, A, B).open_lines == ()


def test_line_behind_the_lead_says_so() -> None:
    silent = [replace(entry, can_lead=False) for entry in (A, B)]
    asked = need(*TWO, lead_required=True)
    found = ranking(asked, *silent)
    assert found.proposals == ()
    assert {entry.reasons for entry in found.open_lines} == {("lead",)}
    assert ranking(asked, silent[0], B).proposals[0].lead == "P-B"


def test_single_line_with_a_required_lead_takes_the_one_that_leads() -> None:
    asked = need(lead_required=True)
    found = ranking(asked, replace(A, can_lead=False), offer("C"))
    assert {entry.lead for entry in found.proposals} == {"P-C"}


def test_line_behind_two_limits_names_them_together() -> None:
    both = need(*TWO, budget=Budget(Decimal(15000), "USD", "secured"))
    entry = only(ranking(both, A, B, policy=Policy(max_partners=1)))
    assert entry.reasons == ("max_partners", "budget")
    assert entry.sentence.code == "open_line.together"


def test_line_behind_shared_capacity_says_so() -> None:
    shared = (window("C", free=2),)  # one delivery of two trainer days
    one = offer("A", sessions=(), on_request=True, capacity=shared, provider="P")
    other = offer("B", themes=frozenset({"recruitment"}), sessions=(), on_request=True, capacity=shared, provider="P")
    assert only(ranking(need(*TWO), one, other)).reasons == ("capacity",)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_sentence_of_every_reason_can_be_said(language: str) -> None:
    params: dict[str, Param] = {"line": "1", "theme": "t", "needed": 3, "limit": 1, "amount": "10.00 USD"}
    codes = (
        "no_candidate",
        "max_partners",
        "budget",
        "budget_unknown",
        "kept_apart",
        "lead",
        "capacity",
        "together",
        "unproven",
    )

    assert all(render(Sentence(f"open_line.{code}", params), language) for code in codes)


@settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(world.needs(most_lines=3), world.catalogues(5))
def test_limit_named_is_the_one_that_helps(asked: Need, offers: list[Offer]) -> None:
    """With the limit of the first reason given up, more lines are covered: a stated reason, applied, flips the result."""
    tight = Policy(max_partners=1)
    found = ranking(asked, *offers, policy=tight)
    assert {entry.line for entry in found.open_lines} == set(found.uncovered)
    for entry in found.open_lines:
        ranked = next(row for row in found.lines if row.line == entry.line)
        assert (entry.reasons == ("no_candidate",)) == (ranked.eligible == 0)
        if entry.reasons == ("max_partners",):
            needed = entry.needed["needed"]
            assert isinstance(needed, int)
            better = ranking(asked, *offers, policy=Policy(max_partners=needed))
            assert len(better.uncovered) < len(found.uncovered)


def test_dear_line_alone_is_no_matter_of_the_team() -> None:
    dear = replace(B, cost=Cost(Decimal(90000), Decimal(0), "USD"), sessions=(session("S-dear"),))
    entry = only(ranking(need(*TWO), A, dear))
    assert entry.reasons == ("no_candidate",)
