"""A national authority that refuses, or whose word is over: the secretariat decides, by a day, and may let go."""

from datetime import date, datetime
from typing import Any

import pytest
import time_machine

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.models import MatchProposal
from providers.models import CapacityHold
from requests_app import operations as requests
from requests_app.models import Endorsement, LineClaim, RequestShare
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory
from tests.factories.matching import MarketScene, accepted, approved, later, ranked, refused, work
from tests.factories.requests import SYSTEM
from tests.kit.api import ApiClient
from tests.kit.copies import copied
from tests.matching.test_late_answers import TWO
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def asked(scene: MarketScene, authority: Organization | None = None, *, at: datetime = AT) -> Endorsement:
    code = (authority or OrganizationFactory.create(kind="government")).code
    return requests.request_endorsement(actor=SYSTEM, at=at, request_id=scene.request.pk, authority=code)


def answered(endorsement: Endorsement, *, given: bool, at: datetime = AT, **more: Any) -> None:
    letter: dict[str, Any] = {"decided_on": date(2026, 11, 20), "letter_reference": "MFA/12", **more}
    requests.record_endorsement(actor=SYSTEM, at=at, endorsement_id=endorsement.pk, given=given, **letter)
    work(at)


@copied
def refused_by_authority(**changes: Any) -> tuple[MarketScene, MatchProposal, Endorsement]:
    """All partners have accepted, and the authority has refused."""
    scene = ranked(**changes)
    endorsement = asked(scene)
    proposal = approved(scene)
    for part in scene.parts(proposal):
        accepted(scene, part)
    answered(endorsement, given=False)
    return scene, MatchProposal.objects.get(pk=proposal.pk), endorsement


def open_to(scene: MarketScene, proposal: MatchProposal, actor: Actor | None = None) -> list[str]:
    actor = actor or scene.officer
    return queries.open_actions(queries.proposals_visible_to(actor, at=AT).get(pk=proposal.pk), actor, at=AT)


def test_refusal_leaves_the_secretariat_a_decision_by_a_day() -> None:
    scene, proposal, _ = refused_by_authority()
    assert (proposal.state, proposal.waiting_for, proposal.step) == ("approved", "secretariat", "proposal.decide")
    assert proposal.due_at is not None
    assert OutboxEvent.objects.filter(type="proposal.endorsement_lost", resource_id=proposal.public_id).count() == 1
    assert open_to(scene, proposal) == ["decline"]
    assert open_to(scene, proposal, scene.focal) == []
    work(later(30))
    proposal.refresh_from_db()
    assert proposal.escalated_at is not None
    assert OutboxEvent.objects.filter(type="proposal.overdue", resource_id=proposal.public_id).count() == 1


def test_decline_after_a_refusal_lets_go_of_every_partner() -> None:
    scene, proposal, _ = refused_by_authority(themes=TWO, offerings_per_theme=1)
    done = operations.decline_proposal(
        actor=scene.officer, at=later(1), proposal_id=proposal.pk, reason_code="other", reason_text="Not endorsed"
    )
    assert (done.state, done.waiting_for, done.ended_at, done.ended_reason) == ("declined", "nobody", later(1), "other")
    parts = scene.parts(proposal)
    assert [part.state for part in parts] == ["withdrawn", "withdrawn"]
    assert not LineClaim.objects.filter(released_at=None).exists()
    assert not CapacityHold.objects.filter(state__in=["held", "confirmed"]).exists()
    assert not RequestShare.objects.filter(ended_at=None).exists()
    assert proposal.decisions.latest("id").verb == "decline"
    told = OutboxEvent.objects.filter(type="proposal_part.withdrawn")
    assert {event.resource_id for event in told} == {part.public_id for part in parts}
    records = AuditRecord.objects.filter(action="withdraw", resource="proposal_part")
    assert set(records.values_list("reason_code", flat=True)) == {"other"}
    work(later(1))
    requests.waive_call_for_offers(actor=scene.focal, at=later(1), request_id=scene.request.pk)
    request = requests.mark_unmet(actor=scene.officer, at=later(1), request_id=scene.request.pk, reason_code="no_theme")
    assert request.state == "unmet"


def test_decline_lets_go_of_partners_who_still_owe_their_answer() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    endorsement = asked(scene)
    proposal = approved(scene)
    accepted(scene, scene.parts(proposal)[0])
    answered(endorsement, given=False)
    assert "decline" in open_to(scene, proposal)
    operations.decline_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk, reason_code="other")
    assert [part.state for part in scene.parts(proposal)] == ["withdrawn", "withdrawn"]


