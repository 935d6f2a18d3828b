"""The account of a plan as a whole, with the real solver: the same bytes, everything in two languages."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine.keeping.snapshot import canonical, plain
from matching.engine.portfolio import explain_plan, solve, why_not
from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import BudgetLimit, Capacity, Floor, Instance, NeedEntry, Pair
from matching.engine.portfolio.mixed_integer import Deadline
from matching.engine.portfolio.report import PlanReport
from matching.engine.portfolio.resolving import Resolver
from matching.engine.portfolio.results import FEASIBLE, INFEASIBLE, UNKNOWN, Conflict, Settings, Solution, StageResult
from matching.engine.sentences import PLACEHOLDER, Param, Sentence, render, sentence_from_plain
from matching.engine.sentences.templates import TEMPLATES
from matching.engine.sentences.templates.portfolio import PORTFOLIO
from tests.kit.examples import examples
from tests.matching.engine.portfolio import accounts, exhaustive


def sentences(value: object) -> Iterator[Sentence]:
    """Return every sentence in a report's plain form, read back."""
    if isinstance(value, dict):
        if set(value) == {"code", "params"}:
            yield sentence_from_plain(value)
        else:
            for entry in value.values():
                yield from sentences(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from sentences(entry)


def check_sentences(report: PlanReport) -> set[str]:
    codes = set()
    for sentence in sentences(plain(report)):
        named = {name for name, *_ in PLACEHOLDER.findall(TEMPLATES[sentence.code]["en"])}
        assert named <= set(sentence.params)
        for language in ("en", "fr"):
            assert not re.search(r"[{}|]", render(sentence, language))
        codes.add(sentence.code)
    return codes


@settings(max_examples=examples(60))
@given(exhaustive.mixed() | exhaustive.flows(), exhaustive.settings_drawn)
def test_every_sentence_of_every_report_can_be_written_in_both_languages(instance: Instance, chosen: Settings) -> None:
    assert {"plan.served", "plan.conflict"} & check_sentences(accounts.report_of(instance, chosen, limit=6))


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(exhaustive.flows())
def test_report_with_the_real_solver_is_that_with_the_exhaustive_one(instance: Instance) -> None:
    chosen = Settings()
    plan = solve(instance, chosen)
    best = exhaustive.best(instance, chosen)
    assert (plan.status, plan.total_score, plan.worst_score) == (best.status, best.total_score, best.worst_score)
    real = explain_plan(instance, plan, chosen, limit_resolves=6)
    again = accounts.report_on(instance, plan, chosen, limit=6)
    assert real.capacity_prices == again.capacity_prices
    assert (real.served, real.unmet, real.fairness) == (again.served, again.unmet, again.fairness)


def small(*, backwards: bool = False) -> Instance:
    """Return a small plan with all there is, its input in one order or the other."""
    groups = frozenset({"agency:A", "ldc"}), frozenset({"agency:B"})
    needs = [NeedEntry(f"n{number}", 1 + number % 2, groups[number % 2]) for number in range(6)]
    capacities = [Capacity("hall", 40), Capacity("lab", 30, 10)]
    pairs = [
        Pair(
            need.id,
            place,
            500_000 + 31_000 * ((number * 7 + offset * 5) % 11),
            ((place, 10 + 5 * ((number + offset) % 3)),),
            (("total", 10_000 * (1 + (number + offset) % 4)),),
            previous=number == offset,
            tie=number * 10 + offset,
        )
        for number, need in enumerate(needs)
        for offset, place in enumerate(("hall", "lab"))
    ]
    turn = -1 if backwards else 1
    return build_instance(
        needs[::turn],
        capacities[::turn],
        pairs[::turn],
        budgets=[BudgetLimit("total", 90_000)],
        floors=[Floor("ldc", 1)],
        bans=[("n5", "hall")],
    )


def test_shuffled_input_gives_the_same_bytes() -> None:
    reports = []
    for instance in (small(), small(backwards=True)):
        plan = solve(instance, Settings())
        reports.append(canonical(explain_plan(instance, plan, Settings(), limit_resolves=6)))
    assert reports[0] == reports[1]


def test_report_covers_every_need_within_its_limit_and_tells_its_stages() -> None:
    instance, stages = small(), []
    plan = solve(instance, Settings())
    report = explain_plan(
        instance,
        plan,
        Settings(),
        limit_resolves=5,
        providers={"hall": "P", "lab": "P"},
        progress=lambda name, done: stages.append((done, name)),
    )
    assert stages == list(enumerate(["fairness", "prices", "alternates", "unmet", "greedy"]))
    assert report.resolves <= 5
    assert sorted([*(entry.need for entry in report.served), *(entry.need for entry in report.unmet)]) == [
        f"n{number}" for number in range(6)
    ]
    assert [entry.provider for entry in report.fairness.exposure] == ["P"]
    assert report.greedy is not None
    assert report.budget_prices[0].budget == "total"
    assert check_sentences(report)


def test_what_the_limits_leave_out_is_counted_and_said() -> None:
    instance = small()
    plan = solve(instance, Settings())
    whole, cut = (explain_plan(instance, plan, Settings(), limit_resolves=limit) for limit in (1000, 1))
    assert (whole.refused, cut.resolves) == (0, 1)
    assert cut.refused > 0
    said = {sentence.code: sentence.params for sentence in cut.sentences}
    assert said["plan.explained_within_limits"] == {"solved": 1, "more": cut.refused}
    assert "plan.explained_within_limits" not in {sentence.code for sentence in whole.sentences}


def test_nothing_is_solved_again_after_the_deadline() -> None:
    asked: list[Instance] = []

    def solver(instance: Instance, settings: Settings) -> Solution:
        asked.append(instance)
        return solve(instance, settings)

    resolver = Resolver(solver, 10, Deadline.after(0))
    assert resolver.solve(small(), Settings()) is None
    assert (asked, resolver.count, resolver.refused, resolver.spent) == ([], 0, 1, True)


def test_why_not_asks_the_real_solver() -> None:
    instance = small()
    plan = solve(instance, Settings())
    assert not why_not(instance, plan, Settings(), need="n5", candidate="hall").possible
    other = next(
        instance.pair_name(pair)
        for pair in range(len(instance.pairs))
        if pair not in plan.chosen and pair not in instance.banned
    )
    answer = why_not(instance, plan, Settings(), need=other[0], candidate=other[1])
    assert answer.possible
    assert answer.change is not None
    assert answer.change.exact


def test_plan_that_cannot_be_names_what_cannot_hold_together() -> None:
    pairs = [Pair("a", "x", 1, (("x", 1),)), Pair("b", "x", 1, (("x", 1),))]
    needs = [NeedEntry("a"), NeedEntry("b")]
    instance = build_instance(needs, [Capacity("x", 1)], pairs, locks=[("a", "x"), ("b", "x")])
    plan = solve(instance, Settings())
    assert plan.status == INFEASIBLE
    report = explain_plan(instance, plan, Settings())
    assert [render(sentence, "en") for sentence in report.sentences][1:] == ["Locked: x for a.", "Locked: x for b."]
    assert (report.served, report.unmet, report.resolves) == ((), (), 0)
    floors = Solution((), {}, None, 0, 0, INFEASIBLE, conflict=Conflict(floors=("ldc",), minima=("lab",)))
    told = accounts.report_on(small(), floors, Settings()).sentences
    assert [sentence.code for sentence in told] == ["plan.conflict", "plan.conflict_floor", "plan.conflict_minimum"]
    lost = Solution((), {}, None, 0, 0, UNKNOWN)
    assert [sentence.code for sentence in accounts.report_on(small(), lost, Settings()).sentences] == ["plan.unknown"]


def test_plan_that_ran_out_of_time_tells_its_gap() -> None:
    instance = build_instance([NeedEntry("a")], [], [Pair("a", "x", 5), Pair("a", "y", 9)])
    stage = StageResult("total_score", 5, 9, 4, proven=False, solver="s")
    plan = Solution((0,), {4: 1}, 5, 5, 0, FEASIBLE, (stage,))
    report = accounts.report_on(instance, plan, Settings(), limit=3)
    assert [sentence.code for sentence in report.sentences] == ["plan.served", "plan.gap_total", "plan.worst_so_far"]
    assert not any(entry.change.exact for served in report.served for entry in served.alternates)


def test_greedy_plan_is_compared_by_the_first_objective_that_differs() -> None:
    pairs = [
        Pair("a", "x", 900, (("x", 1),)),
        Pair("a", "y", 800, (("y", 1),)),
        Pair("b", "x", 700, (("x", 1),)),
    ]
    instance = build_instance([NeedEntry("a"), NeedEntry("b")], [Capacity("x", 1), Capacity("y", 1)], pairs)
    report = explain_plan(instance, solve(instance, Settings()), Settings())
    assert report.greedy is not None
    assert (report.greedy.served, report.greedy.total_score, report.greedy.left_by_greedy) == (1, 900, ("b",))
    assert [render(sentence, "en") for sentence in report.greedy.sentences] == [
        "Going through the needs one by one would serve 1 need of class 4 less.",
        "Left out by it: b.",
    ]
    floored = build_instance(
        [NeedEntry("a"), NeedEntry("b", 4, frozenset({"ldc"}))],
        [Capacity("x", 1)],
        pairs[::2],
        floors=[Floor("ldc", 1)],
    )
    report = explain_plan(floored, solve(floored, Settings()), Settings())
    assert report.greedy is not None
    assert not report.greedy.feasible
    assert report.greedy.sentences[0].code == "greedy.infeasible"


@pytest.mark.parametrize("code", sorted(PORTFOLIO))
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_code_can_be_written_for_none_one_and_many(code: str, language: str, count: int) -> None:
    named = {name for name, *_ in PLACEHOLDER.findall(PORTFOLIO[code]["en"])}
    listed = {"capacities", "budgets"}
    params: dict[str, Param] = {name: ("x", "y")[: max(count, 1)] if name in listed else count for name in named}
    if "amount" in params:
        params["amount"] = f"{count}.50 USD"
    text = render(Sentence(code, params), language)
    assert text[-1] in ".:"
    assert not re.search(r"[{}|]|  ", text)
