"""Scores of many lines at once say what the ranking of each line says."""

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    Cost,
    Need,
    Offer,
    SparseScores,
    build_catalogue,
    rank,
    score_matrix,
)
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def matrix(needs: list[Need], offers: list[Offer], top: int | None = None) -> SparseScores:
    return score_matrix(needs, world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, top=top)


def as_lists(found: SparseScores) -> list[object]:
    names = [name for name in SparseScores.__dataclass_fields__ if name != "lines"]
    return [found.lines, *(getattr(found, name).tolist() for name in names)]


@thorough
@given(world.needs(), world.catalogues())
def test_matrix_of_a_single_line_has_the_candidates_of_its_ranking(need: Need, offers: list[Offer]) -> None:
    found = matrix([need], offers)
    catalogue = world.catalogue(*offers)
    ranking = rank(need, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    best: dict[str, tuple[object, ...]] = {}
    for number in range(*found.of_line(0).indices(len(found.offer))):
        entry = (
            int(found.score[number]),
            int(found.seats[number]),
            int(found.deliveries[number]),
            date.fromordinal(int(found.begins[number])),
            date.fromordinal(int(found.ends[number])),
            None if found.cost[number] == -1 else Decimal(int(found.cost[number])) / 100,
            f"{int(found.tie[number]):015x}",
        )
        best.setdefault(catalogue.offers[int(found.offer[number])].id, entry)
    assert list(best.items()) == [
        (c.offer, (c.score, c.slot.seats, c.slot.deliveries, c.slot.start, c.slot.end, c.cost, c.tie_hash))
        for c in ranking.lines[0].candidates
    ]


@thorough
@given(world.needs(most_lines=3), world.catalogues(), st.randoms(use_true_random=False))
def test_matrix_order_of_needs_and_offers_changes_nothing(
    need: Need, offers: list[Offer], chance: random.Random
) -> None:
    needs = [need, replace(need, id="R-2", languages_may=frozenset()), replace(need, id="R-0")]
    shuffled, turned = list(offers), list(needs)
    chance.shuffle(shuffled)
    chance.shuffle(turned)
    assert as_lists(matrix(needs, offers)) == as_lists(matrix(turned, shuffled))


@thorough
@given(world.needs(most_lines=2), world.catalogues(), st.integers(0, 4))
def test_matrix_cut_to_the_best_offers_keeps_the_beginning_of_each_line(
    need: Need, offers: list[Offer], top: int
) -> None:
    whole, cut = matrix([need], offers), matrix([need], offers, top)
    for number in range(len(need.lines)):
        part = cut.of_line(number)
        kept = part.stop - part.start
        begin = whole.of_line(number).start
        assert cut.slot[part].tolist() == whole.slot[begin : begin + kept].tolist()
        assert len(set(cut.offer[part].tolist())) == min(top, len(set(whole.offer[whole.of_line(number)].tolist())))


def test_matrix_counts_seats_of_a_session_and_trainer_days_of_a_window() -> None:
    dated = world.offer("A")
    asked = world.offer("B", sessions=(), capacity=(world.window(),), on_request=True)
    found = matrix([world.need()], [dated, asked])
    catalogue = world.catalogue(dated, asked)
    uses = {catalogue.slots.slots[row].code: use for row, use in zip(found.slot.tolist(), found.uses, strict=True)}
    assert uses == {"S-A": 20, "C": 2}  # 12 hours are two trainer days


def test_matrix_states_the_cost_in_both_currencies() -> None:
    dear = world.offer("A", cost=Cost(Decimal(10000), Decimal(0), "USD"))
    need = world.need(budget=Budget(Decimal(20000), "EUR", "secured"))
    found = score_matrix(
        [need],
        build_catalogue([dear], world.SCHEME, world.PLACES),
        DEFAULT_POLICY,
        as_of=world.TODAY,
        rates=world.RATES,
    )
    assert (found.cost.tolist(), found.policy_cost.tolist()) == ([909091], [1000000])


def test_matrix_of_nothing_is_empty() -> None:
    assert as_lists(matrix([], [])) == [(), [0], *([[]] * 11)]
    assert matrix([world.need()], []).start.tolist() == [0, 0]
