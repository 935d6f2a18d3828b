"""Four eyes: where the secretariat's own house is concerned, two different people approve (domain rule 4)."""

from typing import Any

import pytest

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.models import MatchProposal, ProposalPart
from providers.models import CapacityHold
from requests_app.models import LineClaim
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, OrganizationRoleFactory, member
from tests.factories.matching import MarketScene, consulted, later, market, ranked, refused, work
from tests.factories.providers import ProviderFactory
from tests.kit.copies import copied
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


@copied
def own_request(**changes: Any) -> MarketScene:
    """A market in which the requester is a unit of the secretariat's agency."""
    agency = OrganizationFactory.create(roles=["member"])
    office = OrganizationFactory.create(parent=agency, roles=["secretariat"])
    unit = OrganizationFactory.create(parent=agency)
    return ranked(office=office, requester=unit, **changes)


def waiting(scene: MarketScene) -> MatchProposal:
    """A proposal that waits for the second approver."""
    return operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=consulted(scene).pk)


def chair() -> Actor:
    organization = OrganizationFactory.create(roles=["member", "chair"])
    return member(organization, "focal_point")


def test_first_approval_waits_for_a_second_person_and_takes_nothing_yet() -> None:
    scene = own_request()
    assert scene.best().four_eyes
    proposal = waiting(scene)
    assert (proposal.state, proposal.waiting_for, proposal.step) == (
        "awaiting_second_approval",
        "second_approver",
        "proposal.second_approval",
    )
    assert (proposal.approved_at, proposal.approved_by) == (None, "")
    assert [part.state for part in scene.parts(proposal)] == ["suggested"]
    assert not LineClaim.objects.exists()
    assert not CapacityHold.objects.exists()


def test_same_person_cannot_approve_twice_and_another_can() -> None:
    scene = own_request()
    proposal = waiting(scene)
    with refusal(ErrorCode.FOUR_EYES_REQUIRED):
        operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    done = operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk)
    assert (done.state, done.approved_by) == ("approved", scene.second.label)
    assert [row.by for row in done.decisions.filter(verb="approve")] == [scene.officer.user, scene.second.user]


def lent(scene: MarketScene, absent: Actor) -> Actor:
    """A colleague who stands in for an officer today."""
    person = MembershipFactory.create(organization=scene.office, role="viewer").user
    assert absent.user is not None
    absent.user.memberships.update(delegate=person, delegated_from=AT.date(), delegated_to=AT.date())
    return Actor.for_user(person)


def test_delegate_is_no_second_pair_of_eyes_for_the_one_they_stand_in_for() -> None:
    scene = own_request()
    proposal = waiting(scene)
    with refusal(ErrorCode.FOUR_EYES_REQUIRED):
        operations.approve_proposal(actor=lent(scene, scene.officer), at=AT, proposal_id=proposal.pk)


def test_absent_is_no_second_pair_of_eyes_for_their_delegate_and_another_delegate_is() -> None:
    scene = own_request()
    proposal = consulted(scene)
    first = operations.approve_proposal(actor=lent(scene, scene.second), at=AT, proposal_id=proposal.pk)
    decision = first.decisions.get(verb="approve")
    assert decision.on_behalf_of == scene.second.user
    with refusal(ErrorCode.FOUR_EYES_REQUIRED):
        operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk)
    done = operations.approve_proposal(actor=lent(scene, scene.officer), at=AT, proposal_id=proposal.pk)
    assert done.state == "approved"


def told(proposal: MatchProposal, actor: Actor) -> list[str]:
    """What the API names to somebody as open."""
    found = queries.proposals_visible_to(actor, at=AT).get(pk=proposal.pk)
    return queries.open_actions(found, actor, at=AT)


def test_second_approval_is_named_to_nobody_who_counts_as_the_first() -> None:
    scene = own_request()
    proposal = waiting(scene)
    stand_in = lent(scene, scene.officer)
    absent, another = Actor.for_user(scene.officer.user), lent(scene, scene.second)  # type: ignore[arg-type]
    for actor, may in ((stand_in, False), (absent, False), (another, True), (scene.second, True), (scene.head, True)):
        assert ("approve" in told(proposal, actor)) is may
        assert {"decline", "retract"} <= set(told(proposal, actor))


def test_second_approval_is_not_named_to_the_absent_for_whom_the_first_was_given() -> None:
    scene = own_request()
    proposal = consulted(scene)
    stand_in = lent(scene, scene.second)
    operations.approve_proposal(actor=stand_in, at=AT, proposal_id=proposal.pk)
    for actor, may in ((stand_in, False), (Actor.for_user(scene.second.user), False), (scene.officer, True)):  # type: ignore[arg-type]
        assert ("approve" in told(proposal, actor)) is may


def replacement_approved_once() -> tuple[MarketScene, ProposalPart]:
    """A partner of the secretariat's own request is lost, and who follows has the first of two approvals."""
    scene = own_request()
    proposal = waiting(scene)
    operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk)
    refused(scene, scene.parts(proposal)[0])
    work()
    part = scene.parts(proposal)[1]
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=part.pk)
    return scene, part


def test_second_approval_of_a_replacement_is_named_to_nobody_who_counts_as_the_first() -> None:
    scene, part = replacement_approved_once()
    for actor, may in ((lent(scene, scene.officer), False), (scene.officer, False), (scene.second, True)):
        found = queries.parts_visible_to(actor, at=AT).get(pk=part.pk)
        assert ("approve" in queries.open_part_actions(found, actor, at=AT)) is may


