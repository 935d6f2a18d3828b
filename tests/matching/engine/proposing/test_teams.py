"""Proposals for requests of several lines: fewest partners, exact, within shared capacity and money."""

from datetime import date
from decimal import Decimal
from itertools import product

from hypothesis import HealthCheck, given, settings

from matching.engine import DEFAULT_POLICY, Budget, Cost, Need, Offer, Policy
from matching.engine.proposing.packing import Task, pack
from matching.engine.ranking import rank
from matching.engine.scoring import Scored, score_line
from matching.engine.screening.slots import screen
from tests.kit.examples import examples
from tests.matching.engine import world
from tests.matching.engine.world import line, need, offer, ranking, session, window

TWO = (line(1), line(2, theme="recruitment"))
BOTH = frozenset({"trafficking", "recruitment"})
OPEN = Budget(None, None, "none")


def test_one_partner_for_all_lines_comes_before_a_better_scored_team() -> None:
    alone = offer(
        "A", themes=BOTH | {"labour", "smuggling"}, level=None, sessions=(session(seats_free=60, seats_total=60),)
    )
    pair = [offer("B", themes=frozenset({"trafficking"})), offer("C", themes=frozenset({"recruitment"}))]
    proposals = ranking(need(*TWO, budget=OPEN), alone, *pair).proposals
    assert proposals[0].providers == ("P-A",)
    team = next(entry for entry in proposals if entry.providers == ("P-B", "P-C"))
    assert team.score > proposals[0].score


def test_same_offer_for_two_lines_is_one_delivery_with_participants_summed() -> None:
    best = ranking(need(*TWO, budget=OPEN), offer(themes=BOTH, sessions=(session(seats_free=60),))).proposals[0]
    assert len(best.parts) == 1
    assert dict(best.parts[0].lines) == {1: 20, 2: 20}
    assert (best.parts[0].slot.deliveries, best.cost) == (1, Decimal(10000))


def test_seats_that_do_not_hold_both_maxima_are_shared_above_the_minima() -> None:
    best = ranking(need(*TWO, budget=OPEN), offer(themes=BOTH)).proposals[0]
    assert dict(best.parts[0].lines) == {1: 20, 2: 10}
    assert "fewer_than_wished" in best.flags


def test_seats_that_do_not_hold_both_minima_leave_a_line_open() -> None:
    result = ranking(need(*TWO, budget=OPEN), offer(themes=BOTH, sessions=(session(seats_free=15, seats_total=15),)))
    assert result.partial
    assert len(result.uncovered) == 1
    assert "partial_cover" in result.proposals[0].flags


def test_more_deliveries_are_planned_where_one_is_too_small() -> None:
    best = ranking(
        need(*TWO, budget=OPEN), offer(themes=BOTH, sessions=(), on_request=True, capacity=(window(),))
    ).proposals[0]
    assert (best.parts[0].slot.seats, best.parts[0].slot.deliveries, best.parts[0].slot.trainer_days) == (40, 2, 4)


def test_capacity_shared_by_two_offers_of_a_provider_is_counted_once() -> None:
    def both(free: int) -> list[Offer]:
        shared = {"provider": "P", "sessions": (), "on_request": True, "capacity": (window("C", free),)}
        return [offer("A", **shared), offer("B", themes=frozenset({"recruitment"}), **shared)]

    assert ranking(need(*TWO, budget=OPEN), *both(4)).proposals[0].complete
    assert not ranking(need(*TWO, budget=OPEN), *both(3)).proposals[0].complete


def test_group_too_small_alone_is_filled_by_another_line() -> None:
    asked = need(line(1, minimum=4, maximum=6), line(2, minimum=4, maximum=6), budget=OPEN)
    best = ranking(asked, offer()).proposals[0]
    assert best.complete
    assert sum(best.parts[0].lines.values()) == 12
    assert ranking(need(line(1, minimum=4, maximum=6), budget=OPEN), offer()).proposals == ()


def test_secured_ceiling_binds_the_sum_of_the_parts() -> None:
    pair = [offer("A"), offer("B", themes=frozenset({"recruitment"}))]
    enough = ranking(need(*TWO, budget=Budget(Decimal(20000), "USD", "secured")), *pair)
    assert enough.proposals[0].complete
    short = ranking(need(*TWO, budget=Budget(Decimal(19999), "USD", "secured")), *pair)
    assert short.partial
    sought = ranking(need(*TWO, budget=Budget(Decimal(19999), "USD", "sought")), *pair)
    assert sought.proposals[0].complete
    assert "over_ceiling" in sought.proposals[0].flags


def test_no_more_partners_than_the_policy_allows() -> None:
    lines = [line(n, theme=theme) for n, theme in enumerate(("trafficking", "recruitment", "smuggling"), start=1)]
    offers = [offer(f"O{n}", themes=frozenset({entry.theme})) for n, entry in enumerate(lines)]
    asked = need(*lines, budget=OPEN)
    assert ranking(asked, *offers).proposals[0].complete
    two = ranking(asked, *offers, policy=Policy(max_partners=2))
    assert len(two.uncovered) == 1
    assert len(two.proposals[0].providers) == 2


