"""Plans of all open needs, without a database: never more than there is, whatever the order, told as it was solved."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    DEFAULT_WEIGHTS,
    HYPOTHETICAL,
    STAGES,
    CapacitySlot,
    Catalogue,
    Cost,
    EngineError,
    FreeCapacity,
    GroupFloor,
    MarketChanges,
    Need,
    Offer,
    PlanBudget,
    PlanMark,
    Planned,
    PlannedShare,
    PlanNeed,
    PlanParameters,
    PlanTask,
    ProviderLoad,
    UnservedLine,
    choice_from_plain,
    keep,
    kept,
    plain,
    plan_all,
    plan_bytes,
    proposal_of,
    rank,
)
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def entries(needs: Sequence[Need]) -> tuple[PlanNeed, ...]:
    return tuple(
        PlanNeed(replace(need, id=f"N{number}"), f"REF-{number:04d}") for number, need in enumerate(needs, start=1)
    )


def solved(task: PlanTask, catalogue: Catalogue, **listening: Any) -> Planned:
    return plan_all(
        task, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, engine_version="test", **listening
    ).planned


def crowd(count: int) -> tuple[PlanNeed, ...]:
    return entries([world.need(world.line(minimum=10, maximum=25)) for _ in range(count)])


def seats(free: int, name: str = "A") -> Offer:
    session = world.session(f"S-{name}", seats_total=free, seats_free=free, seats_min=1)
    return world.offer(name, sessions=(session,), participants_max=100)


def served(planned: Planned) -> list[str]:
    return [line.reference for line in planned.lines if line.choice is not None]


# --- never more than there is ---------------------------------------------------------------------------------------


@thorough
@given(st.lists(world.needs(), min_size=1, max_size=5), world.catalogues(4))
def test_plan_never_uses_more_than_is_free_and_never_serves_what_is_not_eligible(
    needs: list[Need], offers: list[Offer]
) -> None:
    catalogue = world.catalogue(*offers)
    planned = solved(PlanTask(entries(needs)), catalogue)
    used: Counter[str] = Counter()
    for line in planned.lines:
        choice = line.choice
        if choice is None:
            continue
        used[choice.capacity] += choice.units
        need = next(entry.need for entry in entries(needs) if entry.need.id == line.need)
        ranking = rank(need, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, limit=100)
        scores = {candidate.offer: candidate.score for candidate in ranking.lines[0].candidates}
        assert choice.offer in scores
        assert choice.score <= scores[choice.offer]
        assert sum(entry.contribution for entry in choice.breakdown) == choice.score
        assert choice.participants >= need.lines[0].minimum
    free = {f"session:{slot.code}": slot.seats_free for offer in offers for slot in offer.sessions}
    free |= {f"capacity:{slot.code}": slot.free for offer in offers for slot in offer.capacity}
    assert all(units <= free[name] for name, units in used.items() if name)


@thorough
@given(st.lists(world.needs(), min_size=1, max_size=5), world.catalogues(4), st.randoms(use_true_random=False))
def test_order_of_needs_and_offers_changes_no_byte(
    needs: list[Need], offers: list[Offer], chance: random.Random
) -> None:
    first = solved(PlanTask(entries(needs)), world.catalogue(*offers))
    mixed, others = list(entries(needs)), list(offers)
    chance.shuffle(mixed)
    chance.shuffle(others)
    assert plan_bytes(solved(PlanTask(tuple(mixed)), world.catalogue(*others))) == plan_bytes(first)


@pytest.mark.parametrize("lines", [1, 2])
def test_offer_on_request_before_and_after_what_it_declares_is_one_candidate(lines: int) -> None:
    middle = world.WINDOW[0] + (world.WINDOW[1] - world.WINDOW[0]) / 2
    taken = CapacitySlot("C-1", middle, middle, total=1, free=0)
    offer = world.offer("A", on_request=True, sessions=(), capacity=(taken,), participants_max=100)
    need = world.need(*(world.line(number) for number in range(1, lines + 1)))
    assert served(solved(PlanTask(entries([need])), world.catalogue(offer)))


def test_two_needs_share_a_session_that_is_too_small_for_both_wishes() -> None:
    planned = solved(PlanTask(crowd(2)), world.catalogue(seats(30)))
    people = sorted(line.choice.participants for line in planned.lines if line.choice is not None)
    assert people == [10, 10]
    assert [line.choice.least for line in planned.lines if line.choice is not None] == [True, True]


def test_session_with_room_for_all_gives_everybody_their_wish() -> None:
    planned = solved(PlanTask(crowd(2)), world.catalogue(seats(50)))
    assert [line.choice.participants for line in planned.lines if line.choice is not None] == [25, 25]


def test_more_urgent_class_comes_first() -> None:
    urgent = world.need(
        world.line(minimum=10, maximum=25, country="MLI"), priority_facts=frozenset({"post_conflict", "spin_off"})
    )
    needs = entries([world.need(world.line(minimum=10, maximum=25, country="GHA")), urgent])
    assert served(solved(PlanTask(needs), world.catalogue(seats(12)))) == ["REF-0002"]


# --- what the planner sets ----------------------------------------------------------------------------------------


def test_budget_binds_in_the_currency_of_the_plan() -> None:
    dear = replace(seats(50), cost=Cost(Decimal(10000), Decimal(0), "EUR"))
    task = PlanTask(crowd(2), PlanParameters(budgets=(PlanBudget(1_100_000),)))
    planned = solved(task, world.catalogue(dear))  # 10,000 EUR are 11,000 USD
    assert len(served(planned)) == 1
    assert planned.spent == {"total": 1_100_000}
    assert [line.unmet_reason for line in planned.lines if line.choice is None] == ["no_funding"]


def test_plan_keeps_how_many_of_its_figures_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    task = PlanTask(crowd(2), PlanParameters(budgets=(PlanBudget(1_100_000),)))
    market = world.catalogue(replace(seats(50), cost=Cost(Decimal(10000), Decimal(0), "EUR")))
    whole = solved(task, market)
    assert (whole.resolves > 0, whole.refused) == (True, 0)
    monkeypatch.setattr("matching.engine.planning.plan.LEAST_RESOLVES", 0)
    monkeypatch.setattr("matching.engine.planning.plan.MOST_RESOLVES", 0)
    short = solved(task, market)
    assert (short.resolves, short.refused) == (0, whole.resolves)
    said = next(sentence for sentence in short.sentences if sentence.code == "plan.explained_within_limits")
    assert said.params == {"solved": 0, "more": short.refused}
    stored = plain(short)
    assert isinstance(stored, dict)
    assert stored["refused"] == short.refused


def test_locks_bans_floors_and_loads_are_kept() -> None:
    catalogue = world.catalogue(seats(30, "A"), seats(30, "B"))
    needs = crowd(2)
    lock = PlanMark("REF-0001", 1, "B")
    by_key = {line.key: line for line in solved(PlanTask(needs, PlanParameters(locks=(lock,))), catalogue).lines}
    assert by_key["REF-0001/1"].choice is not None
    assert by_key["REF-0001/1"].choice.offer == "B"
    bans = tuple(PlanMark("REF-0001", 1, offer) for offer in ("A", "B"))
    assert served(solved(PlanTask(needs, PlanParameters(bans=bans)), catalogue)) == ["REF-0002"]
    load = PlanParameters(loads=(ProviderLoad("P-A", 0, 0), ProviderLoad("P-B", 2)))
    found = solved(PlanTask(needs, load), catalogue)
    assert {line.choice.offer for line in found.lines if line.choice is not None} == {"B"}
    assert len(served(found)) == 2


def test_loads_that_cannot_hold_are_named() -> None:
    load = PlanParameters(loads=(ProviderLoad("P-A", 2),))
    planned = solved(PlanTask(crowd(2), load), world.catalogue(seats(12)))
    assert (planned.outcome, planned.lines) == ("no_solution", ())
    assert planned.conflict is not None
    assert planned.conflict.loads == ("P-A",)
    assert planned.conflict.sentences


def test_lock_of_an_offer_that_is_not_there_is_named_before_anything_is_solved() -> None:
    lock = PlanParameters(locks=(PlanMark("REF-0001", 1, "Z"),))
    planned = solved(PlanTask(crowd(1), lock), world.catalogue(seats(30)))
    assert planned.conflict is not None
    assert planned.conflict.locks == (("REF-0001/1", "Z"),)
    assert [sentence.code for sentence in planned.conflict.sentences] == ["plan.lock_not_on_offer"]


@pytest.mark.parametrize(
    "parameters",
    [
        PlanParameters(floors=(GroupFloor("sids", 1),)),
        PlanParameters(locks=(PlanMark("REF-0009", 1, "A"),)),
        PlanParameters(loads=(ProviderLoad("P-A", 9),)),
    ],
)
def test_parameters_that_fit_no_need_are_refused(parameters: PlanParameters) -> None:
    with pytest.raises(EngineError):
        solved(PlanTask(crowd(1), parameters), world.catalogue(seats(30)))


def test_contradicting_locks_and_unknown_groups_are_refused_at_once() -> None:
    with pytest.raises(EngineError):
        PlanParameters(locks=(PlanMark("R", 1, "A"), PlanMark("R", 1, "B")))
    with pytest.raises(EngineError):
        PlanParameters(locks=(PlanMark("R", 1, "A"),), bans=(PlanMark("R", 1, "A"),))
    with pytest.raises(EngineError):
        GroupFloor("friends", 1)
    with pytest.raises(EngineError):
        PlanParameters(budgets=(PlanBudget(1), PlanBudget(2)))


# --- what if --------------------------------------------------------------------------------------------------------


def test_changes_are_those_of_the_question_only() -> None:
    catalogue = world.catalogue(seats(12))
    idea = replace(seats(30, "B"), id=f"{HYPOTHETICAL}B")
    assert len(served(solved(PlanTask(crowd(2)), catalogue))) == 1
    more = MarketChanges(capacities=(FreeCapacity("S-A", 30),))
    assert len(served(solved(PlanTask(crowd(2), changes=more), catalogue))) == 2
    invented = solved(PlanTask(crowd(2), changes=MarketChanges(offers=(idea,))), catalogue)
    assert len(served(invented)) == 2
    weights = dict.fromkeys(DEFAULT_WEIGHTS, 0) | {"theme": 1000}
    other = MarketChanges(weights=weights)  # type: ignore[arg-type]  # codes are criteria
    found = solved(PlanTask(crowd(1), changes=other), catalogue)
    assert found.policy_version != DEFAULT_POLICY.version
    with pytest.raises(EngineError):
        solved(PlanTask(crowd(1), changes=MarketChanges(capacities=(FreeCapacity("S-X", 1),))), catalogue)


@pytest.mark.parametrize("budgets", [(), (PlanBudget(5_000_000),)])
def test_progress_never_says_more_done_than_there_is(budgets: tuple[PlanBudget, ...]) -> None:
    said: list[tuple[int, int, str]] = []
    catalogue = world.catalogue(seats(30), seats(12, "B"))
    solved(PlanTask(crowd(3), PlanParameters(budgets=budgets)), catalogue, progress=lambda *words: said.append(words))
    assert all(0 <= done <= total for done, total, _ in said), said
    assert [stage for _, _, stage in said] == sorted((stage for _, _, stage in said), key=STAGES.index)
    solving = [(done, total) for done, total, stage in said if stage == "solving"]
    assert solving[-1][0] == solving[-1][1] - 1  # the last is under way


# --- kept and told --------------------------------------------------------------------------------------------------


def test_solved_instance_reads_back_as_it_was() -> None:
    task = PlanTask(crowd(3), PlanParameters(budgets=(PlanBudget(5_000_000),)))
    catalogue = world.catalogue(seats(30), seats(12, "B"))
    answer = plan_all(task, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, engine_version="test")
    assert answer.kept is not None
    again = kept(keep(answer.kept))
    assert keep(again) == keep(answer.kept)
    assert (again.solution, again.settings) == (answer.kept.solution, answer.kept.settings)
    with pytest.raises(EngineError):
        kept(b'{"format": 99}')


def test_lines_of_one_request_become_one_proposal_whose_contributions_add_up() -> None:
    lines = (world.line(1, minimum=10, maximum=20), world.line(2, minimum=10, maximum=25, theme="smuggling"))
    needs = (PlanNeed(world.need(*lines), "REF-0001"),)
    offers = (seats(60), replace(seats(60, "B"), themes=frozenset({"smuggling"})))
    planned = solved(PlanTask(needs), world.catalogue(*offers))
    shares = [
        PlannedShare(line.line, lines[line.line - 1].maximum, 30, choice_from_plain(plain(line.choice)))  # type: ignore[arg-type]  # an object
        for line in planned.lines
        if line.choice is not None
    ]
    assert [share.choice for share in shares] == [line.choice for line in planned.lines]
    whole = proposal_of(shares, ())
    assert whole.complete
    assert [dict(part.lines) for part in whole.parts] == [{1: 20}, {2: 25}]
    assert sum(entry.contribution for entry in whole.breakdown) == whole.score
    part = proposal_of(shares[:1], (UnservedLine(2, 25, "smuggling"),))
    assert (part.complete, part.uncovered) == (False, (2,))
    assert part.score == 20 * shares[0].choice.score // 45
    assert sum(entry.contribution for entry in part.breakdown) == part.score


def test_same_offer_at_the_same_slot_is_one_part_with_fewer_deliveries() -> None:
    window = CapacitySlot("W", world.TODAY, world.WINDOW[1], 20, 20)
    offer = world.offer("A", sessions=(), on_request=True, capacity=(window,))
    lines = (world.line(1, minimum=10, maximum=12), world.line(2, minimum=10, maximum=12))
    planned = solved(PlanTask((PlanNeed(world.need(*lines), "REF-0001"),)), world.catalogue(offer))
    choices = [line.choice for line in planned.lines if line.choice is not None]
    shares = [PlannedShare(number, 12, 30, choice) for number, choice in enumerate(choices, start=1)]
    [part] = proposal_of(shares, ()).parts
    assert (sum(part.lines.values()), part.slot.deliveries) == (24, 1)
    assert part.slot.trainer_days == choices[0].slot.trainer_days