def test_focal_point_of_the_chair_may_be_the_second_approver_and_nothing_else() -> None:
    scene = own_request()
    speaker = chair()
    assert not queries.proposals_visible_to(speaker, at=AT).exists()
    proposal = consulted(scene)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.approve_proposal(actor=speaker, at=AT, proposal_id=proposal.pk)
    operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    [seen] = queries.proposals_visible_to(speaker, at=AT)
    assert queries.sees_scores(seen)
    assert queries.open_actions(seen, speaker, at=AT) == ["approve"]
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.decline_proposal(actor=speaker, at=AT, proposal_id=proposal.pk, reason_code="cost")
    done = operations.approve_proposal(actor=speaker, at=AT, proposal_id=proposal.pk)
    assert (done.state, done.approved_by) == ("approved", speaker.label)
    assert [row.pk for row in queries.proposals_visible_to(speaker, at=AT)] == [proposal.pk]


def test_focal_point_of_any_other_agency_is_no_second_approver() -> None:
    scene = own_request()
    proposal = waiting(scene)
    stranger = member(OrganizationFactory.create(roles=["member"]), "focal_point")
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.approve_proposal(actor=stranger, at=AT, proposal_id=proposal.pk)
    assert not queries.proposals_visible_to(stranger, at=AT).exists()


def test_chair_with_a_membership_in_a_partner_is_recused() -> None:
    scene = own_request()
    speaker = chair()
    proposal = waiting(scene)
    partner = scene.parts(proposal)[0].provider.organization
    MembershipFactory.create(user=speaker.user, organization=partner, role="viewer")
    again = Actor.for_user(speaker.user)  # type: ignore[arg-type]
    with refusal(ErrorCode.RECUSED):
        operations.approve_proposal(actor=again, at=AT, proposal_id=proposal.pk)


def test_second_approval_that_does_not_come_gives_the_proposal_back_to_the_shortlist() -> None:
    scene = own_request()
    proposal = waiting(scene)
    work(later(6))
    proposal.refresh_from_db()
    assert (proposal.state, proposal.waiting_for) == ("shortlisted", "secretariat")
    step: dict[str, Any] = {"at": later(6), "proposal_id": proposal.pk}
    operations.consult_proposal(actor=scene.officer, **step)
    operations.prefer_proposal(actor=scene.focal, **step)
    first = operations.approve_proposal(actor=scene.second, **step)  # the earlier approval counts no longer
    assert first.state == "awaiting_second_approval"
    assert operations.approve_proposal(actor=scene.officer, **step).state == "approved"


def test_first_approval_may_be_taken_back() -> None:
    scene = own_request()
    proposal = waiting(scene)
    assert operations.retract_approval(actor=scene.second, at=AT, proposal_id=proposal.pk).state == "shortlisted"


def related(kind: str, office: Organization) -> dict[str, Any]:
    """Facts of a request that bring the secretariat's own house into play, without being the requester."""
    if kind == "funder":
        return {"funder": office.code}
    return {"co_requesters": (office.code,)}


@pytest.mark.parametrize("kind", ["funder", "co_requester"])
def test_four_eyes_are_due_for_funder_and_co_requester_of_the_own_house(kind: str) -> None:
    office = OrganizationFactory.create(roles=["member", "secretariat"])
    scene = ranked(office=office, **related(kind, office))
    assert waiting(scene).state == "awaiting_second_approval"


def test_four_eyes_are_due_for_a_partner_of_the_own_house() -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    scene = market(office=office, offerings_per_theme=1)
    provider = scene.offerings[0].provider
    provider.organization = OrganizationFactory.create(parent=office)
    provider.save()
    work()
    assert waiting(scene).state == "awaiting_second_approval"


def test_four_eyes_are_due_for_a_centre_of_the_own_network() -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    scene = market(office=office, offerings_per_theme=1)
    provider = scene.offerings[0].provider
    provider.network_parent = ProviderFactory.create(organization=office)
    provider.save()
    work()
    assert waiting(scene).state == "awaiting_second_approval"


def test_nobody_else_needs_a_second_approver() -> None:
    scene = ranked()
    OrganizationRoleFactory.create(organization=scene.requester, role="funder")
    assert waiting(scene).state == "approved"


def test_replacement_of_a_lost_partner_needs_two_people_as_well() -> None:
    scene = own_request()
    proposal = waiting(scene)
    operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk)
    refused(scene, scene.parts(proposal)[0])
    work()
    part = scene.parts(proposal)[1]
    assert part.state == "replacement"
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=part.pk)
    part.refresh_from_db()
    assert (part.state, part.waiting_for) == ("awaiting_second_approval", "second_approver")
    with refusal(ErrorCode.FOUR_EYES_REQUIRED):
        operations.approve_replacement(actor=scene.officer, at=AT, part_id=part.pk)
    operations.approve_replacement(actor=chair(), at=AT, part_id=part.pk)
    part.refresh_from_db()
    assert (part.state, part.asked_at) == ("asked", AT)


def test_second_approval_of_a_replacement_that_does_not_come_returns_it_to_the_decision() -> None:
    scene, part = replacement_approved_once()
    work(later(6))
    part.refresh_from_db()
    assert (part.state, part.waiting_for) == ("replacement", "secretariat")
    operations.approve_replacement(actor=scene.officer, at=later(6), part_id=part.pk)
    part.refresh_from_db()
    assert part.state == "awaiting_second_approval"
