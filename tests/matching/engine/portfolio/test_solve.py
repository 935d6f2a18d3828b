"""What a plan promises: limits kept, conflicts named, time limits honest, a killed helper reported, faults found."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from threading import Timer

import numpy as np
import pytest

from matching.engine import EngineError
from matching.engine.portfolio import (
    FEASIBLE,
    INFEASIBLE,
    OPTIMAL,
    UNKNOWN,
    BudgetLimit,
    Capacity,
    Conflict,
    Floor,
    Instance,
    NeedEntry,
    Pair,
    PlanError,
    Settings,
    build_instance,
    greedy,
    mixed_integer,
    solve,
    verify,
)
from matching.engine.portfolio.mixed_integer import FAILED, SOLVED, Deadline, Helper, Program


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    with Helper() as process:
        yield process


def hard(needs: int = 60, sessions: int = 12, seed: int = 3) -> Instance:
    """Build a generalized assignment problem that takes the solver far more than a moment."""
    chance = np.random.default_rng(seed)
    pairs = [
        Pair(
            f"n{need:03d}",
            f"s{session:02d}",
            int(chance.integers(400_000, 10**6)),
            ((f"s{session:02d}", int(chance.integers(5, 26))),),
            (("total", int(chance.integers(50_000, 900_000))),),
            tie=int(chance.integers(0, 1 << 60)),
        )
        for need in range(needs)
        for session in range(sessions)
    ]
    seats = needs * 15 // sessions * 8 // 10
    return build_instance(
        [NeedEntry(f"n{need:03d}", 1 + need % 3) for need in range(needs)],
        [Capacity(f"s{session:02d}", seats) for session in range(sessions)],
        pairs,
        budgets=[BudgetLimit("total", needs * 250_000)],
    )


def known_optimum(needs: int) -> tuple[Instance, int]:
    """Build an instance whose best plan is planted: need k belongs to seat k, every other pair scores less by k + 1."""
    pairs = [
        Pair(f"n{need:04d}", f"s{seat:04d}", 900_000 - abs(need - seat) * (need + 1), ((f"s{seat:04d}", 1),))
        for need in range(needs)
        for seat in range(max(0, need - 3), min(needs, need + 4))
    ]
    names = range(needs)
    instance = build_instance([NeedEntry(f"n{k:04d}") for k in names], [Capacity(f"s{k:04d}", 1) for k in names], pairs)
    return instance, 900_000 * needs


def test_planted_optimum_is_found() -> None:
    instance, total = known_optimum(400)
    solution = solve(instance)
    assert (solution.status, solution.total_score, solution.worst_score) == (OPTIMAL, total, 900_000)
    assert [instance.pair_name(number) for number in solution.chosen] == [
        (f"n{k:04d}", f"s{k:04d}") for k in range(400)
    ]


def test_first_class_is_served_before_better_scores() -> None:
    pairs = [Pair("a", "s", 1, (("s", 1),)), Pair("b", "s", 10**6, (("s", 1),))]
    instance = build_instance([NeedEntry("a", 1), NeedEntry("b", 2)], [Capacity("s", 1)], pairs)
    assert dict(solve(instance).served_by_class) == {1: 1, 2: 0}


def test_need_stays_unserved_rather_than_break_a_limit() -> None:
    instance = build_instance([NeedEntry("a"), NeedEntry("b")], [Capacity("s", 0)], [Pair("a", "s", 5, (("s", 1),))])
    solution = solve(instance)
    assert (solution.status, solution.chosen, solution.worst_score) == (OPTIMAL, (), None)


def test_instance_without_needs_has_the_empty_plan() -> None:
    solution = solve(build_instance([], [], []))
    assert (solution.status, solution.chosen, solution.total_score) == (OPTIMAL, (), 0)


def test_lock_ban_and_previous_plan_are_kept() -> None:
    needs = [NeedEntry("a"), NeedEntry("b"), NeedEntry("c")]
    pairs = [
        Pair("a", "s", 100, (("s", 1),)),
        Pair("a", "t", 900, (("t", 1),)),
        Pair("b", "s", 500, (("s", 1),)),
        Pair("b", "t", 800, (("t", 1),)),
        Pair("c", "x", 300),
        Pair("c", "y", 300, previous=True),
    ]
    capacities = [Capacity("s", 1), Capacity("t", 2)]
    instance = build_instance(needs, capacities, pairs, locks=[("a", "s")], bans=[("b", "t")])
    solution = solve(instance)
    assert [instance.pair_name(number) for number in solution.chosen] == [("a", "s"), ("c", "y")]
    assert (solution.worst_score, solution.kept) == (100, 1)


def test_minimum_brings_people_to_a_session_they_would_not_choose() -> None:
    pairs = [Pair(need, name, score, ((name, 1),)) for need in "abc" for name, score in (("s", 900), ("t", 100))]
    instance = build_instance(
        [NeedEntry(need) for need in "abc"], [Capacity("s", 3), Capacity("t", 3, minimum=2)], pairs
    )
    assert solve(instance).total_score == 1100


def test_conflict_of_locks_names_those_alone() -> None:
    needs = [NeedEntry(name, 4, frozenset({"ldc"})) for name in "abcd"]
    pairs = [Pair(name, "s", 5, (("s", 1),)) for name in "abc"] + [Pair("d", "t", 5)]
    locks = [("a", "s"), ("b", "s"), ("d", "t")]
    instance = build_instance(needs, [Capacity("s", 1)], pairs, floors=[Floor("ldc", 1)], locks=locks)
    solution = solve(instance)
    assert solution.status == INFEASIBLE
    assert solution.conflict == Conflict(locks=(instance.pair_number("a", "s"), instance.pair_number("b", "s")))


def test_conflict_of_floor_and_minimum_names_both() -> None:
    needs = [NeedEntry("a", 4, frozenset({"ldc"})), NeedEntry("b")]
    pairs = [
        Pair("a", "s", 5, (("hall", 1),)),
        Pair("b", "s", 5, (("hall", 1), ("evening", 1))),
    ]
    instance = build_instance(
        needs, [Capacity("hall", 1), Capacity("evening", 1, minimum=1)], pairs, floors=[Floor("ldc", 1)]
    )
    assert solve(instance).conflict == Conflict(floors=("ldc",), minima=("evening",))


def test_two_locks_of_one_need_are_a_conflict() -> None:
    pairs = [Pair("a", "s", 5), Pair("a", "t", 5)]
    instance = build_instance([NeedEntry("a")], [], pairs, locks=[("a", "s"), ("a", "t")])
    assert solve(instance).conflict == Conflict(locks=(0, 1))


def test_time_limit_leaves_a_plan_with_bounds_that_hold() -> None:
    instance = hard(needs=24, sessions=6)
    best = solve(instance, Settings(worst_served=False, unique=False))
    assert best.status == OPTIMAL
    hasty = solve(instance, Settings(worst_served=False, unique=False, time_limit_seconds=1e-6))
    assert hasty.status == FEASIBLE
    assert [stage.name for stage in hasty.stages] == [stage.name for stage in best.stages]
    first, optimum = hasty.stages[0], best.stages[0]
    assert first.value <= optimum.value <= first.bound
    for stage in hasty.stages:
        assert stage.gap == stage.bound - stage.value >= 0
        assert stage.proven == (stage.gap == 0)
    assert any(not stage.proven for stage in hasty.stages)


def test_time_limit_without_any_plan_is_said_to_be_open() -> None:
    # The greedy plan misses the floor, and there is no time to look for another.
    pairs = [
        Pair("a", "s", 10, (("s", 2), ("t", 1))),
        Pair("b", "s", 900, (("s", 3),)),
    ]
    needs = [NeedEntry("a", 4, frozenset({"ldc"})), NeedEntry("b")]
    capacities = [Capacity("s", 4), Capacity("t", 1)]
    instance = build_instance(needs, capacities, pairs, floors=[Floor("ldc", 1)])
    late = solve(instance, Settings(time_limit_seconds=1e-9))
    assert (late.status, late.chosen, late.conflict) == (UNKNOWN, (), None)
    assert solve(instance).status == OPTIMAL


def test_killed_helper_is_reported_and_the_plan_keeps_its_bounds(helper: Helper) -> None:
    instance = hard()
    best_known = greedy(instance)
    assert best_known is not None

    def kill() -> None:
        if (number := helper.process_id()) is not None:
            os.kill(number, signal.SIGKILL)

    helper.prices(_nothing(), Deadline())
    timer = Timer(1.0, kill)
    timer.start()
    solution = solve(instance, Settings(worst_served=False, unique=False, time_limit_seconds=6), helper=helper)
    timer.join()
    assert solution.status == FEASIBLE
    assert any(not stage.proven for stage in solution.stages)
    assert sum(solution.served_by_class.values()) > 0


def test_helper_starts_anew_after_it_was_killed() -> None:
    with Helper() as process:
        assert process.prices(_nothing(), Deadline())[0] == SOLVED
        first = process.process_id()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        process.best(_nothing(), Deadline())
        assert process.best(_nothing(), Deadline()).status == SOLVED
        assert process.process_id() != first
    assert process.process_id() is None


def test_process_that_has_answered_serves_the_next_helper_and_no_two_at_once() -> None:
    with Helper() as first, Helper() as second:
        for helper in (first, second):
            assert helper.best(_nothing(), Deadline()).status == SOLVED
        numbers = [first.process_id(), second.process_id()]
        assert numbers[0] != numbers[1]
    with Helper() as next_one, Helper() as after_it:
        assert next_one.best(_nothing(), Deadline()).status == SOLVED
        assert next_one.process_id() in numbers
        assert after_it.best(_nothing(), Deadline()).status == SOLVED
        assert after_it.process_id() not in numbers  # only one has waited


def test_process_whose_answer_nobody_has_read_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    with Helper() as helper:
        helper.best(_nothing(), Deadline())
        number = helper.process_id()
        with monkeypatch.context() as patch:
            patch.setattr(mixed_integer, "_read_message", interrupted)
            with pytest.raises(KeyboardInterrupt):
                helper.best(_nothing(), Deadline())
    with Helper() as helper:
        assert helper.best(_nothing(), Deadline()).status == SOLVED
        assert helper.process_id() != number


def test_fork_does_not_speak_with_the_process_of_its_parent() -> None:
    with Helper() as helper:
        helper.best(_nothing(), Deadline())
        number = helper.process_id()
    reading, writing = os.pipe()
    if not os.fork():
        with Helper() as helper:
            status = helper.best(_nothing(), Deadline()).status
            os.write(writing, f"{status} {helper.process_id()}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        status, other = answer.read().split()
    os.wait()
    assert status == SOLVED
    assert other != str(number)


def test_helper_without_time_does_not_begin() -> None:
    with Helper() as process:
        assert process.best(_nothing(), Deadline.after(0)).status == FAILED
        assert process.process_id() is None


def _nothing() -> Program:
    one = np.zeros(1, dtype=np.int64)
    return Program(one + 1, np.array([-np.inf]), np.array([1.0]), one, one, one + 1)


def test_progress_and_timings_name_the_stages() -> None:
    told: list[tuple[str, int]] = []
    timings: dict[str, float] = {}
    instance, _ = known_optimum(5)
    solve(instance, progress=lambda name, done: told.append((name, done)), timings=timings)
    assert told[0] == ("model", 0)
    assert [done for _, done in told] == sorted(done for _, done in told)
    assert {"model", "worst_score", "total_score", "verify"} <= set(timings)
    assert all(seconds >= 0 for seconds in timings.values())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"chosen": (0, 1, 3)}, "served twice"),
        ({"chosen": (3,)}, "lock"),
        ({"chosen": (0, 4)}, "ban"),
        ({"chosen": (0, 2)}, "capacity"),
        ({"chosen": (0,)}, "floor"),
        ({"total_score": 1}, "total"),
        ({"worst_score": 1}, "worst"),
        ({"kept": 1}, "kept"),
        ({"served_by_class": {4: 1}}, "miscounted"),
        ({"chosen": (3, 0)}, "order"),
    ],
)
def test_fault_in_a_plan_is_found(change: dict[str, object], fault: str) -> None:
    needs = [NeedEntry("a"), NeedEntry("b", 4, frozenset({"sids"}))]
    pairs = [
        Pair("a", "p", 5, (("seat", 1),)),
        Pair("a", "q", 6),
        Pair("b", "p", 7, (("seat", 1),)),
        Pair("b", "q", 8),
        Pair("b", "r", 9),
    ]
    instance = build_instance(
        needs, [Capacity("seat", 1)], pairs, floors=[Floor("sids", 1)], locks=[("a", "p")], bans=[("b", "r")]
    )
    solution = solve(instance)
    verify(instance, solution)
    with pytest.raises(PlanError, match=fault):
        verify(instance, replace(solution, **change))  # type: ignore[arg-type]


def test_overspent_budget_is_found() -> None:
    pair = Pair("a", "p", 5, costs=(("total", 10),))
    solution = solve(build_instance([NeedEntry("a")], [], [pair], budgets=[BudgetLimit("total", 10)]))
    poorer = build_instance([NeedEntry("a")], [], [pair], budgets=[BudgetLimit("total", 9)])
    with pytest.raises(PlanError, match="budget total: 10"):
        verify(poorer, solution)


def test_greedy_plan_keeps_the_limits_and_is_never_better() -> None:
    instance = hard(needs=20, sessions=5)
    hasty, best = greedy(instance), solve(instance, Settings(worst_served=False, unique=False))
    assert hasty is not None
    verify(instance, hasty)
    served = [(plan.served_by_class[1], plan.served_by_class[2], plan.served_by_class[3]) for plan in (hasty, best)]
    assert (*served[0], hasty.total_score) <= (*served[1], best.total_score)


@pytest.mark.parametrize(
    ("changes", "subject"),
    [
        ({"needs": [NeedEntry("a"), NeedEntry("a")]}, "a"),
        ({"needs": [NeedEntry("a", 0)]}, "a"),
        ({"capacities": [Capacity("s", 1, minimum=2)]}, "s"),
        ({"capacities": [Capacity("s", -1)]}, "s"),
        ({"pairs": [Pair("z", "s", 5)]}, "z / s"),
        ({"pairs": [Pair("a", "s", 10**6 + 1)]}, "a / s"),
        ({"pairs": [Pair("a", "s", 5, (("t", 1),))]}, "a / s"),
        ({"pairs": [Pair("a", "s", 5), Pair("a", "s", 6)]}, "s"),
        ({"pairs": [Pair("a", "s", 5, (("s", 1), ("s", 2)))]}, "a / s"),
        ({"pairs": [Pair("a", "s", 5, costs=(("none", 1),))]}, "a / s"),
        ({"floors": [Floor("ldc", 1)]}, "ldc"),
        ({"locks": [("a", "z")]}, "a / z"),
        ({"locks": [("a", "s")], "bans": [("a", "s")]}, "a / s"),
    ],
)
def test_bad_instance_is_refused_by_name(changes: dict[str, object], subject: str) -> None:
    parts: dict[str, object] = {
        "needs": [NeedEntry("a")],
        "capacities": [Capacity("s", 1)],
        "pairs": [Pair("a", "s", 5)],
        **changes,
    }
    with pytest.raises(EngineError) as refused:
        build_instance(**parts)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.subject) == ("bad_instance", subject)
