"""Every objective is the best possible: the engine against SciPy's mixed-integer solver on instances of all kinds."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine.portfolio import INFEASIBLE, OPTIMAL, Settings, Solution, build_instance, programme, sifting, solve
from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.mixed_integer import Helper
from tests.kit.examples import examples
from tests.matching.engine.portfolio.oracle import Best, Problem, best_plan
from tests.matching.engine.portfolio.problems import built, problems

thorough = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    with Helper() as process:
        yield process


def reached(instance: Instance, solution: Solution) -> Best:
    ties = [int(instance.pairs.tie[number]) for number in solution.chosen]
    return Best(
        tuple(solution.served_by_class.values()),
        solution.worst_score,
        solution.total_score,
        solution.kept,
        (
            sum(tie >> 40 & 0xFFFFF for tie in ties),
            sum(tie >> 20 & 0xFFFFF for tie in ties),
            sum(tie & 0xFFFFF for tie in ties),
        ),
        frozenset(instance.pair_name(number) for number in solution.chosen),
    )


def check(problem: Problem, helper: Helper) -> Solution:
    instance = built(problem)
    solution = solve(instance, helper=helper)
    best = best_plan(problem)
    if best is None:
        assert solution.status == INFEASIBLE
        assert solution.conflict is not None
        return solution
    found = reached(instance, solution)
    assert (found.served, found.worst, found.total, found.kept, found.ties) == (
        best.served,
        best.worst,
        best.total,
        best.kept,
        best.ties,
    )
    assert solution.status == OPTIMAL
    assert all(stage.proven and stage.value == stage.bound for stage in solution.stages)
    return solution


@thorough
@given(problem=problems())
def test_plan_of_a_network_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(nested=True, wishes=True))
def test_plan_of_nested_capacities_with_wishes_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(nested=True, budgets=1))
def test_plan_within_a_budget_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(budgets=2, wishes=True))
def test_plan_within_budgets_of_funders_with_wishes_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(unequal=True))
def test_plan_of_unequal_use_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(unequal=True, nested=True, budgets=1, wishes=True))
def test_plan_of_everything_at_once_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(links=True))
def test_plan_of_pairs_that_lean_on_others_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(unequal=True, nested=True, budgets=1, wishes=True, links=True))
def test_plan_of_everything_with_links_is_the_best(helper: Helper, problem: Problem) -> None:
    check(problem, helper)


@thorough
@given(problem=problems(unequal=True, budgets=1))
def test_plan_without_the_worst_served_is_the_best(helper: Helper, problem: Problem) -> None:
    instance = built(problem)
    solution = solve(instance, Settings(worst_served=False), helper=helper)
    best = best_plan(problem, worst_served=False)
    assert best is not None
    found = reached(instance, solution)
    assert (found.served, found.total, found.kept, found.ties) == (best.served, best.total, best.kept, best.ties)


@pytest.fixture
def small_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small instances take the way of large ones: prices first, then cores that grow."""
    monkeypatch.setattr(programme, "SMALL", 0)
    monkeypatch.setattr(programme, "CORE_PAIRS", 2)


@pytest.fixture
def sifted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small networks take the way of large ones: prices guessed first, few arcs open."""
    monkeypatch.setattr(sifting, "LARGE", 0)


large_way = settings(thorough, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@large_way
@given(problem=problems(nested=True, wishes=True))
def test_plan_of_a_sifted_network_is_the_best(helper: Helper, sifted: None, problem: Problem) -> None:
    check(problem, helper)


@large_way
@given(problem=problems(nested=True, budgets=1, wishes=True))
def test_plan_of_a_sifted_network_within_a_budget_is_the_best(
    helper: Helper, small_cores: None, sifted: None, problem: Problem
) -> None:
    check(problem, helper)


@large_way
@given(problem=problems(nested=True, budgets=1, wishes=True))
def test_plan_by_prices_of_flows_is_the_best(helper: Helper, small_cores: None, problem: Problem) -> None:
    check(problem, helper)


@large_way
@given(problem=problems(budgets=2))
def test_plan_by_prices_of_two_budgets_is_the_best(helper: Helper, small_cores: None, problem: Problem) -> None:
    check(problem, helper)


@large_way
@given(problem=problems(unequal=True, budgets=1, wishes=True))
def test_plan_by_prices_of_the_relaxation_is_the_best(helper: Helper, small_cores: None, problem: Problem) -> None:
    check(problem, helper)


@large_way
@given(problem=problems(unequal=True, budgets=1, wishes=True, links=True))
def test_plan_with_links_by_prices_is_the_best(helper: Helper, small_cores: None, problem: Problem) -> None:
    check(problem, helper)


@settings(max_examples=examples(40), deadline=None)
@given(problem=problems(unequal=True, budgets=1, wishes=True, links=True))
def test_plan_of_shuffled_input_is_the_same(helper: Helper, problem: Problem) -> None:
    shuffled = build_instance(
        problem.needs[::-1],
        problem.capacities[::-1],
        [*problem.pairs[1::2], *problem.pairs[::2]],
        budgets=problem.budgets[::-1],
        floors=problem.floors[::-1],
        locks=problem.locks[::-1],
        bans=problem.bans[::-1],
        links=problem.links[::-1],
    )
    assert solve(shuffled, helper=helper) == solve(built(problem), helper=helper)
