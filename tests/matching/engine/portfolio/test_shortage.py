"""Why needs are not served: the cut proves it, and priority, money, bans and wishes are told apart."""

from dataclasses import replace

from hypothesis import assume, event, given, settings

from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import BudgetLimit, Capacity, Floor, Instance, NeedEntry, Pair
from matching.engine.portfolio.report import UNMET_CODES, NeedUnmet
from matching.engine.portfolio.results import FEASIBLE, INFEASIBLE, Settings
from matching.engine.portfolio.standing import Standing
from matching.engine.sentences import render
from tests.kit.examples import examples
from tests.matching.engine.portfolio import accounts, exhaustive


def check_cut(instance: Instance, unmet: NeedUnmet, standing: Standing) -> None:
    """Recount the cut: all possible pairs of all these needs go through the capacities, which have too little."""
    number = {entry.id: n for n, entry in enumerate(instance.needs)}
    inside = {n for n, entry in enumerate(instance.capacities) if entry.id in unmet.capacities}
    members = [number[name] for name in (unmet.need, *unmet.competing)]
    amounts = {
        need: [
            {c: amount for c, amount in standing.uses(pair) if c in inside}
            for pair in standing.pairs_of(need)
            if standing.possible[pair]
        ]
        for need in members
    }
    if unmet.supply == 0:
        maxima = {c: instance.capacities[c].maximum for c in inside}
        assert unmet.competing == ()
        assert all(uses[c] > maxima[c] for ways in amounts.values() for uses in ways for c in uses)
        return
    if unmet.sentences[0].code == "shortage.units":
        least = sum(min(sum(uses.values()) for uses in ways) for ways in amounts.values())
        assert (unmet.demand, unmet.supply) == (least, sum(instance.capacities[c].maximum for c in inside))
        return
    assert all(uses for ways in amounts.values() for uses in ways)
    places = sum(instance.capacities[c].maximum // _constant(standing, c) for c in inside)
    assert (unmet.demand, unmet.supply) == (len(members), places)


def _constant(standing: Standing, capacity: int) -> int:
    """Return the one amount in which all possible pairs use a capacity."""
    pairs = [pair for pair in standing.users[capacity] if standing.possible[pair]]
    (amount,) = {dict(standing.uses(pair))[capacity] for pair in pairs}
    return amount


@settings(max_examples=examples(60))
@given(exhaustive.flows(wishes=False), exhaustive.settings_drawn)
def test_every_unmet_need_of_a_flow_is_proved_by_a_cut(instance: Instance, chosen: Settings) -> None:
    plan = exhaustive.best(instance, chosen)
    standing = Standing(instance, plan, chosen)
    for unmet in accounts.report_of(instance, chosen, limit=0).unmet:
        event(unmet.reason)
        if unmet.reason == "no_candidate":
            assert unmet.eligible == 0
            continue
        assert unmet.reason in {"capacity_short", "outranked"}
        assert unmet.proven
        assert unmet.demand == unmet.competing_count + 1 > unmet.supply
        check_cut(instance, unmet, standing)
        classes = [entry.priority_class for entry in instance.needs if entry.id in unmet.competing]
        assert all(name <= unmet.priority_class for name in classes)
        assert (unmet.reason == "outranked") == any(name < unmet.priority_class for name in classes)


@settings(max_examples=examples(60))
@given(exhaustive.mixed() | exhaustive.flows(), exhaustive.settings_drawn)
def test_every_proof_by_figures_holds_whatever_the_instance(instance: Instance, chosen: Settings) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    standing = Standing(instance, plan, chosen)
    report = accounts.report_of(instance, chosen, limit=0)
    served = {entry.need for entry in report.served}
    assert served | {entry.need for entry in report.unmet} == {entry.id for entry in instance.needs}
    for unmet in report.unmet:
        event(unmet.reason)
        assert unmet.need not in served
        assert set(unmet.competing) <= served
        assert unmet.unmet_reason == UNMET_CODES[unmet.reason]
        assert unmet.sentences
        if unmet.proven:
            check_cut(instance, unmet, standing)


def report(instance: Instance, chosen: Settings | None = None) -> tuple[NeedUnmet, ...]:
    return accounts.report_of(instance, chosen or Settings(), limit=0).unmet


def test_full_session_names_the_needs_that_hold_it() -> None:
    pairs = [Pair(name, "course", score, (("course", 1),)) for name, score in (("a", 900), ("b", 800), ("c", 700))]
    instance = build_instance([NeedEntry("a"), NeedEntry("b"), NeedEntry("c")], [Capacity("course", 2)], pairs)
    (unmet,) = report(instance)
    assert (unmet.need, unmet.reason, unmet.unmet_reason) == ("c", "capacity_short", "no_capacity")
    assert (unmet.competing, unmet.capacities, unmet.demand, unmet.supply) == (("a", "b"), ("course",), 3, 2)
    assert render(unmet.sentences[0], "en") == "3 needs can be served by course alone, with room for 2."
    assert render(unmet.sentences[1], "en") == "In competition with: a, b."


def test_cut_follows_those_who_could_move_and_stops_at_those_who_could_not() -> None:
    # c wants the course; a holds it and could go to the seminar, which b holds and can leave for nothing else.
    pairs = [
        Pair("a", "course", 900, (("course", 1),)),
        Pair("a", "seminar", 100, (("seminar", 1),)),
        Pair("b", "seminar", 900, (("seminar", 1),)),
        Pair("c", "course", 10, (("course", 1),)),
        Pair("d", "talk", 10, (("talk", 1),)),
    ]
    needs = [NeedEntry("a"), NeedEntry("b"), NeedEntry("c"), NeedEntry("d")]
    capacities = [Capacity("course", 1), Capacity("seminar", 1), Capacity("talk", 1)]
    (unmet,) = report(build_instance(needs, capacities, pairs))
    # The one it meets itself first.
    assert (unmet.competing, unmet.capacities) == (("a", "b"), ("course", "seminar"))
    assert unmet.capacity_count == 2
    assert (unmet.demand, unmet.supply, unmet.proven) == (3, 2, True)


def test_cut_names_the_load_of_the_provider_and_not_the_sessions_inside() -> None:
    pairs = [
        Pair(name, f"session{number}", 500, ((f"session{number}", 1), ("provider", 1)))
        for name, number in (("a", 1), ("b", 1), ("b", 2), ("c", 2))
    ]
    capacities = [Capacity("provider", 2), Capacity("session1", 1), Capacity("session2", 5)]
    (unmet,) = report(build_instance([NeedEntry("a"), NeedEntry("b"), NeedEntry("c", 5)], capacities, pairs))
    assert (unmet.need, unmet.reason, unmet.capacities) == ("c", "outranked", ("provider",))
    assert unmet.sentences[-1].code == "shortage.outranked"


def test_need_without_pairs_and_need_whose_pairs_are_banned() -> None:
    instance = build_instance([NeedEntry("a"), NeedEntry("b")], [], [Pair("b", "x", 5)], bans=[("b", "x")])
    first, second = report(instance)
    assert (first.reason, first.unmet_reason, first.sentences[0].code) == ("no_candidate", "", "shortage.no_candidate")
    assert (second.reason, second.unmet_reason, second.sentences[0].code) == ("banned", "other", "shortage.banned")


def test_need_that_money_alone_keeps_out() -> None:
    pairs = [Pair(name, "x", score, (), (("total", 60_000),)) for name, score in (("a", 900), ("b", 800))]
    instance = build_instance([NeedEntry("a"), NeedEntry("b")], [], pairs, budgets=[BudgetLimit("total", 100_000)])
    (unmet,) = report(instance)
    assert (unmet.reason, unmet.unmet_reason) == ("budget_short", "no_funding")
    assert (unmet.budgets, unmet.competing) == (("total",), ("a",))
    assert render(unmet.sentences[0], "en") == "x would fit, but the total budget lacks USD 200."
    assert render(unmet.sentences[0], "fr") == "x conviendrait, mais il manque 200 USD (le budget total)."


def test_need_that_a_lock_of_a_later_class_keeps_out() -> None:
    pairs = [Pair("a", "x", 900, (("x", 1),)), Pair("z", "x", 100, (("x", 1),))]
    instance = build_instance([NeedEntry("a", 1), NeedEntry("z", 4)], [Capacity("x", 1)], pairs, locks=[("z", "x")])
    (unmet,) = report(instance)
    assert (unmet.reason, unmet.competing) == ("locked_out", ("z",))
    assert unmet.sentences[-1].code == "shortage.locked"


def test_need_that_a_floor_of_a_later_class_keeps_out() -> None:
    pairs = [Pair("a", "x", 900, (("x", 1),)), Pair("z", "x", 100, (("x", 1),))]
    needs = [NeedEntry("a", 1), NeedEntry("z", 4, frozenset({"ldc"}))]
    instance = build_instance(needs, [Capacity("x", 1)], pairs, floors=[Floor("ldc", 1)])
    (unmet,) = report(instance)
    assert (unmet.need, unmet.reason) == ("a", "locked_out")


def test_unequal_amounts_that_cannot_fit_are_proved_in_units() -> None:
    pairs = [Pair("a", "hall", 900, (("hall", 20),)), Pair("b", "hall", 100, (("hall", 15),))]
    (unmet,) = report(build_instance([NeedEntry("a", 1), NeedEntry("b", 2)], [Capacity("hall", 30)], pairs))
    assert (unmet.reason, unmet.demand, unmet.supply, unmet.proven) == ("outranked", 35, 30, True)
    assert unmet.sentences[0].code == "shortage.units"


def test_unequal_amounts_that_would_fit_by_their_sum_are_told_as_packing() -> None:
    pairs = [
        Pair(name, place, 500, ((place, amount),))
        for name, amount in (("a", 6), ("b", 6), ("c", 7))
        for place in ("hall", "room")
    ]
    needs = [NeedEntry("a"), NeedEntry("b"), NeedEntry("c")]
    (unmet,) = report(build_instance(needs, [Capacity("hall", 10), Capacity("room", 10)], pairs))
    assert (unmet.reason, unmet.demand, unmet.supply, unmet.proven) == ("capacity_short", 19, 20, False)
    assert unmet.sentences[0].code == "shortage.packing"


def test_no_room_at_all_is_said_so() -> None:
    instance = build_instance([NeedEntry("a")], [Capacity("x", 0)], [Pair("a", "x", 1, (("x", 1),))])
    (unmet,) = report(instance)
    assert (unmet.demand, unmet.supply, unmet.competing) == (1, 0, ())
    assert [sentence.code for sentence in unmet.sentences] == ["shortage.none_open"]


def test_plan_that_was_not_proved_says_so_beside_what_stands_in_the_way() -> None:
    pairs = [
        Pair(name, place, 500, ((place, amount),))
        for name, amount in (("a", 6), ("b", 6), ("c", 7))
        for place in ("hall", "room")
    ]
    needs = [NeedEntry("a"), NeedEntry("b"), NeedEntry("c")]
    instance = build_instance(needs, [Capacity("hall", 10), Capacity("room", 10)], pairs)
    plan = replace(exhaustive.best(instance, Settings()), status=FEASIBLE)
    (unmet,) = accounts.report_on(instance, plan, Settings(), limit=0).unmet
    assert (unmet.reason, unmet.proven) == ("capacity_short", False)
    codes = [sentence.code for sentence in unmet.sentences]
    assert codes == ["shortage.full", "shortage.competing", "shortage.not_proven"]


def test_need_that_an_unproved_plan_overlooked_is_not_given_another_reason() -> None:
    instance = build_instance([NeedEntry("a")], [Capacity("x", 1)], [Pair("a", "x", 1, (("x", 1),))])
    plan = replace(exhaustive.figures(instance, ()), status=FEASIBLE)
    (unmet,) = accounts.report_on(instance, plan, Settings(), limit=0).unmet
    assert (unmet.reason, [sentence.code for sentence in unmet.sentences]) == ("not_proven", ["shortage.not_proven"])


def test_cut_proves_even_where_the_plan_is_not_proved() -> None:
    instance = build_instance([NeedEntry("a")], [Capacity("x", 0)], [Pair("a", "x", 1, (("x", 1),))])
    plan = replace(exhaustive.best(instance, Settings()), status=FEASIBLE)
    (unmet,) = accounts.report_on(instance, plan, Settings(), limit=0).unmet
    assert (unmet.reason, unmet.proven) == ("capacity_short", True)
    assert [sentence.code for sentence in unmet.sentences] == ["shortage.none_open"]


def test_many_competing_needs_are_counted_and_the_first_named() -> None:
    names = [f"n{number:02}" for number in range(40)]
    pairs = [Pair(name, "course", 900 - number, (("course", 1),)) for number, name in enumerate(names)]
    instance = build_instance([NeedEntry(name) for name in names], [Capacity("course", 39)], pairs)
    plan = exhaustive.figures(instance, tuple(range(39)))
    (unmet,) = accounts.report_on(instance, plan, Settings(), limit=0).unmet
    assert (unmet.need, unmet.competing_count, len(unmet.competing)) == ("n39", 39, 25)
    assert render(unmet.sentences[1], "en") == "In competition with: n00, n01, n02, n03, n04 and 34 others."


def test_many_short_capacities_are_counted_and_the_first_named() -> None:
    capacities = [Capacity(f"c{number}", 1) for number in range(7)]
    pairs = [Pair(f"n{number}", f"c{place}", 5, ((f"c{place}", 1),)) for number in range(8) for place in range(7)]
    instance = build_instance([NeedEntry(f"n{number}") for number in range(8)], capacities, pairs)
    plan = exhaustive.figures(instance, tuple(number * 7 + number for number in range(7)))
    (unmet,) = accounts.report_on(instance, plan, Settings(worst_served=False), limit=0).unmet
    assert (unmet.need, unmet.demand, unmet.supply, unmet.capacity_count) == ("n7", 8, 7, 7)
    said = render(unmet.sentences[0], "en")
    assert said == "8 needs can be served by c0, c1, c2, c3, c4 and 2 others alone, with room for 7."
