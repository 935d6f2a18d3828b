"""Alternates of served needs: each would fit, and what it changes is what solving again says."""

from hypothesis import assume, given, settings

from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import Capacity, Instance, NeedEntry, Pair
from matching.engine.portfolio.report import Change
from matching.engine.portfolio.resolving import difference, forced, order
from matching.engine.portfolio.results import INFEASIBLE, Settings
from tests.kit.examples import examples
from tests.matching.engine.portfolio import accounts, exhaustive


def check(instance: Instance, chosen: Settings, *, limit: int) -> None:
    plan = exhaustive.best(instance, chosen)
    report = accounts.report_of(instance, chosen, limit=limit)
    assert report.resolves <= limit
    for served in report.served:
        names = [entry.candidate for entry in served.alternates]
        assert len(set(names)) == len(names)
        assert served.candidate not in names
        keys = [order(entry.change) for entry in served.alternates]
        assert keys == sorted(keys)
        for alternate in served.alternates:
            pair = instance.pair_number(served.need, alternate.candidate)
            again = exhaustive.best(forced(instance, pair), chosen)
            assert again.status != INFEASIBLE
            assert accounts.agrees(alternate.change, plan, again, chosen)
            assert not alternate.change.served
            assert alternate.sentence.params["candidate"] == alternate.candidate


@settings(max_examples=examples(80))
@given(exhaustive.flows(), exhaustive.settings_drawn)
def test_alternates_in_a_flow_lose_what_solving_again_says(instance: Instance, chosen: Settings) -> None:
    check(instance, chosen, limit=0)


@settings(max_examples=examples(80))
@given(exhaustive.mixed(), exhaustive.settings_drawn)
def test_alternates_with_unequal_amounts_lose_what_solving_again_says(instance: Instance, chosen: Settings) -> None:
    check(instance, chosen, limit=6)


@settings(max_examples=examples(60))
@given(exhaustive.flows(), exhaustive.settings_drawn)
def test_no_alternate_of_a_flow_is_overlooked(instance: Instance, chosen: Settings) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE)
    report = accounts.report_of(instance, chosen, alternates=9)
    for served in report.served:
        need = next(n for n, entry in enumerate(instance.needs) if entry.id == served.need)
        pairs = range(int(instance.pairs.need_start[need]), int(instance.pairs.need_start[need + 1]))
        listed = {entry.candidate for entry in served.alternates if entry.change.exact}
        for pair in pairs:
            if pair in plan.chosen or pair in instance.banned or need_is_locked(instance, need):
                continue
            again = exhaustive.best(forced(instance, pair), chosen)
            change = difference(plan, again, chosen) if again.status != INFEASIBLE else None
            harmless = change is not None and not change.served and not change.worst_score
            low = instance.pairs.score[pair] < (plan.worst_score or 0)
            if harmless and not (chosen.worst_served and low):
                assert instance.pairs.candidate[pair] in listed


def need_is_locked(instance: Instance, need: int) -> bool:
    return need in {int(instance.pairs.need[pair]) for pair in instance.locked}


def crowded() -> Instance:
    """Two needs want the morning; one of them must take the evening."""
    pairs = [
        Pair("a", "morning", 900, (("morning", 1),)),
        Pair("a", "evening", 700, (("evening", 1),)),
        Pair("b", "morning", 800, (("morning", 1),)),
        Pair("b", "evening", 100, (("evening", 1),)),
        Pair("b", "night", 650, (("night", 1),)),
    ]
    capacities = [Capacity("morning", 1), Capacity("evening", 1), Capacity("night", 1)]
    return build_instance([NeedEntry("a"), NeedEntry("b")], capacities, pairs)


def test_alternate_that_pushes_another_need_aside_costs_the_whole_plan() -> None:
    # Best total: a evening 700 + b morning 800 = 1500, against a morning 900 + b night 650 = 1550.
    report = accounts.report_of(crowded(), Settings(worst_served=False), limit=0)
    a, b = report.served
    assert (a.candidate, b.candidate) == ("morning", "night")
    assert [(entry.candidate, entry.change.total_score) for entry in a.alternates] == [("evening", -50)]
    assert [(entry.candidate, entry.change.total_score) for entry in b.alternates] == [
        ("morning", -50),
        ("evening", -550),
    ]
    assert all(entry.change.exact for served in report.served for entry in served.alternates)
    assert (b.regret, b.best_candidate) == (150, "morning")
    assert [sentence.code for sentence in b.sentences] == ["choice.regret", "choice.best_full"]
    assert report.resolves == 0


def uneven(*, room: int, hall: int) -> Instance:
    """Return two needs of 20 and 15 seats for a room and a hall."""
    pairs = [
        Pair("a", "room", 900, (("room", 20),)),
        Pair("a", "hall", 800, (("hall", 20),)),
        Pair("b", "room", 700, (("room", 15),)),
        Pair("b", "hall", 400, (("hall", 15),)),
    ]
    return build_instance([NeedEntry("a"), NeedEntry("b")], [Capacity("room", room), Capacity("hall", hall)], pairs)


PLAIN = Settings(worst_served=False)


def test_exchange_of_unequal_amounts_is_found_by_solving_again_and_not_without() -> None:
    # The plan: a in the hall, b in the room. Neither can move unless both do, which loses 200.
    without = accounts.report_of(uneven(room=30, hall=30), PLAIN, limit=0)
    assert [served.alternates for served in without.served] == [(), ()]
    again = accounts.report_of(uneven(room=30, hall=30), PLAIN, limit=20)
    assert [[entry.change.total_score for entry in served.alternates] for served in again.served] == [[-200], [-200]]
    assert again.resolves > 0


def test_swap_that_is_not_the_best_answer_is_told_as_a_bound() -> None:
    # With 40 seats in the hall b alone could move there (-300), but then a would rather take the room (-200).
    a, b = accounts.report_of(uneven(room=30, hall=40), PLAIN, limit=0).served
    assert (a.candidate, b.candidate) == ("hall", "room")
    bound = b.alternates[0]
    assert (bound.candidate, bound.change.total_score, bound.change.exact) == ("hall", -300, False)
    assert bound.sentence.code == "alternate.total_bound"
    assert (
        accounts.report_of(uneven(room=30, hall=40), PLAIN, limit=20).served[1].alternates[0].change.total_score == -200
    )


def test_swap_is_exact_without_solving_where_the_multipliers_close_it() -> None:
    pairs = [
        Pair("a", "hall", 800, (("hall", 20),)),
        Pair("a", "home", 750),
        Pair("b", "hall", 700, (("hall", 15),)),
        Pair("c", "hall", 100, (("hall", 40),)),
    ]
    needs = [NeedEntry("a", 1), NeedEntry("b", 1), NeedEntry("c", 2)]
    report = accounts.report_of(build_instance(needs, [Capacity("hall", 36)], pairs), PLAIN, limit=0)
    assert [(entry.candidate, entry.change) for entry in report.served[0].alternates] == [
        ("home", Change(served={}, worst_score=0, total_score=-50, kept=0))
    ]


def test_alternate_below_the_worst_served_need_says_so() -> None:
    pairs = [Pair("a", "x", 900), Pair("a", "y", 100), Pair("b", "x", 500)]
    report = accounts.report_of(build_instance([NeedEntry("a"), NeedEntry("b")], [], pairs), Settings(), limit=0)
    (alternate,) = report.served[0].alternates
    assert (alternate.change.worst_score, alternate.change.exact) == (-400, False)
    assert alternate.sentence.code == "alternate.worst_bound"