def test_lead_goes_to_the_largest_share_that_accepts_it() -> None:
    lines = (line(1, minimum=10, maximum=12), line(2, theme="recruitment", minimum=20, maximum=30))
    small, large = offer("A"), {"themes": frozenset({"recruitment"})}
    assert ranking(need(*lines, budget=OPEN), small, offer("B", **large)).proposals[0].lead == "P-B"
    unwilling = ranking(need(*lines, budget=OPEN), small, offer("B", can_lead=False, **large)).proposals[0]
    assert unwilling.lead == "P-A"


def test_uncovered_lines_count_nothing_in_the_score() -> None:
    whole = ranking(need(line(1), budget=OPEN), offer()).proposals[0].score
    half = ranking(need(*TWO, budget=OPEN), offer()).proposals[0].score
    assert half == whole // 2


def test_line_split_over_two_sessions_where_none_has_room_for_all() -> None:
    """Line 1 takes most of the first session; the minimum of line 2 fits the two together only."""
    asked = need(line(1, minimum=20, maximum=20), line(2, minimum=20, maximum=20), budget=OPEN)
    sessions = (
        session("S1", seats_free=25, seats_total=25),
        session("S2", seats_free=21, seats_total=21, start=date(2027, 6, 7), end=date(2027, 6, 11)),
    )
    best = ranking(asked, offer(sessions=sessions)).proposals[0]
    assert best.complete
    assert {part.slot.code: sum(part.lines.values()) for part in best.parts} == {"S1": 20, "S2": 20}


def test_search_that_runs_out_of_nodes_says_so() -> None:
    offers = [offer(f"O{n}", themes=BOTH) for n in range(6)]
    cut = ranking(need(*TWO, budget=OPEN), *offers, policy=Policy(search_nodes=3))
    assert not cut.proven
    assert ranking(need(*TWO, budget=OPEN), *offers).proven


def exhaustive(asked: Need, offers: list[Offer]) -> tuple[int, int, int] | None:
    """The best by trying every assignment: lines covered, minus partners, weighted score."""
    catalogue = world.catalogue(*offers)
    found = {
        n.number: screen(asked, n, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES) for n in asked.lines
    }
    from matching.engine.screening.narrowing import company

    scored: list[Scored] = [
        score_line(
            asked,
            entry,
            catalogue,
            DEFAULT_POLICY,
            screen(
                asked,
                entry,
                catalogue,
                DEFAULT_POLICY,
                as_of=world.TODAY,
                rates=world.RATES,
                others=company(asked, entry, found, catalogue),
            ),
        )
        for entry in asked.lines
    ]
    task = Task(asked, catalogue, DEFAULT_POLICY, world.RATES, tuple(scored))
    best: tuple[int, int, int] | None = None
    for choice in product(*([None, *entry.by_offer] for entry in scored)):
        assigned = {number: chosen for number, chosen in enumerate(choice) if chosen is not None}
        partners = len({catalogue.offers[chosen].provider for chosen in assigned.values()})
        packing = pack(task, assigned) if assigned and partners <= DEFAULT_POLICY.max_partners else None
        if packing is not None:
            key = (len(assigned), -partners, packing.weighted)
            best = key if best is None else max(best, key)
    return best


@settings(
    max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(world.needs(most_lines=3), world.catalogues(5))
def test_best_proposal_equals_exhaustive_search(asked: Need, offers: list[Offer]) -> None:
    if len(asked.lines) == 1:
        return
    best = exhaustive(asked, offers)
    proposals = rank(asked, world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES).proposals
    if best is None:
        assert proposals == ()
        return
    top = proposals[0]
    assert (len(top.lines), -len(top.providers)) == best[:2]
    whole = sum(entry.maximum for entry in asked.lines)
    assert (
        max(entry.score for entry in proposals if len(entry.lines) == best[0] and -len(entry.providers) == best[1])
        == best[2] // whole
    )


@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(world.needs(most_lines=3), world.catalogues(5))
def test_proposals_come_in_the_order_promised(asked: Need, offers: list[Offer]) -> None:
    keys = [(-len(entry.lines), len(entry.providers), -entry.score) for entry in ranking(asked, *offers).proposals]
    assert keys == sorted(keys)
    assert [entry.rank for entry in ranking(asked, *offers).proposals] == list(range(1, len(keys) + 1))


def test_cost_of_a_part_that_is_not_known_leaves_the_sum_unknown() -> None:
    pair = [offer("A"), offer("B", themes=frozenset({"recruitment"}), cost=None)]
    best = ranking(need(*TWO, budget=OPEN), *pair).proposals[0]
    assert best.cost is None
    assert "cost_unknown" in best.flags
    priced = [offer("A"), offer("B", themes=frozenset({"recruitment"}), cost=Cost(Decimal(1), Decimal(2), "USD"))]
    assert ranking(need(*TWO, budget=OPEN), *priced).proposals[0].cost == Decimal(10041)
