"""What must hold for every need and every catalogue."""

import random
from dataclasses import replace
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.engine import (
    CRITERIA,
    DEFAULT_POLICY,
    SCORE_TOP,
    Need,
    Offer,
    Policy,
    Ranking,
    apply_change,
    apply_offer_change,
    ranking_bytes,
    relax,
)
from matching.engine.scoring.criteria import Values, weights_of
from tests.kit.examples import examples
from tests.matching.engine import world

thorough = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def candidates_of(ranking: Ranking, number: int) -> dict[str, int]:
    return {entry.offer: entry.score for part in ranking.lines if part.line == number for entry in part.candidates}


@thorough
@given(world.needs(most_lines=3), world.catalogues())
def test_contributions_add_up_to_every_score(need: Need, offers: list[Offer]) -> None:
    ranking = world.ranking(need, *offers)
    for line in ranking.lines:
        for candidate in line.candidates:
            assert sum(entry.contribution for entry in candidate.breakdown) == candidate.score <= SCORE_TOP
            assert all(entry.contribution == entry.value * entry.weight for entry in candidate.breakdown)
            assert all(0 <= entry.value <= 1000 for entry in candidate.breakdown)
            assert candidate.evidence == sum(entry.weight for entry in candidate.breakdown if entry.known)
    for proposal in ranking.proposals:
        assert [share.criterion for share in proposal.breakdown] == list(CRITERIA)
        assert sum(share.contribution for share in proposal.breakdown) == proposal.score
        whole = sum(line.maximum for line in need.lines)
        assert proposal.score == sum(need.line(s.line).maximum * s.score for s in proposal.lines) // whole


@thorough
@given(world.needs(), world.catalogues())
def test_proposals_of_a_single_line_are_its_candidates_that_may_carry_it_alone(need: Need, offers: list[Offer]) -> None:
    ranking = world.ranking(need, *offers)
    alone = {o.id for o in offers if need.may_unite(o.parties) and (o.can_lead or not need.lead_required)}
    candidates = [entry for entry in ranking.lines[0].candidates if entry.offer in alone]
    assert [(entry.parts[0].offer, entry.score) for entry in ranking.proposals] == [
        (c.offer, c.score) for c in candidates
    ]
    assert [entry.slot.seats for entry in candidates] == [entry.parts[0].slot.seats for entry in ranking.proposals]


def in_standing(offer: Offer, today: date) -> bool:
    vetted = offer.vetted_until is not None and offer.vetted_until >= today
    return offer.published and offer.bookable and vetted and offer.provider_verified


@thorough
@given(world.needs(most_lines=3), world.catalogues())
def test_hard_constraints_are_never_violated(need: Need, offers: list[Offer]) -> None:
    """Checked one by one in plain Python, from the offer itself."""
    by_id = {offer.id: offer for offer in offers}
    ranking = world.ranking(need, *offers)
    for part in ranking.lines:
        line = need.line(part.line)
        for candidate in part.candidates:
            offer = by_id[candidate.offer]
            parties = offer.organizations | {offer.provider}
            assert not any(parties >= set(pair) for pair in need.kept_apart)
            assert in_standing(offer, world.TODAY)
            assert not need.forms or offer.form in need.forms
            assert not need.modalities or offer.modality in need.modalities
            assert need.place.preference != "online" or offer.modality == "online"
            assert line.audience in offer.audiences or offer.customisable
            assert offer.level in (None, line.level) or line.level is None or offer.customisable
            assert line.language is None or line.language in offer.languages or offer.interpretation or offer.sessions
            assert not parties & need.excluded
            assert not parties & need.conflicts
            assert need.visible_to is None or parties & need.visible_to
            assert candidate.slot.seats >= line.minimum or len(need.lines) > 1
            assert candidate.slot.seats <= line.maximum
            if (
                need.budget.funding_state == "secured"
                and need.budget.ceiling is not None
                and candidate.cost is not None
            ):
                assert candidate.cost <= need.budget.ceiling
            if candidate.slot.kind != "session":
                assert need.window_start <= candidate.slot.start <= candidate.slot.end <= need.window_end
            elif candidate.slot.precision == "exact":
                assert need.window_start <= candidate.slot.start <= candidate.slot.end <= need.window_end
                assert candidate.slot.start > world.TODAY
            else:
                assert candidate.slot.start <= need.window_end
                assert candidate.slot.end >= need.window_start


@thorough
@given(world.needs(most_lines=3), world.catalogues())
def test_proposals_keep_to_seats_capacity_numbers_and_money(need: Need, offers: list[Offer]) -> None:
    by_id = {offer.id: offer for offer in offers}
    for proposal in world.ranking(need, *offers).proposals:
        used: dict[str, int] = {}
        team = [by_id[part.offer] for part in proposal.parts]
        parties = {party for offer in team for party in (offer.provider, *offer.organizations)}
        assert not any(parties >= set(pair) for pair in need.kept_apart)
        assert any(offer.can_lead for offer in team) or not need.lead_required
        for part in proposal.parts:
            offer, total = by_id[part.offer], sum(part.lines.values())
            assert total == part.slot.seats
            if part.slot.kind == "session":
                session = next(entry for entry in offer.sessions if entry.code == part.slot.code)
                assert total <= session.seats_free
            else:
                assert part.slot.deliveries * offer.participants_max >= total
                if part.slot.kind != "open_access":
                    assert total >= part.slot.deliveries * offer.participants_min
            if part.slot.kind == "capacity":
                window = next(entry for entry in offer.capacity if entry.code == part.slot.code)
                each = part.slot.trainer_days // part.slot.deliveries if window.unit == "trainer_days" else 1
                used[window.code] = used.get(window.code, 0) + part.slot.deliveries * each
                assert used[window.code] <= window.free
        for share in proposal.lines:
            line = need.line(share.line)
            assert line.minimum <= share.participants <= line.maximum
            assert share.participants == sum(part.lines.get(share.line, 0) for part in proposal.parts)
        assert proposal.lead in proposal.providers
        assert len(proposal.providers) <= DEFAULT_POLICY.max_partners
        assert {share.line for share in proposal.lines} | set(proposal.uncovered) == {
            line.number for line in need.lines
        }
        if need.budget.funding_state == "secured" and need.budget.ceiling is not None and proposal.cost is not None:
            assert proposal.cost <= need.budget.ceiling


