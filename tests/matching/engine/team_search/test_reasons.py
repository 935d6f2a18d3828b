"""Why a cell stays open: the limits named are enough to lift, and none of them can be spared."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine import render
from matching.engine.team_search import TeamCandidate, TeamInstance, UncoveredCell, find_team
from matching.engine.team_search.reasons import WITHOUT
from tests.kit.examples import examples
from tests.matching.engine.team_search.instances import instances, tried

CELLS = ("a", "b")


def only(instance: TeamInstance) -> UncoveredCell:
    [entry] = find_team(instance).uncovered
    return entry


def pair(**facts: object) -> tuple[TeamCandidate, ...]:
    return (
        TeamCandidate("x", "x", 0b01, cost=5, **facts),  # type: ignore[arg-type]  # facts by name
        TeamCandidate("y", "y", 0b10, cost=7, **facts),  # type: ignore[arg-type]
    )


def test_cell_without_candidate_says_so() -> None:
    entry = only(TeamInstance(CELLS, pair()[:1]))
    assert (entry.cell, entry.reasons, entry.candidates) == ("b", ("no_candidate",), 0)


def test_cell_of_excluded_partners_names_them() -> None:
    entry = only(TeamInstance(CELLS, pair(), excluded=frozenset({"y"})))
    assert (entry.reasons, entry.needed) == (("excluded",), {"excluded": ("y",)})


def test_cell_behind_the_budget_names_the_least_that_is_enough() -> None:
    entry = only(TeamInstance(CELLS, pair(), budget=11))
    assert (entry.reasons, entry.needed) == (("budget",), {"budget": 12})
    assert "12" in render(entry.sentences[1], "fr")


def test_cell_behind_the_number_of_partners_names_how_many() -> None:
    entry = only(TeamInstance(CELLS, pair(), max_partners=1))
    assert (entry.reasons, entry.needed) == (("max_partners",), {"max_partners": 2})


def test_cell_behind_an_exclusion_names_the_pair() -> None:
    entry = only(TeamInstance(CELLS, pair(), exclusions=frozenset({("y", "x")})))
    assert (entry.reasons, entry.needed) == (("exclusions",), {"exclusions": ("x + y",)})


def test_cell_behind_the_lead_says_so() -> None:
    answer = find_team(TeamInstance(CELLS, pair(can_lead=False), lead_required=True))
    assert [entry.reasons for entry in answer.uncovered] == [("lead",), ("lead",)]
    assert answer.sentences[0].code == "team.none"


def test_cell_behind_two_limits_names_both() -> None:
    entry = only(TeamInstance(CELLS, pair(), budget=11, max_partners=1))
    assert entry.reasons == ("max_partners", "budget")
    assert entry.needed == {"max_partners": 2, "budget": 12}
    assert [said.code for said in entry.sentences][:2] == ["team.uncovered", "team.limits_together"]


@settings(
    max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(instances())
def test_limits_named_are_enough_and_none_can_be_spared(instance: TeamInstance) -> None:
    answer = find_team(instance)
    for entry in answer.uncovered:
        assert entry.certain
        for language in ("en", "fr"):
            assert all(render(said, language) for said in entry.sentences)
        if entry.reasons == ("no_candidate",):
            assert not any(other.cells >> instance.cells.index(entry.cell) & 1 for other in instance.candidates)
            continue
        lifted = instance
        for code in entry.reasons:
            lifted = WITHOUT[code](lifted)
        assert _covers(lifted, (*answer.covered, entry.cell))
        for spared in entry.reasons:
            kept = instance
            for code in entry.reasons:
                kept = kept if code == spared else WITHOUT[code](kept)
            assert not _covers(kept, (*answer.covered, entry.cell))


def _covers(instance: TeamInstance, cells: tuple[str, ...]) -> bool:
    """Ask by trying everything, with the wanted cells alone."""
    wanted = sum(1 << instance.cells.index(cell) for cell in cells)
    trimmed = tuple(replace(entry, cells=entry.cells & wanted) for entry in instance.candidates)
    best, _ = tried(replace(instance, candidates=trimmed))
    return best[0] == wanted.bit_count()


@pytest.mark.parametrize("code", ["excluded", "exclusions", "max_partners", "budget", "lead"])
def test_each_limit_can_be_given_up(code: str) -> None:
    tight = TeamInstance(
        CELLS,
        pair(can_lead=False),
        exclusions=frozenset({("x", "y")}),
        excluded=frozenset({"x"}),
        budget=1,
        max_partners=1,
        lead_required=True,
    )
    assert WITHOUT[code](tight) != tight
