"""Several lines of one request in one delivery, partners kept apart and a lead in the plan of all needs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    CapacitySlot,
    Cost,
    Need,
    NeedLine,
    Offer,
    PlanBudget,
    PlanMark,
    Planned,
    PlannedLine,
    PlanNeed,
    PlanParameters,
    PlanTask,
    keep,
    kept,
    plan_all,
    plan_bytes,
    render,
)
from tests.kit.examples import examples
from tests.matching.engine import world

WINDOW = (world.WINDOW[0], world.WINDOW[1])


def course(name: str = "A", *, free: int = 1, **changes: object) -> Offer:
    """A course for 10 to 30 that its provider can give so many times."""
    window = CapacitySlot(f"C-{name}", *WINDOW, total=free, free=free, unit="parallel_deliveries")
    return world.offer(name, **{"sessions": (), "on_request": True, "capacity": (window,), **changes})


def lines(*sizes: tuple[int, int]) -> tuple[NeedLine, ...]:
    return tuple(world.line(number, minimum=low, maximum=high) for number, (low, high) in enumerate(sizes, start=1))


def planned(need: Need, *offers: Offer, parameters: PlanParameters | None = None) -> Planned:
    task = PlanTask((PlanNeed(need, "REF-1"),), parameters or PlanParameters())
    found = plan_all(
        task, world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, engine_version="test"
    )
    assert found.kept is not None
    assert keep(kept(keep(found.kept))) == keep(found.kept)
    return found.planned


def places(plan: Planned) -> list[str | None]:
    return [line.choice.offer if line.choice else None for line in plan.lines]


def choices(plan: Planned) -> list[PlannedLine]:
    return [line for line in plan.lines if line.choice is not None]


# --- one delivery for several lines -------------------------------------------------------------------------------


def test_lines_too_small_alone_are_served_together_and_share_one_delivery() -> None:
    plan = planned(world.need(*lines((6, 6), (4, 9))), course(free=1))
    first, second = (line.choice for line in plan.lines)
    assert first is not None
    assert second is not None
    assert (first.together, second.together) == ((2,), (1,))
    assert (first.participants, second.participants) == (6, 9)
    assert first.slot.deliveries == second.slot.deliveries == 1
    assert first.units + second.units == 1
    assert (first.cost, second.cost) == (Decimal("4000.00"), Decimal("6000.00"))
    assert sum(entry.contribution for entry in first.breakdown) == first.score
    said = plan.lines[0].sentences[-1]
    assert render(said, "en") == "In one delivery with line 2 of the request; the cost is shared by participants."
    assert render(said, "fr").startswith("En une seule prestation avec la ligne 2 de la demande")


def test_line_that_cannot_be_filled_even_together_stays_open() -> None:
    plan = planned(world.need(*lines((3, 3), (4, 4))), course())
    assert places(plan) == [None, None]


def test_one_delivery_is_paid_once() -> None:
    need = world.need(*lines((10, 12), (10, 12)), budget=Budget())
    limit = PlanParameters(budgets=(PlanBudget(1_000_000),))
    plan = planned(need, course(free=2), parameters=limit)
    assert places(plan) == ["A", "A"]
    assert plan.spent == {"total": 1_000_000}


def test_ceiling_of_the_request_holds_for_the_delivery_as_a_whole() -> None:
    each = Cost(Decimal(0), Decimal(1000), "USD")
    need = world.need(*lines((6, 6), (6, 12)), budget=Budget(Decimal(13_000), "USD", "secured"))
    plan = planned(need, course(cost=each))
    assert [line.choice.participants for line in choices(plan) if line.choice] == [6, 6]
    assert [line.choice.least for line in choices(plan) if line.choice] == [True, True]
    tight = replace(need, budget=Budget(Decimal(11_000), "USD", "secured"))
    assert places(planned(tight, course(cost=each))) == [None, "A"]


def test_lock_of_one_line_brings_the_line_that_it_needs() -> None:
    need = world.need(*lines((6, 6), (6, 12)))
    lock = PlanParameters(locks=(PlanMark("REF-1", 1, "B"),))
    plan = planned(need, course("A"), course("B"), parameters=lock)
    assert places(plan) == ["B", "B"]


def test_line_whose_companion_is_barred_says_with_whom_it_could_be_served() -> None:
    need = world.need(*lines((6, 6), (6, 6)))
    ban = PlanParameters(bans=(PlanMark("REF-1", 2, "A"),))
    plan = planned(need, course("A"), parameters=ban)
    assert places(plan) == [None, None]
    assert plan.lines[0].shortage is not None
    assert plan.lines[0].shortage.reason == "linked"
    assert "only together with REF-1, line 2" in render(plan.lines[0].sentences[0], "en")


Sizes = list[tuple[int, int]]
sizes = st.lists(
    st.tuples(st.integers(1, 12), st.integers(0, 8)).map(lambda pair: (pair[0], sum(pair))), min_size=2, max_size=3
)


@st.composite
def courses(draw: st.DrawFn, name: str) -> Offer:
    smallest = draw(st.integers(8, 14))
    largest = max(12, smallest) + draw(st.integers(0, 15))
    return course(name, free=draw(st.integers(1, 2)), participants_min=smallest, participants_max=largest)


@settings(max_examples=examples(60), deadline=None)
@given(sizes, courses("A"), st.none() | courses("B"))
def test_plan_serves_as_many_lines_as_any_way_of_grouping_them(wanted: Sizes, one: Offer, two: Offer | None) -> None:
    """Counted independently: each line to an offer or to none, and those at an offer grouped into deliveries."""
    offers = [entry for entry in (one, two) if entry is not None]
    plan = planned(world.need(*lines(*wanted), budget=Budget()), *offers)
    assert len(choices(plan)) == most_served(wanted, offers)
    used: Counter[str] = Counter()
    for line in choices(plan):
        assert line.choice is not None
        used[line.choice.capacity] += line.choice.units
        low, high = wanted[line.line - 1]
        assert low <= line.choice.participants <= high
    assert all(used[f"capacity:{slot.code}"] <= slot.free for offer in offers for slot in offer.capacity)


def most_served(wanted: Sizes, offers: Sequence[Offer]) -> int:
    best = 0
    for given_to in product([None, *range(len(offers))], repeat=len(wanted)):
        at = [
            [size for size, chosen in zip(wanted, given_to, strict=True) if chosen == number]
            for number in range(len(offers))
        ]
        if all(possible(members, offer) for members, offer in zip(at, offers, strict=True)):
            best = max(best, sum(chosen is not None for chosen in given_to))
    return best


def possible(members: Sizes, offer: Offer) -> bool:
    free = offer.capacity[0].free
    return any(len(groups) <= free and all(fills(group, offer) for group in groups) for groups in partitions(members))


def fills(group: Sizes, offer: Offer) -> bool:
    least, most = sum(low for low, _ in group), sum(high for _, high in group)
    return least <= offer.participants_max and most >= offer.participants_min


def partitions(members: Sizes) -> Iterator[list[Sizes]]:
    if not members:
        yield []
        return
    first, rest = members[0], members[1:]
    for groups in partitions(rest):
        yield [[first], *groups]
        for number in range(len(groups)):
            yield [*groups[:number], [first, *groups[number]], *groups[number + 1 :]]


# --- partners as a team -------------------------------------------------------------------------------------------

TWO = (world.line(1), world.line(2, theme="recruitment"))
A, B = course("A"), course("B", themes=frozenset({"recruitment"}))


def test_partners_kept_apart_are_not_planned_together_and_the_open_line_says_so() -> None:
    plan = planned(world.need(*TWO, kept_apart=frozenset({("O-A", "P-B")})), A, B)
    [open_line] = [line for line in plan.lines if line.choice is None]
    assert open_line.shortage is not None
    assert open_line.shortage.reason == "ruled_out"
    assert "ne doit pas intervenir avec" in render(open_line.sentences[0], "fr")
    assert plan.capacity_prices == ()
    other = course("C", themes=frozenset({"recruitment"}))
    assert places(planned(world.need(*TWO, kept_apart=frozenset({("P-A", "P-B")})), A, B, other)) == ["A", "C"]


def test_plan_asks_for_somebody_who_leads() -> None:
    silent = replace(A, can_lead=False), replace(B, can_lead=False)
    asked = world.need(*TWO, lead_required=True)
    assert places(planned(asked, *silent)) == [None, None]
    assert {line.shortage.reason for line in planned(asked, *silent).lines if line.shortage} == {"linked"}
    assert places(planned(asked, silent[0], B)) == ["A", "B"]
    assert places(planned(world.need(world.line(), lead_required=True), silent[0])) == [None]


def test_order_of_lines_and_offers_changes_no_byte() -> None:
    need = world.need(*lines((6, 8), (5, 9), (10, 12)), kept_apart=frozenset({("O-A", "O-B")}), lead_required=True)
    offers = [course("A", free=2), course("B", can_lead=False), course("C")]
    first = plan_bytes(planned(need, *offers))
    mixed = replace(need, lines=need.lines[::-1])
    assert plan_bytes(planned(mixed, *offers[::-1])) == first