def test_partner_who_accepts_after_the_refusal_leaves_the_decision_to_the_secretariat() -> None:
    scene = ranked()
    endorsement = asked(scene)
    proposal = approved(scene)
    answered(endorsement, given=False)
    done = accepted(scene, scene.parts(proposal)[0])
    assert (done.state, done.waiting_for, done.step) == ("approved", "secretariat", "proposal.decide")


def test_what_is_approved_is_not_declined_while_no_endorsement_is_lost() -> None:
    scene = ranked()
    endorsement = asked(scene)
    proposal = approved(scene)
    for _ in range(2):  # while partner and authority are asked; while the authority is
        assert "decline" not in open_to(scene, proposal)
        with refusal(ErrorCode.RULE_BROKEN) as caught:
            operations.decline_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk, reason_code="other")
        assert [error.code for error in caught.value.errors] == ["endorsement_not_lost"]
        part = scene.parts(proposal)[0]
        if part.state == "asked":
            accepted(scene, part)
    assert MatchProposal.objects.get(pk=proposal.pk).step == "request.endorsement"
    answered(endorsement, given=True)
    assert MatchProposal.objects.get(pk=proposal.pk).state == "confirmed"


def test_recused_officer_does_not_decline_after_a_refusal() -> None:
    scene, proposal, _ = refused_by_authority()
    MembershipFactory.create(user=scene.officer.user, organization=scene.parts(proposal)[0].provider.organization)
    again = Actor.for_user(scene.officer.user)  # type: ignore[arg-type]
    assert open_to(scene, proposal, again) == []
    with refusal(ErrorCode.RECUSED):
        operations.decline_proposal(actor=again, at=AT, proposal_id=proposal.pk, reason_code="other")


def test_authority_that_is_asked_again_owes_its_word_again_and_confirms_by_it() -> None:
    scene, proposal, endorsement = refused_by_authority()
    again = asked(scene, endorsement.authority, at=later(1))
    work(later(1))
    proposal.refresh_from_db()
    assert (proposal.waiting_for, proposal.step) == ("authority", "request.endorsement")
    assert proposal.due_at is not None
    assert open_to(scene, proposal) == []
    answered(again, given=True, at=later(2))
    proposal.refresh_from_db()
    assert proposal.state == "confirmed"


def test_endorsement_that_is_over_before_the_last_word_leaves_the_secretariat_a_decision() -> None:
    scene = ranked()
    first, second = asked(scene), asked(scene)
    proposal = approved(scene)
    answered(first, given=True, valid_until=later(2).date())
    assert accepted(scene, scene.parts(proposal)[0]).waiting_for == "authority"
    requests.expire_endorsements(actor=SYSTEM, at=later(3))
    work(later(3))
    proposal.refresh_from_db()
    assert (proposal.state, proposal.waiting_for) == ("approved", "authority")  # the other still owes its word
    answered(second, given=True, at=later(3))
    proposal.refresh_from_db()
    assert (proposal.state, proposal.waiting_for, proposal.step) == ("approved", "secretariat", "proposal.decide")
    assert open_to(scene, proposal) == ["decline"]


def test_lost_partner_of_a_proposal_that_waits_for_the_decision_is_looked_for_first() -> None:
    scene, proposal, _ = refused_by_authority(themes=TWO, offerings_per_theme=1)
    part = scene.parts(proposal)[1]
    CapacityHold.objects.filter(holder=part.public_id).update(expires_at=later(1))
    work(later(1))
    proposal.refresh_from_db()
    assert proposal.step == "proposal.decide"  # no replacement was found
    operations.go_on_without(actor=scene.officer, at=later(1), proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.waiting_for, proposal.step) == ("approved", "secretariat", "proposal.decide")
    assert open_to(scene, proposal) == ["decline"]


def test_refusal_of_a_partner_is_no_refusal_of_the_authority() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    proposal = approved(scene)
    refused(scene, scene.parts(proposal)[0])
    work()
    with refusal(ErrorCode.RULE_BROKEN):
        operations.decline_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk, reason_code="other")


def test_decline_after_a_refusal_over_http() -> None:
    with time_machine.travel(AT, tick=False):
        scene, proposal, _ = refused_by_authority()
        officer = ApiClient.of(scene.officer.user, AT)  # type: ignore[arg-type]
        path = f"/proposals/{proposal.public_id}"
        seen = officer.get(path)
        assert seen.body["allowed_actions"] == ["decline"]
        done = officer.post(f"{path}/decline", {"reason_code": "other"}, if_match=seen.headers["ETag"])
        assert (done.status_code, done.body["state"], done.body["allowed_actions"]) == (200, "declined", [])
