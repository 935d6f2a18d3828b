"""What proposals do when a need, a session, an offering or a provider changes under them."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from marketplace.events.models import OutboxEvent
from matching import operations, queries
from matching.models import MatchProposal, MatchRun, ProposalPart
from providers import operations as providers
from providers.models import CapacityHold, Session
from requests_app import operations as requests
from requests_app.models import LineClaim, TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory
from tests.factories.matching import MarketScene, accepted, approved, consulted, later, ranked, refused, work
from tests.factories.requests import SYSTEM

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


def change(scene: MarketScene, **changes: Any) -> None:
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=replace(content, **changes))


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
