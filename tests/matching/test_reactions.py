"""What proposals do when a need, a session, an offering or a provider changes under them."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from fulfilment import operations as fulfilment
from marketplace.events.models import OutboxEvent
from matching import operations, queries
from matching.models import MatchProposal, MatchRun, ProposalPart
from matching.operations import CounterTerms, reactions
from providers import operations as providers
from providers.models import CapacityHold, Session
from requests_app import operations as requests
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory
from tests.factories.matching import MarketScene, accepted, approved, consulted, later, market, ranked, refused, work
from tests.factories.requests import SYSTEM

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


def change(scene: MarketScene, *, at: datetime = AT, **changes: Any) -> None:
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    requests.change_request(actor=SYSTEM, at=at, request_id=scene.request.pk, content=replace(content, **changes))


def states(scene: MarketScene) -> list[str]:
    return sorted(proposal.state for proposal in scene.proposals())


# --- the need changes ---------------------------------------------------------------------------------------------


def test_edit_that_matters_supersedes_suggestions_and_asks_the_approved_partner_again() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    held = CapacityHold.objects.get(holder=part.public_id)
    change(scene, languages_may=("en",))
    work()
    part.refresh_from_db()
    proposal.refresh_from_db()
    assert (proposal.state, part.state, part.step) == ("approved", "asked", "proposal.reconfirm")
    assert (part.waiting_for, part.due_at) == ("provider", later(7))
    held.refresh_from_db()
    assert held.state == "held"
    assert states(scene) == ["approved", "superseded"]
    assert accepted(scene, part).state == "confirmed"


def test_partner_that_had_accepted_has_to_say_so_again() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    accepted(scene, first)
    change(scene, languages_may=("en",))
    work()
    first.refresh_from_db()
    assert (first.state, first.answered_at, first.answered_by) == ("asked", None, "")
    accepted(scene, first)
    assert accepted(scene, second).state == "confirmed"


def test_partner_that_does_not_reconfirm_lapses() -> None:
    scene = ranked(offerings_per_theme=1)
    [part] = scene.parts(approved(scene))
    change(scene, languages_may=("en",))
    work()
    work(later(8))
    part.refresh_from_db()
    assert part.state == "lapsed"
    assert not LineClaim.objects.filter(released_at=None).exists()


def test_each_question_to_confirm_again_has_days_of_its_own() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    change(scene, languages_may=("en",))
    work()
    change(scene, at=later(6), languages_may=())
    work(later(6))
    part.refresh_from_db()
    assert (part.step, part.due_at) == ("proposal.reconfirm", later(14))
    work(later(8))  # the day of the first question is over
    part.refresh_from_db()
    assert part.state == "asked"
    assert accepted(scene, part, at=later(10)).state == "confirmed"


def test_partner_is_asked_again_once_after_two_changes_in_one_go() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    first, second = scene.parts(approved(scene))
    change(scene, languages_may=("en",))
    change(scene, languages_may=())
    reactions.need_changed(request=scene.request.public_id, at=AT)
    accepted(scene, first)
    work()
    first.refresh_from_db()
    assert (first.state, first.content_version) == ("accepted", 3)
    assert accepted(scene, second).state == "confirmed"
    assert OutboxEvent.objects.filter(type="proposal_part.reconfirmation_asked").count() == 2


def test_partner_whom_the_requester_rules_out_now_is_replaced() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    change(scene, excluded_organizations=(part.provider.organization.code,))
    work()
    part.refresh_from_db()
    assert part.state == "lapsed"
    replacement = ProposalPart.objects.get(replaces=part)
    assert replacement.provider != part.provider


def test_proposal_that_waits_for_its_second_approver_is_given_up_when_the_need_changes() -> None:
    agency = OrganizationFactory.create(roles=["member", "secretariat"])
    scene = ranked(office=agency, requester=OrganizationFactory.create(parent=agency))
    proposal = operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=consulted(scene).pk)
    assert proposal.state == "awaiting_second_approval"
    change(scene, languages_may=("en",))
    work()
    proposal.refresh_from_db()
    assert proposal.state == "released"
    assert [part.state for part in scene.parts(proposal)] == ["withdrawn"]
    assert MatchRun.objects.filter(request_content_version=2, state="complete").exists()


def test_replacement_that_was_only_put_forward_is_looked_for_again() -> None:
    scene = ranked(offerings_per_theme=3)
    [part] = scene.parts(approved(scene))
    refused(scene, part)
    work()
    former = ProposalPart.objects.get(replaces=part)
    change(scene, languages_may=("en",))
    work()
    former.refresh_from_db()
    assert former.state == "superseded"
    assert ProposalPart.objects.get(replaces=part, state="replacement").offering != former.offering


def test_edit_that_does_not_matter_changes_nothing() -> None:
    scene = ranked()
    approved(scene)
    change(scene, title={"en": "Another title"})
    work()
    assert states(scene) == ["approved", "suggested"]


# --- the need goes away -------------------------------------------------------------------------------------------

ENDINGS = {
    "withdrawn": lambda scene: requests.withdraw_request(
        actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_text="No more need"
    ),
    "cancelled": lambda scene: requests.cancel_request(
        actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_code="other"
    ),
}


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_need_that_goes_away_releases_partners_and_supersedes_the_rest(ending: str) -> None:
    scene = ranked()
    proposal = approved(scene)
    ENDINGS[ending](scene)
    work()
    [part] = scene.parts(proposal)
    proposal.refresh_from_db()
    assert (proposal.state, part.state, part.due_at) == ("released", "withdrawn", None)
    assert states(scene) == ["released", "superseded"]
    assert not LineClaim.objects.filter(released_at=None).exists()
    assert Session.objects.get(pk=part.session_id or 0).seats_held == 0
    told = OutboxEvent.objects.filter(type="proposal_part.withdrawn").latest("id")
    assert told.addressees.filter(organization=part.provider.organization).exists()


def test_request_that_opens_again_is_ranked_again() -> None:
    scene = ranked()
    requests.waive_call_for_offers(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    requests.mark_unmet(actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_code="other")
    work()
    assert states(scene) == ["superseded", "superseded"]
    requests.reopen_request(actor=SYSTEM, at=later(30), request_id=scene.request.pk)
    work(later(30))
    assert states(scene) == ["suggested", "suggested", "superseded", "superseded"]


# --- the need is served -------------------------------------------------------------------------------------------


def placed_elsewhere(line: RequestLine, *, delivered: bool = False) -> None:
    """Have a line served without matching, by what began before."""
    claimant = uuid4()
    about: dict[str, Any] = {"actor": SYSTEM, "at": AT, "claimant": claimant}
    requests.claim_lines(claims=[requests.LineShare(line.pk, line.participants_max)], **about)
    requests.start_lines(**about)
    if delivered:
        requests.deliver_lines(**about)


def test_other_suggestions_are_taken_back_when_the_last_line_is_placed_after_delivery_began() -> None:
    scene = market(themes=TWO)
    placed_elsewhere(scene.request.lines.get(number=1))
    work()
    [part] = scene.parts(approved(scene))
    fulfilment.accept_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk)
    work()
    scene.request.refresh_from_db()
    assert scene.request.state == "in_delivery"
    assert states(scene) == ["confirmed", "superseded"]
    assert set(MatchProposal.objects.filter(state="superseded").values_list("ended_reason", flat=True)) == {
        "need_served"
    }


def test_suggestions_are_taken_back_when_what_is_left_of_the_need_was_delivered() -> None:
    scene = market(themes=TWO)
    placed_elsewhere(scene.request.lines.get(number=1), delivered=True)
    work()
    assert set(states(scene)) == {"suggested"}
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    change(scene, lines=tuple(line for line in content.lines if line.number == 1))
    work()
    scene.request.refresh_from_db()
    assert scene.request.state == "fulfilled"
    assert {(row.state, row.ended_reason) for row in scene.proposals()} == {("superseded", "need_served")}


# --- lines are given up -------------------------------------------------------------------------------------------


def give_up(scene: MarketScene, number: int) -> None:
    requests.waive_call_for_offers(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    requests.mark_unmet(actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_code="no_theme", line_numbers=[number])


def test_suggestions_for_a_line_that_was_given_up_are_taken_back_and_the_rest_is_ranked_anew() -> None:
    scene = ranked(themes=TWO)
    old = scene.proposals()
    give_up(scene, 1)
    work()
    for proposal in old:
        proposal.refresh_from_db()
        assert (proposal.state, proposal.ended_reason) == ("superseded", "marked_unmet")
    fresh = [proposal for proposal in scene.proposals() if proposal.state == "suggested"]
    assert fresh
    lines = {share.line.number for proposal in fresh for part in proposal.parts.all() for share in part.lines.all()}
    assert lines == {2}
    assert accepted(scene, scene.parts(approved(scene, fresh[0]))[0]).state == "confirmed"


def test_run_that_may_have_read_a_line_before_it_was_given_up_gives_way_to_another() -> None:
    scene = ranked(themes=TWO)
    under_way = operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
    MatchRun.objects.filter(pk=under_way.pk).update(state="running")
    give_up(scene, 1)
    reactions.lines_unmet(request=scene.request.public_id, at=AT)
    under_way.refresh_from_db()
    assert under_way.state == "cancelled"
    assert MatchRun.objects.filter(request=scene.request, state="queued").exclude(pk=under_way.pk).exists()


# --- the offer goes away ------------------------------------------------------------------------------------------


def cancel_session(part: ProposalPart) -> None:
    providers.cancel_session(actor=SYSTEM, at=AT, session_id=part.session_id or 0, reason_code="other")


def suspend_offering(part: ProposalPart) -> None:
    providers.suspend_offering(actor=SYSTEM, at=AT, offering_id=part.offering_id, reason_code="other")


def suspend_provider(part: ProposalPart) -> None:
    providers.suspend_provider(actor=SYSTEM, at=AT, provider_id=part.provider_id, reason_code="other")


GONE = {
    "session_cancelled": cancel_session,
    "offering_withdrawn": suspend_offering,
    "provider_suspended": suspend_provider,
}


@pytest.mark.parametrize("reason", sorted(GONE))
@pytest.mark.parametrize("answered", [False, True], ids=["asked", "accepted"])
def test_partner_that_falls_out_is_replaced_and_the_others_stand(reason: str, *, answered: bool) -> None:
    scene = ranked(themes=TWO)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    if answered:
        accepted(scene, first)
    GONE[reason](first)
    work()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("lapsed", "asked")
    event = OutboxEvent.objects.filter(type="proposal_part.lapsed").latest("id")
    assert event.data["reason_code"] == reason
    replacement = ProposalPart.objects.get(replaces=first)
    assert replacement.state == "replacement"
    assert replacement.offering != first.offering
    assert CapacityHold.objects.get(holder=first.public_id).state == "released"


@pytest.mark.parametrize("reason", sorted(GONE))
def test_suggestion_that_lost_its_partner_is_superseded_and_the_need_ranked_anew(reason: str) -> None:
    scene = ranked()
    best = scene.best()
    [part] = scene.parts(best)
    GONE[reason](part)
    work()
    best.refresh_from_db()
    assert best.state == "superseded"
    fresh = MatchRun.objects.latest("id")
    assert fresh.state == "complete"
    slots = set(ProposalPart.objects.filter(proposal__run=fresh).values_list("offering_id", "session_id"))
    assert (part.offering_id, part.session_id) not in slots


def test_proposal_that_is_over_is_left_alone_and_nothing_is_ranked() -> None:
    scene = ranked()
    best = scene.best()
    operations.decline_proposal(actor=scene.officer, at=AT, proposal_id=best.pk, reason_code="cost")
    runs = MatchRun.objects.count()
    suspend_offering(scene.parts(best)[0])
    work()
    best.refresh_from_db()
    assert (best.state, MatchRun.objects.count()) == ("declined", runs)


# --- the session is moved -----------------------------------------------------------------------------------------

INSIDE: dict[str, Any] = {"start_on": date(2027, 3, 15), "end_on": date(2027, 3, 17), "city": "Mopti"}
OUTSIDE: dict[str, Any] = {"start_on": date(2027, 9, 1), "end_on": date(2027, 9, 3)}


def move(part: ProposalPart, facts: dict[str, Any], *, at: datetime = AT) -> None:
    providers.change_session(actor=SYSTEM, at=at, session_id=part.session_id or 0, facts=facts)


@pytest.mark.parametrize("answer", ["none", "accepted", "countered"])
def test_partner_whose_session_is_moved_within_the_window_is_asked_again_for_the_new_days(answer: str) -> None:
    scene = ranked(themes=TWO)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    if answer == "accepted":
        accepted(scene, first)
    elif answer == "countered":
        terms = CounterTerms(participants=18)
        operations.counter_part(actor=scene.provider(first.offering), at=AT, part_id=first.pk, terms=terms)
    move(first, INSIDE, at=later(1))
    work(later(1))
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, first.step, first.answered_at, first.due_at) == ("asked", "proposal.reconfirm", None, later(8))
    assert (first.start_on, first.end_on) == (date(2027, 3, 15), date(2027, 3, 17))
    assert first.place == {"country": "MLI", "city": "Mopti"}
    assert not first.counters.filter(closed_at=None).exists()
    assert (second.state, second.step) == ("asked", "proposal.answer")
    event = OutboxEvent.objects.get(type="proposal_part.reconfirmation_asked")
    assert event.data["reason_code"] == "session_moved"
    told = set(event.addressees.values_list("organization", flat=True))
    assert {scene.requester.pk, first.provider.organization_id} <= told
    assert CapacityHold.objects.get(holder=first.public_id).state == "held"
    accepted(scene, second, at=later(1))
    assert accepted(scene, first, at=later(1)).state == "confirmed"
    agreed = queries.agreed_terms(proposal.pk).parts
    assert {(part.start_on, part.city) for part in agreed if part.part_id == first.public_id} == {
        (date(2027, 3, 15), "Mopti")
    }


def test_session_that_is_moved_out_of_the_window_is_lost_like_one_that_was_cancelled() -> None:
    scene = ranked(themes=TWO)
    first, second = scene.parts(approved(scene))
    accepted(scene, first)
    move(first, OUTSIDE)
    work()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("lapsed", "asked")
    event = OutboxEvent.objects.filter(type="proposal_part.lapsed").latest("id")
    assert event.data["reason_code"] == "session_moved"
    assert ProposalPart.objects.get(replaces=first).offering != first.offering
    assert Session.objects.get(pk=first.session_id or 0).seats_held == 0


def test_session_dated_vaguely_touches_the_window_and_one_to_the_day_leaves_it_as_the_policy_allows() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    facts = {"start_on": date(2027, 6, 15), "end_on": date(2027, 7, 14), "precision": "month"}
    move(part, facts)
    work()
    part.refresh_from_db()
    assert (part.state, part.precision, part.end_on) == ("asked", "month", date(2027, 7, 14))
    assert proposal.run is not None
    policy = proposal.run.policy
    policy.settings = {**policy.settings, "window_tolerance_days": 5}
    policy.save()
    move(part, {"start_on": date(2027, 7, 2), "end_on": date(2027, 7, 5), "precision": "day"})
    work()
    part.refresh_from_db()
    assert (part.state, part.end_on) == ("asked", date(2027, 7, 5))
    move(part, {"start_on": date(2027, 7, 3), "end_on": date(2027, 7, 6)})
    work()
    part.refresh_from_db()
    assert part.state == "lapsed"


def test_place_that_partner_and_requester_agreed_on_outlives_a_change_of_the_session() -> None:
    scene = ranked(themes=TWO)
    part, other = scene.parts(approved(scene))
    terms = CounterTerms(place={"country": "MLI", "city": "Gao"})
    operations.counter_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk, terms=terms)
    operations.consent_counter(actor=scene.focal, at=AT, part_id=part.pk, agree=True)
    operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=True)
    move(part, {"city": "Mopti"})
    work()
    part.refresh_from_db()
    assert (part.state, part.place["city"]) == ("accepted", "Gao")
    move(part, INSIDE)
    work()
    part.refresh_from_db()
    assert (part.state, part.start_on, part.place["city"]) == ("asked", date(2027, 3, 15), "Gao")
    accepted(scene, part)
    assert accepted(scene, other).state == "confirmed"


@pytest.mark.parametrize("facts", [INSIDE, OUTSIDE], ids=["inside", "outside"])
def test_suggestion_on_a_session_that_is_moved_is_superseded_and_the_need_ranked_anew(facts: dict[str, Any]) -> None:
    scene = ranked()
    best = scene.best()
    [part] = scene.parts(best)
    move(part, facts)
    work()
    best.refresh_from_db()
    assert (best.state, best.ended_reason) == ("superseded", "session_moved")
    fresh = ProposalPart.objects.filter(proposal__state="suggested", session=part.session)
    expected = [facts["start_on"]] if facts is INSIDE else []
    assert list(fresh.values_list("start_on", flat=True)) == expected


def test_replacement_whose_session_is_moved_gives_way_to_the_next() -> None:
    scene = ranked(offerings_per_theme=3)
    [part] = scene.parts(approved(scene))
    refused(scene, part)
    work()
    former = ProposalPart.objects.get(replaces=part)
    move(former, INSIDE)
    work()
    former.refresh_from_db()
    assert former.state == "superseded"
    assert ProposalPart.objects.get(replaces=part, state="replacement").offering != former.offering


def test_session_that_changes_otherwise_disturbs_nobody() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    proposal.refresh_from_db()
    move(part, {"seats_total": 50, "venue": "Palais de la culture"})
    work()
    part.refresh_from_db()
    assert (part.state, part.step) == ("asked", "proposal.answer")
    assert MatchProposal.objects.get(pk=proposal.pk).version == proposal.version


# --- endorsement --------------------------------------------------------------------------------------------------


def pending(scene: MarketScene) -> Any:
    authority = OrganizationFactory.create(kind="government")
    return requests.request_endorsement(actor=SYSTEM, at=AT, request_id=scene.request.pk, authority=authority.code)


def test_confirmation_waits_for_the_authority_and_follows_its_word() -> None:
    scene = ranked()
    endorsement = pending(scene)
    proposal = approved(scene)
    waiting = accepted(scene, scene.parts(proposal)[0])
    assert (waiting.state, waiting.waiting_for, waiting.step) == ("approved", "authority", "request.endorsement")
    assert waiting.due_at is not None
    requests.record_endorsement(
        actor=SYSTEM,
        at=later(3),
        endorsement_id=endorsement.pk,
        given=True,
        decided_on=date(2026, 11, 24),
        letter_reference="MFA/12",
    )
    work(later(3))
    proposal.refresh_from_db()
    assert proposal.state == "confirmed"
    assert queries.agreed_terms(proposal.pk).parts


def test_refused_endorsement_confirms_nothing() -> None:
    scene = ranked()
    endorsement = pending(scene)
    proposal = approved(scene)
    accepted(scene, scene.parts(proposal)[0])
    requests.record_endorsement(
        actor=SYSTEM,
        at=AT,
        endorsement_id=endorsement.pk,
        given=False,
        decided_on=date(2026, 11, 20),
        letter_reference="MFA/12",
    )
    work()
    assert MatchProposal.objects.get(pk=proposal.pk).state == "approved"
