"""Fairness: shares, regret, Jain's index, exposure, and the price of fairness against the plan without it."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.engine.portfolio.account import Wishes, account
from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.fairness import jain
from matching.engine.portfolio.instance import Capacity, Floor, Instance, NeedEntry, Pair
from matching.engine.portfolio.report import MILLION, Exposure
from matching.engine.portfolio.resolving import Resolver
from matching.engine.portfolio.results import INFEASIBLE, Settings
from matching.engine.sentences import render
from tests.kit.examples import examples
from tests.matching.engine.portfolio import accounts, exhaustive


@pytest.mark.parametrize(
    ("values", "index"),
    [
        ([1, 1, 1, 1], MILLION),
        ([4, 0, 0, 0], MILLION // 4),
        ([1, 2, 3], 857_142),
        ([0, 0], None),
        ([5], None),
        ([], None),
    ],
)
def test_jains_index_is_his(values: list[int], index: int | None) -> None:
    assert jain(values) == index


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=8), st.integers(1, 50))
def test_jains_index_lies_between_one_share_and_all_and_knows_no_unit(values: list[int], factor: int) -> None:
    index = jain(values)
    assume(index is not None)
    assert index is not None
    assert MILLION // len(values) <= index <= MILLION
    assert jain([value * factor for value in values]) == index
    assert jain(values[::-1]) == index


@settings(max_examples=examples(60))
@given(exhaustive.mixed() | exhaustive.flows(), exhaustive.settings_drawn)
def test_price_of_fairness_is_that_of_the_plan_without_it(instance: Instance, chosen: Settings) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    report = accounts.report_of(instance, chosen, limit=1).fairness
    plain = exhaustive.best(replace(instance, floors=()), replace(chosen, worst_served=False))
    assert (report.plain_total, report.plain_served) == (plain.total_score, len(plain.chosen))
    assert report.price == plain.total_score - plan.total_score
    if not instance.floors:
        # The same needs by class are served, so the rule for the worst-served can only cost points.
        assert report.price >= 0


@settings(max_examples=examples(60))
@given(exhaustive.mixed(), exhaustive.settings_drawn)
def test_shares_regrets_and_exposure_add_up(instance: Instance, chosen: Settings) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    report = accounts.report_of(instance, chosen, limit=0)
    assert sum(served.regret for served in report.served) == report.fairness.regret_total
    assert all(served.regret == served.best_score - served.score >= 0 for served in report.served)
    served = {entry.need for entry in report.served}
    for group in report.fairness.groups:
        members = [entry.id for entry in instance.needs if group.group in entry.groups]
        assert (group.needs, group.served) == (len(members), len(served & set(members)))
        assert group.share == MILLION * group.served // group.needs
    assert sum(entry.chosen for entry in report.fairness.exposure) == len(plan.chosen)
    offered = sum(entry.eligible for entry in report.served) + sum(entry.eligible for entry in report.unmet)
    assert sum(entry.offered for entry in report.fairness.exposure) == offered


def needs_of_two_agencies() -> Instance:
    a, b = frozenset({"agency:A"}), frozenset({"agency:B", "ldc"})
    pairs = [
        Pair("a1", "x1", 900_000, (("x", 1),)),
        Pair("a2", "x1", 800_000, (("x", 1),)),
        Pair("b1", "x2", 700_000, (("x", 1),)),
        Pair("b2", "x2", 600_000, (("x", 1),)),
    ]
    needs = [NeedEntry("a1", 2, a), NeedEntry("a2", 2, a), NeedEntry("b1", 2, b), NeedEntry("b2", 2, b)]
    return build_instance(needs, [Capacity("x", 2)], pairs, floors=[Floor("agency:B", 1)])


def test_floor_has_its_price_and_evens_the_agencies() -> None:
    instance, chosen = needs_of_two_agencies(), Settings(worst_served=False)
    plan = exhaustive.best(instance, chosen)
    wishes = Wishes(providers={"x1": "P", "x2": "Q"})
    report = account(instance, plan, chosen, greedy=None, resolver=Resolver(exhaustive.best, 1), wishes=wishes).fairness
    assert (report.plain_total, report.price, report.price_share) == (1_700_000, 100_000, 58_823)
    assert (report.jain_agencies, report.jain_providers) == (MILLION, MILLION)
    assert report.exposure == (Exposure("P", 2, 1), Exposure("Q", 2, 1))
    assert [group.group for group in report.groups] == ["agency:A", "agency:B", "ldc"]
    assert render(report.sentences[0], "en").endswith("cost 10.0 points of total fit (5.88 %).")
    assert "coûtent 10,0 points" in render(report.sentences[0], "fr")
    assert render(report.sentences[0], "fr").endswith("(5,88 %).")


def test_price_stays_open_when_nothing_may_be_solved_again() -> None:
    instance = needs_of_two_agencies()
    report = accounts.report_of(instance, Settings(worst_served=False), limit=0).fairness
    assert (report.plain_total, report.price, report.price_share) == (None, None, None)
    assert [sentence.code for sentence in report.sentences] == [
        "fairness.regret",
        "fairness.agencies",
        "fairness.providers",
    ]