@thorough
@given(world.needs(most_lines=3), world.catalogues(), st.randoms(use_true_random=False))
def test_order_of_the_inputs_changes_no_byte(need: Need, offers: list[Offer], chance: random.Random) -> None:
    shuffled = [
        replace(offer, sessions=tuple(reversed(offer.sessions)), capacity=tuple(reversed(offer.capacity)))
        for offer in offers
    ]
    chance.shuffle(shuffled)
    turned = replace(need, lines=tuple(reversed(need.lines)))
    assert ranking_bytes(world.ranking(need, *offers)) == ranking_bytes(world.ranking(turned, *shuffled))


@thorough
@given(world.needs(), world.catalogues())
def test_near_miss_with_its_changes_applied_becomes_a_candidate(need: Need, offers: list[Offer]) -> None:
    for miss in world.ranking(need, *offers).lines[0].near_misses:
        changed_need, changed = need, {offer.id: offer for offer in offers}
        assert miss.offer not in candidates_of(world.ranking(need, *offers), 1)
        assert changed[miss.offer].published
        for change in miss.changes:
            if change.actor == "requester":
                changed_need = apply_change(changed_need, 1, change)
        for change in miss.changes:
            if change.actor != "requester":
                one = changed[miss.offer]
                changed[miss.offer] = apply_offer_change(one, changed_need, 1, change, as_of=world.TODAY)
        after = candidates_of(world.ranking(changed_need, *changed.values()), 1)
        assert miss.offer in after
        if miss.score_if_changed is not None:
            assert after[miss.offer] == miss.score_if_changed


@thorough
@given(world.needs(), world.catalogues())
def test_relaxation_applied_opens_exactly_what_it_says(need: Need, offers: list[Offer]) -> None:
    conflict = world.ranking(need, *offers).lines[0].conflict
    for entry in conflict.relaxations if conflict else ():
        relaxed = relax(need, 1, entry.mask, world.catalogue(*offers), as_of=world.TODAY)
        after = world.ranking(relaxed, *offers).lines[0]
        assert after.eligible == entry.opens > 0
        assert (after.candidates[0].offer, after.candidates[0].score) == (entry.best_offer, entry.best_score)


@thorough
@given(world.needs(), world.catalogues())
def test_a_smaller_relaxation_than_the_one_named_opens_nothing(need: Need, offers: list[Offer]) -> None:
    conflict = world.ranking(need, *offers).lines[0].conflict
    for entry in conflict.relaxations if conflict else ():
        for bit in range(entry.mask.bit_length()):
            smaller = entry.mask & ~(1 << bit)
            if smaller != entry.mask:
                relaxed = relax(need, 1, smaller, world.catalogue(*offers), as_of=world.TODAY)
                assert world.ranking(relaxed, *offers).lines[0].eligible == 0


@given(
    st.lists(st.integers(0, 999), min_size=len(CRITERIA), max_size=len(CRITERIA)), st.sampled_from(range(len(CRITERIA)))
)
def test_score_rises_with_each_value(row: list[int], raised: int) -> None:
    import numpy as np

    better = [value + (number == raised) for number, value in enumerate(row)]
    values = Values(np.array([row, better], dtype=np.int64), np.ones((2, len(row)), dtype=np.bool_))
    before, after = values.scores(DEFAULT_POLICY).tolist()
    assert after - before == weights_of(DEFAULT_POLICY)[raised] > 0


@thorough
@given(world.needs(), world.catalogues(), st.data())
def test_an_offer_that_gets_better_evaluations_is_never_ranked_lower(
    need: Need, offers: list[Offer], data: st.DataObject
) -> None:
    before = world.ranking(need, *offers).lines[0].candidates
    if not before:
        return
    chosen = data.draw(st.sampled_from([entry.offer for entry in before]))
    better = [
        replace(offer, record=replace(offer.record, mean=1000))
        if offer.id == chosen and offer.record.evaluations
        else offer
        for offer in offers
    ]
    # Only against offers of other forms: those of its own form share its better prior.
    form = next(offer.form for offer in offers if offer.id == chosen)
    same = {offer.id for offer in offers if offer.form == form and offer.id != chosen}
    after = world.ranking(need, *better).lines[0].candidates
    place = next(entry.rank for entry in before if entry.offer == chosen)
    ahead = {entry.offer for entry in before[: place - 1]} | same
    now = next(entry.rank for entry in after if entry.offer == chosen)
    assert {entry.offer for entry in after[: now - 1]} <= ahead


@settings(max_examples=examples(15), deadline=None)
@given(world.needs(), world.catalogues())
def test_policy_version_only_breaks_ties(need: Need, offers: list[Offer]) -> None:
    one = world.ranking(need, *offers, policy=Policy(version="one")).lines[0].candidates
    two = world.ranking(need, *offers, policy=Policy(version="two")).lines[0].candidates
    assert [entry.score for entry in one] == [entry.score for entry in two]
    assert {entry.offer for entry in one} == {entry.offer for entry in two}
