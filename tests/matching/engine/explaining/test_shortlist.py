"""A shortlist gives in columns, and written out, what the ranking of the line says."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from matching.engine import CRITERIA, DEFAULT_POLICY, Need, Offer, best_candidates
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@thorough
@given(world.needs(), world.catalogues(9))
def test_shortlist_says_what_the_ranking_of_the_line_says(need: Need, offers: list[Offer]) -> None:
    ranked = world.ranking(need, *offers).lines[0].candidates
    found = best_candidates(
        need, need.lines[0], world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES
    )
    assert tuple(found) == tuple(replace(entry, against_next=None, to_first=()) for entry in ranked)
    assert found.offers == tuple(entry.offer for entry in ranked)
    assert found.scores == [entry.score for entry in ranked] == found.contributions.sum(axis=1).tolist()
    for number, entry in enumerate(ranked):
        assert found.values[number].tolist() == [share.value for share in entry.breakdown]
        assert found.known[number].tolist() == [share.known for share in entry.breakdown]
        assert found.contributions[number].tolist() == [share.contribution for share in entry.breakdown]


def test_shortlist_is_read_by_number_and_by_slice_and_ends_at_the_limit() -> None:
    offers = [world.offer(name) for name in "ABC"]
    need = world.need()
    found = best_candidates(
        need, need.lines[0], world.catalogue(*offers), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES, limit=2
    )
    assert (len(found), [entry.rank for entry in found]) == (2, [1, 2])
    assert found[-1] == found[1] == found[1:][0]
    with pytest.raises(IndexError):
        found[2]


def test_shortlist_of_nothing_has_columns_of_no_length() -> None:
    need = world.need()
    found = best_candidates(
        need, need.lines[0], world.catalogue(), DEFAULT_POLICY, as_of=world.TODAY, rates=world.RATES
    )
    assert (len(found), found.offers, found.scores) == (0, (), [])
    assert found.contributions.shape == (0, len(CRITERIA))
