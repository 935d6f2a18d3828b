"""Why not this one? The plan with it, solved again: what changes, for whom, or what stands in the way."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.engine.errors import EngineError
from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import Capacity, Instance, NeedEntry, Pair
from matching.engine.portfolio.report import Move, WhyNot
from matching.engine.portfolio.resolving import difference, forced
from matching.engine.portfolio.results import FEASIBLE, INFEASIBLE, UNKNOWN, Conflict, Settings, Solution
from matching.engine.portfolio.why import answer
from matching.engine.sentences import render
from tests.kit.examples import examples
from tests.matching.engine.portfolio import exhaustive


def asked(instance: Instance, need: str, candidate: str, chosen: Settings | None = None) -> WhyNot:
    chosen = chosen or Settings()
    plan = exhaustive.best(instance, chosen)
    return answer(instance, plan, chosen, need=need, candidate=candidate, solver=exhaustive.best)


@settings(max_examples=examples(60))
@given(exhaustive.mixed() | exhaustive.flows(), exhaustive.settings_drawn, st.data())
def test_answer_is_the_plan_solved_again(instance: Instance, chosen: Settings, data: st.DataObject) -> None:
    plan = exhaustive.best(instance, chosen)
    assume(plan.status != INFEASIBLE and len(instance.pairs) > 0)
    pair = data.draw(st.integers(0, len(instance.pairs) - 1))
    need, candidate = instance.pair_name(pair)
    found = asked(instance, need, candidate, chosen)
    again = exhaustive.best(forced(instance, pair), chosen)
    assert found.chosen == (pair in plan.chosen)
    assert found.possible == (again.status != INFEASIBLE and pair not in instance.banned)
    if not found.possible:
        assert found.reason in {"banned", "conflict"}
        assert found.change is None
        return
    assert found.change == difference(plan, again, chosen)
    assert sum(move.points for move in found.moves) == again.total_score - plan.total_score
    after = dict(instance.pair_name(number) for number in again.chosen)
    assert {move.need: move.after for move in found.moves}.items() <= (
        dict.fromkeys((entry.id for entry in instance.needs), None) | after
    ).items()


def rivals(*, locks: Sequence[tuple[str, str]] = (), bans: Sequence[tuple[str, str]] = ()) -> Instance:
    pairs = [
        Pair("a", "x", 900, (("x", 1),)),
        Pair("b", "x", 800, (("x", 1),)),
        Pair("b", "y", 500, (("y", 1),)),
        Pair("c", "y", 400, (("y", 1),)),
    ]
    needs = [NeedEntry("a", 1), NeedEntry("b", 1), NeedEntry("c", 2)]
    return build_instance(needs, [Capacity("x", 1), Capacity("y", 1)], pairs, locks=locks, bans=bans)


def test_forced_pair_takes_the_place_of_another_need_and_says_whose() -> None:
    found = asked(rivals(), "c", "y")
    assert found.change is not None
    assert found.change.served == {1: -1, 2: 1}
    assert found.moves == (Move("b", "y", None, -500), Move("c", None, "y", 400))
    assert [render(sentence, "en") for sentence in found.sentences] == [
        "y for c leaves 1 need of class 1 unserved.",
        "b loses y and goes unserved.",
        "c is served, by y.",
    ]
    assert render(found.sentences[0], "fr") == "y pour c laisse 1 besoin de classe 1 sans réponse."


def test_chosen_banned_and_locked_pairs_have_their_own_answers() -> None:
    assert asked(rivals(), "a", "x").sentences[0].code == "why_not.chosen"
    banned = asked(rivals(bans=[("b", "x")]), "b", "x")
    assert (banned.possible, banned.reason) == (False, "banned")
    locked = asked(rivals(locks=[("b", "y")]), "b", "x")
    assert (locked.possible, locked.reason, locked.locks) == (False, "conflict", (("b", "y"),))
    assert render(locked.sentences[1], "en") == "Locked: y for b."


def test_conflict_names_the_minimum_that_stands_in_the_way() -> None:
    instance = replace(rivals(), capacities=(Capacity("x", 1), Capacity("y", 1, 1)))
    chosen = Settings()

    def solver(changed: Instance, given_settings: Settings) -> Solution:
        solution = exhaustive.best(changed, given_settings)
        conflict = Conflict(locks=tuple(sorted(changed.locked)), minima=("y",))
        return replace(solution, conflict=conflict) if solution.status == INFEASIBLE else solution

    alone = replace(instance, banned=frozenset({instance.pair_number("c", "y")}))
    plan = exhaustive.best(alone, chosen)
    found = answer(alone, plan, chosen, need="b", candidate="x", solver=solver)
    assert (found.possible, found.reason, found.capacities, found.locks) == (False, "conflict", ("y",), ())
    assert render(found.sentences[1], "fr") == "Charge minimale : au moins 1 pour y."


def test_answer_without_proof_says_so() -> None:
    instance, chosen = rivals(), Settings()
    plan = exhaustive.best(instance, chosen)

    def late(changed: Instance, given_settings: Settings) -> Solution:
        return replace(exhaustive.best(changed, given_settings), status=FEASIBLE)

    def lost(changed: Instance, given_settings: Settings) -> Solution:
        return Solution((), {}, None, 0, 0, UNKNOWN)

    bound = answer(instance, plan, chosen, need="c", candidate="y", solver=late)
    assert bound.change is not None
    assert not bound.change.exact
    assert bound.sentences[1].code == "why_not.bound"
    unknown = answer(instance, plan, chosen, need="c", candidate="y", solver=lost)
    assert (unknown.possible, unknown.reason) == (False, "not_proven")
    worse = replace(exhaustive.figures(instance, (instance.pair_number("a", "x"),)), status=FEASIBLE)
    better = answer(instance, worse, chosen, need="b", candidate="y", solver=exhaustive.best)
    assert better.sentences[0].code == "why_not.better"


def test_pair_that_is_none_is_refused() -> None:
    with pytest.raises(EngineError, match="bad_instance"):
        asked(rivals(), "a", "y")
