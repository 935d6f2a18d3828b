"""The search for teams: exact in each goal, within every limit, and honest when it is cut short."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine import EngineError
from matching.engine.team_search import Objective, TeamAnswer, TeamCandidate, TeamInstance, find_team
from matching.engine.team_search import bounds as bounds_module
from matching.engine.team_search.instance import tie_number
from tests.kit.examples import examples
from tests.matching.engine.team_search.instances import allowed, by_program, instances, made, tried

SLOW = settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])


def candidate(name: str, cells: int, **facts: object) -> TeamCandidate:
    return TeamCandidate(name, str(facts.pop("partner", name)), cells, **facts)  # type: ignore[arg-type]  # by name


def check(instance: TeamInstance, answer: TeamAnswer) -> None:
    """See that a team keeps every limit and that its figures add up."""
    known = {entry.id: entry for entry in instance.candidates}
    chosen = tuple(known[member.candidate] for member in answer.members)
    if chosen:
        assert allowed(instance, chosen)
    served = [cell for member in answer.members for cell in member.cells]
    assert len(served) == len(set(served))
    for member in answer.members:
        entry = known[member.candidate]
        assert member.cells
        assert set(member.cells) <= set(instance.names(entry.cells))
        worth = sum(entry.values[instance.cells.index(cell)] for cell in member.cells) if entry.values else 0
        assert member.value == entry.value + worth
    assert answer.objective == Objective(
        len(served), len({entry.partner for entry in chosen}), sum(member.value for member in answer.members)
    )
    assert answer.cost == sum(entry.cost for entry in chosen)
    assert set(answer.covered) == set(served)
    assert {entry.cell for entry in answer.uncovered} == set(instance.cells) - set(served)
    assert not answer.bound.better_than(answer.objective) or not answer.proven


@SLOW
@given(instances())
def test_team_equals_the_best_of_all(instance: TeamInstance) -> None:
    answer = find_team(instance)
    check(instance, answer)
    best, _ = tried(instance)
    ties = sum(tie_number(partner) for partner in answer.partners)
    assert answer.proven
    assert (answer.objective.cells, -answer.objective.partners, answer.objective.value, -ties) == best


@SLOW
@given(instances())
def test_team_is_the_same_with_the_looser_bounds(instance: TeamInstance) -> None:
    """The bounds for many cells change how long it takes, and nothing else."""
    exact = find_team(instance)
    few = bounds_module.TABLE_CELLS
    try:
        bounds_module.TABLE_CELLS = 0
        assert find_team(instance).objective == exact.objective
    finally:
        bounds_module.TABLE_CELLS = few


@SLOW
@given(instances(most=7, cells=5))
def test_bound_is_never_beaten_when_the_search_is_cut_short(instance: TeamInstance) -> None:
    best = find_team(instance).objective
    for nodes in (1, 2, 5):
        answer = find_team(replace(instance, search_nodes=nodes))
        check(instance, answer)
        assert not best.better_than(answer.bound)
        assert not answer.objective.better_than(best)
        if answer.proven:
            assert answer.objective == best


@settings(max_examples=examples(40), deadline=None)
@given(instances())
def test_order_of_candidates_changes_nothing(instance: TeamInstance) -> None:
    turned = replace(instance, candidates=tuple(reversed(instance.candidates)))
    assert find_team(turned) == find_team(instance)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"budget": 90},
        {"max_partners": 2},
        {"budget": 60, "lead_required": True},
        {"max_partners": 3, "lead": "P0003"},
    ],
    ids=["free", "budget", "few", "lead", "named-lead"],
)
def test_team_equals_the_mixed_integer_program(seed: int, limits: dict[str, object]) -> None:
    instance = made(seed, candidates=30, cells=7, partners=14, **limits)
    answer = find_team(instance)
    check(instance, answer)
    assert answer.proven
    assert (answer.objective.cells, answer.objective.partners, answer.objective.value) == by_program(instance)


def test_team_of_many_cells_equals_the_mixed_integer_program() -> None:
    instance = made(5, candidates=60, cells=14, partners=60, max_partners=7)
    answer = find_team(instance)
    assert answer.proven
    assert (answer.objective.cells, answer.objective.partners, answer.objective.value) == by_program(instance)


def test_cells_too_many_to_split_in_every_way_are_not_called_proven() -> None:
    wide = [((1 << 20) - 1) << (20 * number) for number in range(3)]
    cells = tuple(f"c{number}" for number in range(60))
    plain = TeamInstance(cells, tuple(candidate(f"K{number}", mask) for number, mask in enumerate(wide)))
    assert find_team(plain).proven
    valued = replace(plain, candidates=tuple(replace(entry, values=(1,) * 60) for entry in plain.candidates))
    answer = find_team(valued)
    check(valued, answer)
    assert not answer.proven
    assert answer.objective.cells == answer.bound.cells == 60


def test_fewest_partners_come_before_value() -> None:
    answer = find_team(
        TeamInstance(
            ("a", "b"), (candidate("one", 0b11), candidate("x", 0b01, value=90), candidate("y", 0b10, value=90))
        )
    )
    assert answer.partners == ("one",)


def test_two_candidates_of_one_partner_are_one_partner() -> None:
    pair = (candidate("x", 0b01, partner="P", value=1), candidate("y", 0b10, partner="P", value=1))
    answer = find_team(TeamInstance(("a", "b"), (*pair, candidate("z", 0b10, value=99))))
    assert answer.objective == Objective(2, 1, 2)
    assert [member.candidate for member in answer.members] == ["x", "y"]


def test_lead_is_the_one_that_serves_most_among_those_that_can() -> None:
    instance = TeamInstance(
        ("a", "b", "c"), (candidate("big", 0b011, can_lead=False), candidate("small", 0b100, can_lead=True))
    )
    assert find_team(instance).lead == "small"
    assert find_team(replace(instance, candidates=(candidate("big", 0b011), candidate("small", 0b100)))).lead == "big"


def test_required_lead_takes_a_partner_more_when_it_must() -> None:
    covers = (candidate("all", 0b11, can_lead=False), candidate("leads", 0b01, can_lead=True))
    assert find_team(TeamInstance(("a", "b"), covers)).partners == ("all",)
    assert find_team(TeamInstance(("a", "b"), covers, lead_required=True)).partners == ("all", "leads")


def test_search_cut_short_still_gives_a_team_and_says_so() -> None:
    instance = made(3, candidates=60, cells=8, partners=60, budget=120, search_nodes=3)
    answer = find_team(instance)
    check(instance, answer)
    assert not answer.proven
    assert answer.objective.cells
    assert any(said.code == "team.cut_short" for said in answer.sentences)
    assert not find_team(replace(instance, search_nodes=200_000)).objective.better_than(answer.bound)


@pytest.mark.parametrize(
    ("pointer", "facts"),
    [
        ("/cells", {"cells": ()}),
        ("/cells", {"cells": ("a", "a")}),
        ("/candidates", {"candidates": (candidate("x", 1), candidate("x", 1))}),
        ("/candidates", {"candidates": (candidate("x", 8),)}),
        ("/candidates", {"candidates": (candidate("x", 1, cost=-1),)}),
        ("/candidates", {"candidates": (candidate("x", 1, values=(1,)),)}),
        ("/candidates", {"candidates": (candidate("x", 1, value=2**40),)}),
        ("/exclusions", {"exclusions": frozenset({("x", "nobody")})}),
        ("/lead", {"lead": "nobody"}),
        ("/budget", {"budget": -1}),
        ("/max_partners", {"max_partners": 0}),
        ("/search_nodes", {"search_nodes": 0}),
    ],
)
def test_bad_instance_is_refused_and_named(pointer: str, facts: dict[str, object]) -> None:
    base: dict[str, object] = {"cells": ("a", "b"), "candidates": (candidate("x", 1),)}
    with pytest.raises(EngineError) as refused:
        TeamInstance(**(base | facts))  # type: ignore[arg-type]  # facts by name
    assert refused.value.code == "bad_instance"
    assert refused.value.subject == pointer
