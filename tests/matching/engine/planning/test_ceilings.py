"""The secured ceiling of a request holds for all its lines together, in every plan that the engine hands over."""

from dataclasses import replace
from decimal import Decimal
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    Cost,
    Need,
    NeedLine,
    Offer,
    PlanMark,
    PlanNeed,
    PlanParameters,
    PlanTask,
    plan_all,
    render,
)
from tests.kit.examples import examples
from tests.matching.engine import world
from tests.matching.engine.planning.test_together import choices, course, places, planned

THEMES = ("trafficking", "labour", "trafficking")


def offer(name: str, cents: int, *, theme: str = "trafficking", free: int = 1, currency: str = "USD") -> Offer:
    return course(name, free=free, themes=frozenset({theme}), cost=Cost(Decimal(cents) / 100, Decimal(0), currency))


def need(ceiling: int | None, *, lines: int = 2, state: str = "secured", currency: str = "USD") -> Need:
    """A request of lines about one theme after the other, each for a group of its own."""
    found: tuple[NeedLine, ...] = tuple(
        world.line(number, theme=THEMES[number - 1], minimum=10, maximum=30) for number in range(1, lines + 1)
    )
    amount = None if ceiling is None else Decimal(ceiling) / 100
    return world.need(*found, budget=Budget(amount, currency, state))


def market(first: int, second: int) -> tuple[Offer, Offer]:
    return offer("A", first), offer("B", second, theme="labour")


def test_lines_that_cost_too_much_together_are_not_both_served() -> None:
    plan = planned(need(1_000_000), *market(600_000, 500_000))
    assert len(choices(plan)) == 1
    line = next(line for line in plan.lines if line.choice is None)
    assert line.unmet_reason == "no_funding"
    other = next(line for line in plan.lines if line.choice is not None)
    first = line.sentences[0]
    assert first.code == "shortage.ceiling"
    assert render(first, "en") == (
        f"With REF-1, line {other.line} it would cost more than the secured ceiling of the request allows."
    )
    assert render(first, "fr").startswith(f"Avec REF-1, ligne {other.line}, ce besoin coûterait plus")


def test_lines_that_cost_the_ceiling_to_the_cent_are_both_served() -> None:
    assert places(planned(need(1_100_000), *market(600_000, 500_000))) == ["A", "B"]
    assert None in places(planned(need(1_099_999), *market(600_000, 500_000)))


def test_cheaper_offer_is_taken_where_both_lines_fit_by_it() -> None:
    offers = (*market(600_000, 500_000), offer("C", 400_000))
    plan = planned(need(1_000_000), *offers)
    assert places(plan) == ["C", "B"]


def test_funding_that_is_sought_binds_nothing() -> None:
    assert places(planned(need(1_000_000, state="sought"), *market(600_000, 500_000))) == ["A", "B"]
    assert places(planned(need(None), *market(600_000, 500_000))) == ["A", "B"]


def test_cost_that_nobody_knows_uses_nothing() -> None:
    unknown = replace(offer("A", 0), cost=None)
    assert places(planned(need(500_000), unknown, offer("B", 500_000, theme="labour"))) == ["A", "B"]


def test_locks_beyond_the_ceiling_are_a_conflict_that_names_them() -> None:
    locks = PlanParameters(locks=(PlanMark("REF-1", 1, "A"), PlanMark("REF-1", 2, "B")))
    plan = planned(need(1_000_000), *market(600_000, 500_000), parameters=locks)
    assert plan.status == "infeasible"
    assert plan.conflict is not None
    assert {line for line, _ in plan.conflict.locks} == {"REF-1/1", "REF-1/2"}


def test_tolerance_of_the_policy_counts() -> None:
    def served(permille: int) -> int:
        task = PlanTask((PlanNeed(need(1_000_000), "REF-1"),))
        policy = replace(DEFAULT_POLICY, cost_tolerance_permille=permille)
        offers = world.catalogue(*market(600_000, 500_000))
        found = plan_all(task, offers, policy, as_of=world.TODAY, rates=world.RATES, engine_version="test")
        return len(choices(found.planned))

    assert (served(99), served(100)) == (1, 2)


def test_ceilings_in_a_small_currency_are_counted_in_larger_units() -> None:
    """Two trillion cents are more than an instance counts in."""
    big = 2 * 10**12
    offers = (offer("A", big - 1, currency="XOF"), offer("B", big - 1, theme="labour", currency="XOF"))
    assert len(choices(planned(need(big, currency="XOF"), *offers))) == 1


@settings(max_examples=examples(15), deadline=None)
@given(
    prices=st.lists(st.integers(1, 9), min_size=4, max_size=4),
    ceiling=st.integers(1, 24),
)
def test_plan_serves_as_many_lines_as_the_ceiling_allows(prices: list[int], ceiling: int) -> None:
    """Against every assignment: two offers for lines 1 and 3, two for line 2, each given once."""
    names = ("A1", "A2", "B1", "B2")
    themes = (THEMES[0], THEMES[0], THEMES[1], THEMES[1])
    offers = [offer(name, price * 100, theme=theme) for name, price, theme in zip(names, prices, themes, strict=True)]
    wanted = need(ceiling * 100, lines=3)
    plan = planned(wanted, *offers)
    price = dict(zip(names, prices, strict=True))
    spent = {line.choice.offer: line.choice.cost for line in choices(plan) if line.choice and line.choice.cost}
    shared = sum(line.choice.cost for line in choices(plan) if line.choice and line.choice.cost)
    assert shared <= ceiling, spent
    # A delivery for lines 1 and 3 together costs once what it costs alone.
    best = 0
    for one, two, three in product(("", "A1", "A2"), ("", "B1", "B2"), ("", "A1", "A2")):
        if sum(price[name] for name in {one, two, three} - {""}) <= ceiling:
            best = max(best, sum(1 for name in (one, two, three) if name))
    assert len(choices(plan)) == best
