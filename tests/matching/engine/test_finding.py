"""Matching turned round says the same as matching."""

from dataclasses import replace

from hypothesis import given

from matching.engine import DEFAULT_POLICY, Need, Offer, finding_of, standings
from tests.matching.engine.world import RATES, TODAY, catalogue, catalogues, line, need, needs, offer, ranking, session


@given(needs(most_lines=2), catalogues())
def test_standing_and_finding_are_those_of_the_ranking(asked: Need, offers: list[Offer]) -> None:
    asked = replace(asked, excluded=frozenset(), kept_apart=frozenset(), visible_to=None)
    whole, found = ranking(asked, *offers), catalogue(*offers)
    places = standings(asked, found, DEFAULT_POLICY, as_of=TODAY, rates=RATES)
    for entry in whole.lines:
        told = finding_of(asked, entry.line, found, DEFAULT_POLICY, as_of=TODAY, rates=RATES)
        if entry.candidates:
            assert (places[entry.line].grade, places[entry.line].score) == (0, entry.candidates[0].score)
            assert told.best is not None
            assert (told.best.offer, told.best.score) == (entry.candidates[0].offer, entry.candidates[0].score)
            assert told.others == tuple(one.offer for one in entry.candidates[1:])
        else:
            assert told.best is None
            assert told.near_misses == entry.near_misses
            assert not entry.near_misses or places[entry.line].grade == entry.near_misses[0].mask.bit_count()


def test_offer_that_is_ruled_out_is_passed_over() -> None:
    one = offer("A", sessions=(session(),), languages=frozenset({"ar"}))
    asked = need(line(), excluded=frozenset({one.provider}))
    assert ranking(asked, one).lines[0].near_misses
    assert not standings(asked, catalogue(one), DEFAULT_POLICY, as_of=TODAY, rates=RATES)
    assert not finding_of(asked, 1, catalogue(one), DEFAULT_POLICY, as_of=TODAY, rates=RATES).near_misses
