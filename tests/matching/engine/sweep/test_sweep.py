"""Scoring everything gives every slot the score that its criteria sum up to, whether it could serve or not."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.engine import (
    DEFAULT_POLICY,
    DEFAULT_WEIGHTS,
    Budget,
    Catalogue,
    Cost,
    Criterion,
    Need,
    Offer,
    Policy,
)
from matching.engine.scoring import score_line
from matching.engine.scoring.criteria import evaluate
from matching.engine.screening.narrowing import screen_able
from matching.engine.screening.slots import screen
from matching.engine.sweep import bytes_of, score_everything
from matching.engine.sweep.numbering import Numbered
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def swept(need: Need, catalogue: Catalogue, policy: Policy = DEFAULT_POLICY) -> list[int]:
    return score_everything(need, need.lines[0], catalogue, policy, as_of=world.TODAY, rates=world.RATES).tolist()  # type: ignore[no-any-return]


def one_by_one(need: Need, catalogue: Catalogue, policy: Policy = DEFAULT_POLICY) -> list[int]:
    """The same by the criteria of the ranking, slot by slot."""
    line = need.lines[0]
    found = screen(need, line, catalogue, policy, as_of=world.TODAY, rates=world.RATES, able=True)
    return evaluate(need, line, catalogue, policy, found).scores(policy).tolist()  # type: ignore[no-any-return]


@thorough
@given(world.needs(), world.catalogues(9))
def test_every_slot_has_the_score_of_its_criteria(need: Need, offers: list[Offer]) -> None:
    catalogue = world.catalogue(*offers)
    assert swept(need, catalogue) == one_by_one(need, catalogue)


@thorough
@given(st.lists(world.needs(), min_size=2, max_size=2), world.catalogues(9))
def test_what_is_kept_of_a_catalogue_answers_other_needs_and_policies_too(
    needs: list[Need], offers: list[Offer]
) -> None:
    catalogue = world.catalogue(*offers)
    weights = DEFAULT_WEIGHTS | {Criterion.LOAD: 120, Criterion.THEME: 130}  # type: ignore[operator]
    other = Policy(version="other", weights=weights, prior_mean=200, max_deliveries=2, enforce_ceiling=False)
    for need in needs:
        assert swept(need, catalogue) == one_by_one(need, catalogue)
        assert swept(need, catalogue, other) == one_by_one(need, catalogue, other)


@thorough
@given(world.needs(), world.catalogues(9))
def test_every_slot_that_can_serve_has_the_score_of_the_ranking(need: Need, offers: list[Offer]) -> None:
    catalogue, line = world.catalogue(*offers), need.lines[0]
    everything = swept(need, catalogue)
    found = screen_able(need, line, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    scored = score_line(need, line, catalogue, DEFAULT_POLICY, found)
    assert len(everything) == len(catalogue.slots.slots)
    assert [everything[row] for row in scored.found.rows.tolist()] == scored.score.tolist()


def few_prices(count: int) -> list[Offer]:
    """Offers of one price and many rooms, so that every group is priced at every price."""
    return [
        world.offer(f"A{number:03}", participants_min=5, participants_max=12 + number % 4, on_request=True)
        for number in range(count)
    ]


@pytest.mark.parametrize("ceiling", [5_000, 12_000, 25_000, 60_000])
def test_groups_priced_at_every_price_score_like_slots_priced_one_by_one(ceiling: int) -> None:
    cost = Cost(Decimal(4000), Decimal(500), "EUR")
    offers = few_prices(60) + [world.offer(f"B{n}", cost=cost, participants_max=11, on_request=True) for n in range(9)]
    catalogue = world.catalogue(*offers)
    need = world.need(world.line(minimum=6, maximum=40), budget=Budget(Decimal(ceiling), "USD", "secured"))
    assert swept(need, catalogue) == one_by_one(need, catalogue)


def test_more_slots_than_one_block_are_all_scored() -> None:
    sessions = tuple(
        world.session(f"S{number}", start=date(2027, 5, 1 + number % 20), end=date(2027, 5, 21 + number % 9))
        for number in range(600)
    )
    catalogue = world.catalogue(*(world.offer(f"A{number:02}", sessions=sessions) for number in range(30)))
    need = world.need()
    assert swept(need, catalogue) == one_by_one(need, catalogue)


def test_an_empty_catalogue_has_no_scores() -> None:
    assert swept(world.need(), world.catalogue()) == []


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 2)), max_size=30))
def test_rows_have_the_same_number_when_they_are_the_same_in_all_columns(rows: list[tuple[int, int]]) -> None:
    columns = [np.array([row[column] for row in rows], dtype=np.int64) for column in range(2)]
    numbered = Numbered.by(*columns)
    assert len(numbered.one) == len(set(rows))
    assert [rows[numbered.one[number]] for number in numbered.of.tolist()] == rows


def test_bytes_counted_grow_with_the_offers() -> None:
    one, two = world.catalogue(world.offer("A")), world.catalogue(world.offer("A"), world.offer("B"))
    assert bytes_of(two, DEFAULT_POLICY) == 2 * bytes_of(one, DEFAULT_POLICY) > 0
