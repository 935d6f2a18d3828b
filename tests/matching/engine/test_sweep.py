"""Scoring everything gives each slot that can serve the score it has in the ranking."""

from hypothesis import HealthCheck, given, settings

from matching.engine import DEFAULT_POLICY, Need, Offer
from matching.engine.narrowing import screen_able
from matching.engine.scoring import score_line
from matching.engine.sweep import bytes_of, score_everything
from tests.matching.engine import world


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(world.needs(), world.catalogues(9))
def test_every_slot_that_can_serve_has_the_score_of_the_ranking(need: Need, offers: list[Offer]) -> None:
    catalogue, line = world.catalogue(*offers), need.lines[0]
    everything = score_everything(need, line, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    found = screen_able(need, line, catalogue, DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES)
    scored = score_line(need, line, catalogue, DEFAULT_POLICY, found)
    assert len(everything) == len(catalogue.slots.slots)
    assert everything[scored.found.rows].tolist() == scored.score.tolist()


def test_bytes_counted_grow_with_the_offers_and_leave_out_what_is_not_read() -> None:
    one, two = world.catalogue(world.offer("A")), world.catalogue(world.offer("A"), world.offer("B"))
    assert 0 < bytes_of(one) < bytes_of(two) <= 2 * bytes_of(one)
