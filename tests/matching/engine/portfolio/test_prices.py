"""What more of a capacity or of a budget brings: as solving again says, best first, and bounds never beaten."""

from dataclasses import replace

from hypothesis import assume, given, settings

from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import BudgetLimit, Capacity, Instance, NeedEntry, Pair
from matching.engine.portfolio.report import Change
from matching.engine.portfolio.resolving import NO_CHANGE, difference, order
from matching.engine.portfolio.results import INFEASIBLE, Settings
from matching.engine.sentences import render
from tests.kit.examples import examples
from tests.matching.engine.portfolio import accounts, exhaustive


def raised(instance: Instance, name: str, units: int) -> Instance:
    capacities = tuple(
        replace(entry, maximum=entry.maximum + units) if entry.id == name else entry for entry in instance.capacities
    )
    return replace(instance, capacities=capacities)


def check(instance: Instance, chosen: Settings, *, limit: int) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    report = accounts.report_of(instance, chosen, limit=limit)
    keys = [order(entry.change) for entry in report.capacity_prices]
    assert keys == sorted(keys)
    for price in report.capacity_prices:
        assert order(price.change) < order(NO_CHANGE)
        again = exhaustive.best(raised(instance, price.capacity, price.units), chosen)
        assert accounts.agrees(price.change, plan, again, chosen)
    for budget in report.budget_prices:
        more = replace(instance.budgets[0], maximum=instance.budgets[0].maximum + budget.raise_cents)
        again = exhaustive.best(replace(instance, budgets=(more,)), chosen)
        assert accounts.agrees(budget.change, plan, again, chosen)
        assert budget.spent_cents <= budget.maximum_cents


@settings(max_examples=examples(80))
@given(exhaustive.flows(), exhaustive.settings_drawn)
def test_prices_in_a_flow_are_those_of_solving_again(instance: Instance, chosen: Settings) -> None:
    check(instance, chosen, limit=4)


@settings(max_examples=examples(80))
@given(exhaustive.mixed(), exhaustive.settings_drawn)
def test_prices_with_unequal_amounts_and_budgets_are_those_of_solving_again(
    instance: Instance, chosen: Settings
) -> None:
    check(instance, chosen, limit=12)


@settings(max_examples=examples(60))
@given(exhaustive.flows(wishes=False))
def test_no_capacity_of_a_flow_that_serves_more_is_overlooked(instance: Instance) -> None:
    chosen = Settings()
    plan = exhaustive.best(instance, chosen)
    prices = {entry.capacity: entry for entry in accounts.report_of(instance, chosen, limit=0).capacity_prices}
    for capacity in instance.capacities:
        units = prices[capacity.id].units if capacity.id in prices else 1
        change = difference(plan, exhaustive.best(raised(instance, capacity.id, units), chosen), chosen)
        if change.served:
            assert prices[capacity.id].change.served == change.served


def course(seats: int) -> Instance:
    """Return three needs for a course of few seats, one of which could go to another course."""
    pairs = [
        Pair("a", "course", 900_000, (("course", 1),)),
        Pair("b", "course", 800_000, (("course", 1),)),
        Pair("b", "other", 500_000, (("other", 1),)),
        Pair("c", "course", 700_000, (("course", 1),)),
    ]
    needs = [NeedEntry("a", 1), NeedEntry("b", 2), NeedEntry("c", 3)]
    return build_instance(needs, [Capacity("course", seats), Capacity("other", 1)], pairs)


def test_seat_that_serves_one_more_need_comes_first_and_is_said() -> None:
    report = accounts.report_of(course(1), Settings(), limit=10)
    (price,) = report.capacity_prices
    assert (price.capacity, price.used, price.maximum, price.units) == ("course", 1, 1, 1)
    assert price.change.served == {3: 1}
    assert price.change.exact
    assert render(price.sentence, "en") == "1 more of course serves 1 more need of class 3."
    assert "1 besoin satisfait de plus en classe 3" in render(price.sentence, "fr")


def test_seat_that_adds_fit_alone_is_exact_without_solving() -> None:
    report = accounts.report_of(course(2), Settings(worst_served=False), limit=0)
    assert [(entry.capacity, entry.change) for entry in report.capacity_prices] == [
        ("course", Change(served={}, worst_score=0, total_score=300_000, kept=0))
    ]
    assert report.resolves == 0


def test_capacity_that_nobody_lacks_has_no_price() -> None:
    assert accounts.report_of(course(3), Settings(), limit=10).capacity_prices == ()


def test_money_that_serves_one_more_need_is_priced_and_solved_again() -> None:
    pairs = [
        Pair("a", "dear", 900_000, (), (("total", 80_000),)),
        Pair("a", "cheap", 400_000, (), (("total", 30_000),)),
        Pair("b", "dear", 600_000, (), (("total", 70_000),)),
    ]
    budget = BudgetLimit("total", 120_000)
    instance = build_instance([NeedEntry("a"), NeedEntry("b")], [], pairs, budgets=[budget])
    (price,) = accounts.report_of(instance, Settings(worst_served=False), limit=8).budget_prices
    assert (price.spent_cents, price.maximum_cents, price.raise_cents) == (100_000, 120_000, 30_000)
    assert price.change == Change(served={}, worst_score=0, total_score=500_000, kept=0)
    # Each further dollar moves a part of need a from cheap to dear: 500,000 points for USD 500.
    assert price.points_per_thousand == 1_000_000
    assert render(price.sentence, "en") == "USD 300 more for the total budget adds 50.0 points of fit."
    bound = accounts.report_of(instance, Settings(worst_served=False), limit=0).budget_prices[0]
    assert not bound.change.exact
    assert bound.sentence.code == "budget.none_bound"
