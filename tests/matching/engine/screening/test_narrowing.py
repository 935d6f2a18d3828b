"""Looking only at what the masks let through finds what looking at everything finds."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.engine import DEFAULT_POLICY, Catalogue, Fail, Need, NeedLine, Offer
from matching.engine.bitsets import in_more_than, mask_of, masks_by_code, rows_outside
from matching.engine.catalogue import Ints
from matching.engine.explaining.near_misses import HOPELESS, near_misses
from matching.engine.explaining.relaxation import Setting, popcount
from matching.engine.scoring import Scored, score_line
from matching.engine.screening.constraints import Question
from matching.engine.screening.narrowing import nearly_able, screen_able, slots_of
from matching.engine.screening.slots import Screen, screen
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def everything(need: Need, line: NeedLine, catalogue: Catalogue, others: Ints | None = None) -> Screen:
    return screen(need, line, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, others=others)


def told(scored: Scored, catalogue: Catalogue) -> list[tuple[object, ...]]:
    """Every slot that can serve, best first, with all that was found out about it."""
    columns = [getattr(scored.found, name) for name in Screen.__dataclass_fields__]
    return [
        (
            catalogue.offers[offer].id,
            [column[position].item() for column in columns],
            scored.values.value[position].tolist(),
            scored.values.known[position].tolist(),
            scored.score[position].item(),
        )
        for offer, positions in scored.by_offer.items()
        for position in positions
    ]


@thorough
@given(world.needs(most_lines=2), world.catalogues(9), st.integers(0, 40))
def test_narrowing_finds_the_candidates_that_a_look_at_everything_finds(
    need: Need, offers: list[Offer], company: int
) -> None:
    catalogue = world.catalogue(*offers)
    others = np.full(len(offers), company, dtype=np.int64)
    for line in need.lines:
        whole = everything(need, line, catalogue, others)
        few = screen_able(need, line, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, others=others)
        one = score_line(need, line, catalogue, DEFAULT_POLICY, whole)
        two = score_line(need, line, catalogue, DEFAULT_POLICY, few)
        assert told(one, catalogue) == told(two, catalogue)


@thorough
@given(world.needs(), world.catalogues(9))
def test_narrowing_finds_the_near_misses_that_a_look_at_everything_finds(need: Need, offers: list[Offer]) -> None:
    catalogue, line = world.catalogue(*offers), need.lines[0]
    whole = everything(need, line, catalogue)
    others = np.zeros(len(offers), dtype=np.int64)
    setting = Setting(need, line, catalogue, DEFAULT_POLICY, world.TODAY, world.RATES, others)
    question = Question(need, line, DEFAULT_POLICY, world.TODAY.toordinal())
    nearly = nearly_able(question, catalogue, most=DEFAULT_POLICY.near_miss_constraints, never=HOPELESS)
    few = (popcount(whole.bits) <= DEFAULT_POLICY.near_miss_constraints) & ((whole.bits & np.int64(HOPELESS)) == 0)
    assert set(whole.offer[few].tolist()) <= set(nearly.tolist())
    narrowed = setting.screened(need, line, slots_of(catalogue, nearly))
    assert near_misses(setting, narrowed) == near_misses(setting, whole)


@thorough
@given(world.needs(), world.catalogues(9), st.integers(0, 3))
def test_narrowing_leaves_out_only_offers_of_which_every_slot_fails_more(
    need: Need, offers: list[Offer], most: int
) -> None:
    catalogue, line = world.catalogue(*offers), need.lines[0]
    whole = everything(need, line, catalogue)
    question = Question(need, line, DEFAULT_POLICY, world.TODAY.toordinal())
    kept = nearly_able(question, catalogue, most=most, never=Fail(0)).tolist()
    assert all(popcount(whole.bits[whole.offer == row]).min() > most for row in set(range(len(offers))) - set(kept))


@given(st.lists(st.booleans(), max_size=70))
def test_rows_outside_a_mask_are_those_whose_bit_is_not_set(held: list[bool]) -> None:
    rows = rows_outside(mask_of(np.array(held, dtype=np.bool_)), len(held))
    assert rows.tolist() == [row for row, here in enumerate(held) if not here]


@given(st.lists(st.lists(st.booleans(), min_size=13, max_size=13), max_size=6), st.integers(0, 4))
def test_rows_in_more_masks_than_allowed_are_counted_exactly(masks: list[list[bool]], most: int) -> None:
    packed = [mask_of(np.array(mask, dtype=np.bool_)) for mask in masks]
    free = rows_outside(in_more_than(most, packed, 13), 13)
    assert free.tolist() == [row for row in range(13) if sum(mask[row] for mask in masks) <= most]


@given(st.lists(st.lists(st.booleans(), min_size=11, max_size=11), max_size=5))
def test_masks_by_code_hold_the_rows_that_are_listed_for_each_code(held: list[list[bool]]) -> None:
    rows = [[row for row, here in enumerate(code) if here] for code in held]
    start = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    masks = masks_by_code(start, np.array([row for code in rows for row in code], dtype=np.int64), 11)
    assert [rows_outside(~mask, 11).tolist() for mask in masks] == rows


def test_narrowing_of_an_empty_catalogue_finds_nothing() -> None:
    catalogue, need = world.catalogue(), world.need()
    found = screen_able(need, need.lines[0], catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    assert found.rows.tolist() == []
