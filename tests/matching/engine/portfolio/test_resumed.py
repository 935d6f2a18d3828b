"""A plan to begin with: the same answer as without, and known at once when there is no time for another."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine.portfolio import Settings, Solution, build_instance, solve
from matching.engine.portfolio.greedy import resumed
from matching.engine.portfolio.instance import Capacity, NeedEntry, Pair
from matching.engine.portfolio.mixed_integer import Helper
from matching.engine.portfolio.model import build_model
from matching.engine.portfolio.resolving import forced
from tests.kit.examples import examples
from tests.matching.engine.portfolio.oracle import Problem
from tests.matching.engine.portfolio.problems import built, problems


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    with Helper() as process:
        yield process


def without_solvers(solution: Solution) -> Solution:
    """Leave out who proved what: a plan that is known may spare a program."""
    return replace(solution, stages=tuple(replace(stage, solver="") for stage in solution.stages))


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems(unequal=True, budgets=1, wishes=True, links=True))
def test_plan_to_begin_with_changes_no_answer(helper: Helper, problem: Problem) -> None:
    instance = built(problem)
    before = solve(instance, helper=helper)
    for pair in range(len(instance.pairs)):
        taken = {int(instance.pairs.need[lock]) for lock in instance.locked}
        if pair in instance.banned or int(instance.pairs.need[pair]) in taken:
            continue
        changed = forced(instance, pair)
        begun = solve(changed, helper=helper, start=before.chosen)
        assert without_solvers(begun) == without_solvers(solve(changed, helper=helper))
        break


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(problem=problems(unequal=True, budgets=1, links=True))
def test_what_is_left_of_a_plan_keeps_every_upper_limit(problem: Problem) -> None:
    model = build_model(built(problem))
    best_of_each = [int(model.number[start]) for start in model.need_start[:-1]]
    totals = model.rows.totals(resumed(model, best_of_each))
    assert (totals <= model.rows.most).all()


def test_without_time_the_plan_stays_as_it_was_but_for_what_was_forced() -> None:
    instance = build_instance(
        [NeedEntry(f"N{number}") for number in range(40)],
        [Capacity("room", 60)],
        [
            Pair(f"N{number}", candidate, score=score, uses=(("room", units),))
            for number in range(40)
            for candidate, score, units in (("small", 500 + number, 1), ("large", 900 - number, 3))
        ],
    )
    before = solve(instance)
    assert before.status == "optimal"
    pair = next(n for n in range(len(instance.pairs)) if n not in before.chosen and instance.pair_name(n)[1] == "large")
    after = solve(forced(instance, pair), Settings(time_limit_seconds=0.0), start=before.chosen)
    assert pair in after.chosen
    kept = set(before.chosen) & set(after.chosen)
    assert len(kept) >= len(before.chosen) - 4
    assert sum(after.served_by_class.values()) >= 37


def test_lock_that_leans_on_another_brings_it_and_leaves_the_rest() -> None:
    single = [Pair(f"N{number}", "alone", score=600) for number in range(30)]
    joint = [Pair(f"N{number}", "joint", score=100) for number in range(3)]
    ring = [((f"N{number}", "joint"), [(f"N{(number + 1) % 3}", "joint")]) for number in range(3)]
    instance = build_instance([NeedEntry(f"N{number}") for number in range(30)], [], [*single, *joint], links=ring)
    before = solve(instance)
    pair = instance.pair_number("N0", "joint")
    after = solve(forced(instance, pair), Settings(time_limit_seconds=0.0), start=before.chosen)
    names = [instance.pair_name(number) for number in after.chosen]
    assert {need for need, candidate in names if candidate == "joint"} == {"N0", "N1", "N2"}
    assert len(names) == 30
