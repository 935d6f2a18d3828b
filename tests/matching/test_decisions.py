"""From suggestion to approval: who may take which step when, and what each step leaves behind."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fulfilment import operations as fulfilment
from marketplace.accounts import entrusting
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.accounts.roles import Permission
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from matching import operations, queries
from matching.models import MatchProposal
from providers.models import CapacityHold, OfferingPartner, Session
from requests_app.models import LineClaim, RequestLine
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, client_of, member
from tests.factories.matching import MarketScene, accepted, approved, consulted, later, ranked, refused, work
from tests.factories.providers import OfferingPartnerFactory
from tests.factories.requests import SYSTEM
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
Step = Callable[..., MatchProposal]

DECISIONS: dict[str, dict[str, Any]] = {
    "shortlist": {},
    "consult": {},
    "approve": {},
    "decline": {"reason_code": "poor_fit"},
    "retract": {},
    "go-on-without": {},
    "overrule": {"reason_text": "Agreed with the ministry."},
}
OPERATIONS: dict[str, Step] = {
    "shortlist": operations.shortlist_proposal,
    "consult": operations.consult_proposal,
    "prefer": operations.prefer_proposal,
    "object": operations.object_to_proposal,
    "overrule": operations.overrule_objection,
    "approve": operations.approve_proposal,
    "decline": operations.decline_proposal,
    "retract": operations.retract_approval,
    "go-on-without": operations.go_on_without,
}


def at_state(scene: MarketScene, state: str) -> MatchProposal:
    """Bring the best proposal to a state."""
    best = scene.best()
    step: dict[str, Any] = {"at": AT, "proposal_id": best.pk}
    if state != "suggested":
        operations.shortlist_proposal(actor=scene.officer, **step)
    if state in ("consulting", "approved"):
        operations.consult_proposal(actor=scene.officer, **step)
    if state == "approved":
        operations.prefer_proposal(actor=scene.focal, **step)
        operations.approve_proposal(actor=scene.officer, **step)
    return MatchProposal.objects.get(pk=best.pk)


# --- the way ------------------------------------------------------------------------------------------------------


def test_each_step_names_who_owes_the_next_by_when() -> None:
    scene = ranked()
    best = scene.best()
    seen = [(best.state, best.waiting_for, best.step)]
    step: dict[str, Any] = {"at": AT, "proposal_id": best.pk}
    for take, actor in (
        (operations.shortlist_proposal, scene.officer),
        (operations.consult_proposal, scene.officer),
        (operations.prefer_proposal, scene.focal),
    ):
        row = take(actor=actor, **step)
        assert row.due_at is not None
        seen.append((row.state, row.waiting_for, row.step))
    assert seen == [
        ("suggested", "secretariat", "proposal.decide"),
        ("shortlisted", "secretariat", "proposal.decide"),
        ("consulting", "requester", "proposal.consult"),
        ("consulting", "secretariat", "proposal.decide"),
    ]


def test_approval_claims_lines_holds_seats_and_asks_the_partner() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    assert (proposal.approved_at, proposal.approved_by) == (AT, scene.officer.label)
    assert (part.state, part.waiting_for, part.step, part.asked_at) == ("asked", "provider", "proposal.answer", AT)
    [line] = RequestLine.objects.filter(request=scene.request)
    assert (line.state, line.claimed) == ("held", part.participants)
    [claim] = LineClaim.objects.filter(claimant=part.public_id, released_at=None)
    assert claim.participants == part.participants
    [hold] = CapacityHold.objects.filter(holder=part.public_id)
    assert (hold.state, hold.quantity) == ("held", part.participants)
    assert part.due_at is not None
    assert hold.expires_at is not None
    assert hold.expires_at > part.due_at
    assert scene.request.shares.filter(organization=part.provider.organization, reason="asked").exists()


def test_each_step_leaves_one_decision_one_audit_record_and_one_event() -> None:
    scene = ranked()
    proposal = consulted(scene)
    operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk, reason_text="The nearest")
    verbs = list(proposal.decisions.values_list("verb", flat=True))
    assert verbs == ["shortlist", "consult", "prefer", "approve"]
    own = {"resource": "proposal", "resource_id": proposal.public_id}
    assert list(AuditRecord.objects.filter(**own).order_by("id").values_list("action", flat=True)) == [
        "created",
        *verbs,
    ]
    assert list(OutboxEvent.objects.filter(**own).order_by("id").values_list("type", flat=True)) == [
        "proposal.created",
        "proposal.shortlisted",
        "proposal.consulted",
        "proposal.preferred",
        "proposal.approved",
    ]


def test_decision_keeps_what_the_engine_had_proposed_beside_it() -> None:
    scene = ranked()
    first, second = scene.proposals()
    operations.shortlist_proposal(actor=scene.officer, at=AT, proposal_id=second.pk)
    [decision] = second.decisions.all()
    assert (decision.engine_rank, decision.engine_score, decision.engine_best) == (2, second.score, first)
    assert (decision.by, decision.at) == (scene.officer.user, AT)


# --- wrong state, wrong role, stale version -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "verb", "open_actions"),
    [
        ("suggested", "consult", ("decline", "shortlist", "withdraw")),
        ("suggested", "approve", ("decline", "shortlist", "withdraw")),
        ("shortlisted", "shortlist", ("consult", "decline", "withdraw")),
        ("shortlisted", "retract", ("consult", "decline", "withdraw")),
        ("consulting", "consult", ("approve", "decline", "object", "overrule", "prefer", "withdraw")),
        ("consulting", "go-on-without", ("approve", "decline", "object", "overrule", "prefer", "withdraw")),
        ("approved", "approve", ("decline", "go-on-without", "retract")),
    ],
)
def test_step_out_of_turn_is_refused_and_names_what_is_open(
    state: str, verb: str, open_actions: tuple[str, ...]
) -> None:
    scene = ranked()
    proposal = at_state(scene, state)
    with refusal(ErrorCode.WRONG_STATE) as caught:
        OPERATIONS[verb](actor=scene.officer, at=AT, proposal_id=proposal.pk, **DECISIONS[verb])
    assert caught.value.params["allowed_actions"] == open_actions


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        ("suggested", "shortlist"),
        ("suggested", "decline"),
        ("shortlisted", "consult"),
        ("consulting", "approve"),
        ("approved", "retract"),
        ("approved", "go-on-without"),
    ],
)
def test_only_the_secretariat_decides(state: str, verb: str) -> None:
    scene = ranked()
    proposal = at_state(scene, state)
    people = [scene.focal, member(scene.requester, "viewer"), scene.provider(scene.offerings[0])]
    for actor in people:
        with refusal(ErrorCode.PERMISSION_DENIED):
            OPERATIONS[verb](actor=actor, at=AT, proposal_id=proposal.pk, **DECISIONS[verb])


@pytest.mark.parametrize("verb", ["prefer", "object"])
def test_only_the_requester_is_consulted(verb: str) -> None:
    scene = ranked()
    proposal = at_state(scene, "consulting")
    more = {"reason_code": "timing"} if verb == "object" else {}
    for actor in (
        scene.officer,
        scene.provider(scene.offerings[0]),
        member(OrganizationFactory.create(), "focal_point"),
    ):
        with refusal(ErrorCode.PERMISSION_DENIED):
            OPERATIONS[verb](actor=actor, at=AT, proposal_id=proposal.pk, **more)


def test_focal_point_of_another_country_office_is_not_asked() -> None:
    scene = ranked()
    proposal = at_state(scene, "consulting")
    elsewhere = member(scene.requester, "focal_point", countries=["NPL"])
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.prefer_proposal(actor=elsewhere, at=AT, proposal_id=proposal.pk)
    here = member(scene.requester, "focal_point", countries=["MLI"])
    assert operations.prefer_proposal(actor=here, at=AT, proposal_id=proposal.pk).consultation == "preferred"


def test_co_requester_may_answer_the_consultation() -> None:
    partner = OrganizationFactory.create(roles=["member"])
    scene = ranked(co_requesters=(partner.code,))
    proposal = at_state(scene, "consulting")
    done = operations.prefer_proposal(actor=member(partner), at=AT, proposal_id=proposal.pk, preference="no_objection")
    assert done.consultation == "no_objection"


@pytest.mark.parametrize("verb", ["shortlist", "decline"])
def test_stale_version_is_refused(verb: str) -> None:
    scene = ranked()
    proposal = scene.best()
    with refusal(ErrorCode.PRECONDITION_FAILED):
        OPERATIONS[verb](
            actor=scene.officer,
            at=AT,
            proposal_id=proposal.pk,
            expected_version=proposal.version + 1,
            **DECISIONS[verb],
        )
    done = OPERATIONS[verb](
        actor=scene.officer, at=AT, proposal_id=proposal.pk, expected_version=proposal.version, **DECISIONS[verb]
    )
    assert done.version == proposal.version + 1


def test_unknown_proposal_is_not_found() -> None:
    scene = ranked()
    with refusal(ErrorCode.NOT_FOUND):
        operations.shortlist_proposal(actor=scene.officer, at=AT, proposal_id=0)


def test_system_of_an_organization_never_approves_accepts_or_confirms() -> None:
    scene = ranked()
    client = client_of(scene.office, "matching:read", "matching:write")
    of_provider = client_of(scene.offerings[0].provider.organization, "matching:read", "matching:write")
    proposal = consulted(scene)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.approve_proposal(actor=client, at=AT, proposal_id=proposal.pk)
    operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    [part] = scene.parts(proposal)
    for actor in (client, of_provider, client_of(part.provider.organization, "matching:write")):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.accept_part(actor=actor, at=AT, part_id=part.pk)


# --- recusal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "provider_staff", "focal_point"])
def test_officer_with_a_membership_in_a_partner_is_recused(role: str) -> None:
    scene = ranked()
    proposal = consulted(scene)
    partner = scene.parts(proposal)[0].provider.organization
    MembershipFactory.create(user=scene.officer.user, organization=partner, role=role)
    again = Actor.for_user(scene.officer.user)  # type: ignore[arg-type]
    with refusal(ErrorCode.RECUSED) as caught:
        operations.approve_proposal(actor=again, at=AT, proposal_id=proposal.pk)
    assert caught.value.params == {"organization": partner.code}
    assert operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk).state == "approved"


def test_officer_with_a_membership_in_a_partner_of_the_offering_is_recused() -> None:
    scene = ranked()
    proposal = scene.best()
    partner: OfferingPartner = OfferingPartnerFactory.create(offering=scene.parts(proposal)[0].offering)
    MembershipFactory.create(user=scene.officer.user, organization=partner.organization, role="viewer")
    again = Actor.for_user(scene.officer.user)  # type: ignore[arg-type]
    for verb in ("shortlist", "decline"):
        with refusal(ErrorCode.RECUSED):
            OPERATIONS[verb](actor=again, at=AT, proposal_id=proposal.pk, **DECISIONS[verb])


def grantee(scene: MarketScene, partner: Organization) -> Actor:
    """The officer, with a right of a partner that was granted to them."""
    user = scene.officer.user
    assert user is not None
    right, until = Permission.PROPOSALS_ANSWER, later(9)
    entrusting.give_grant(actor=SYSTEM, at=AT, user=user, organization=partner, permission=right, expires_at=until)
    return Actor.for_user(user)


def stand_in(scene: MarketScene, partner: Organization) -> Actor:
    """A colleague who stands in for the officer, who is a member of a partner."""
    MembershipFactory.create(organization=partner, user=scene.officer.user, role="viewer")
    person = MembershipFactory.create(organization=scene.office, role="viewer").user
    days = {"delegated_from": AT.date(), "delegated_to": AT.date()}
    scene.officer.user.memberships.filter(organization=scene.office).update(delegate=person, **days)  # type: ignore[union-attr]
    return Actor.for_user(person)


@pytest.mark.parametrize("bound", [grantee, stand_in])
def test_nothing_is_named_to_who_is_recused_by_a_grant_or_by_standing_in(
    bound: Callable[[MarketScene, Organization], Actor],
) -> None:
    scene = ranked()
    proposal = consulted(scene)
    actor = bound(scene, scene.parts(proposal)[0].provider.organization)
    found = queries.proposals_visible_to(actor, at=AT).get(pk=proposal.pk)
    assert queries.open_actions(found, actor, at=AT) == []
    for verb in ("approve", "decline"):
        with refusal(ErrorCode.RECUSED):
            OPERATIONS[verb](actor=actor, at=AT, proposal_id=proposal.pk, **DECISIONS[verb])
    other = scene.proposals()[1]
    free = queries.proposals_visible_to(actor, at=AT).get(pk=other.pk)
    assert queries.open_actions(free, actor, at=AT) == ["decline", "shortlist"]


def test_what_is_named_to_a_stand_in_asks_no_more_for_many_proposals_than_for_one() -> None:
    scene = ranked(offerings_per_theme=3)
    actor = stand_in(scene, scene.parts(scene.best())[0].provider.organization)
    counts = []
    for most in (1, 3):
        again = Actor.for_user(actor.user)  # type: ignore[arg-type]
        with CaptureQueriesContext(connection) as captured:
            rows = list(queries.proposals_visible_to(again, at=AT)[:most])
            assert len(rows) == most
            for row in rows:
                queries.open_actions(row, again, at=AT)
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_membership_that_is_over_recuses_nobody() -> None:
    scene = ranked()
    partner = scene.parts(scene.best())[0].provider.organization
    MembershipFactory.create(user=scene.officer.user, organization=partner, role="viewer", valid_to="2026-10-01")
    again = Actor.for_user(scene.officer.user)  # type: ignore[arg-type]
    assert operations.shortlist_proposal(actor=again, at=AT, proposal_id=scene.best().pk).state == "shortlisted"


# --- consultation -------------------------------------------------------------------------------------------------


def test_approval_waits_for_the_requester() -> None:
    scene = ranked()
    proposal = at_state(scene, "consulting")
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    assert caught.value.errors[0].code == "consultation_open"


def test_silence_until_the_deadline_is_no_objection_and_recorded_as_such() -> None:
    scene = ranked()
    proposal = at_state(scene, "consulting")
    work(later(8))
    proposal.refresh_from_db()
    assert (proposal.consultation, proposal.waiting_for, proposal.step) == ("silent", "secretariat", "proposal.decide")
    assert proposal.decisions.latest("id").verb == "silence"
    assert operations.approve_proposal(actor=scene.officer, at=later(8), proposal_id=proposal.pk).state == "approved"


def test_objection_stands_until_the_head_overrules_it_in_writing() -> None:
    scene = ranked()
    proposal = at_state(scene, "consulting")
    step: dict[str, Any] = {"at": AT, "proposal_id": proposal.pk}
    operations.object_to_proposal(actor=scene.focal, reason_code="timing", reason_text="The ministry is closed", **step)
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.approve_proposal(actor=scene.officer, **step)
    assert caught.value.errors[0].code == "objection_stands"
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.overrule_objection(actor=scene.officer, reason_text="No", **step)
    with refusal(ErrorCode.RULE_BROKEN):
        operations.overrule_objection(actor=scene.head, reason_text="  ", **step)
    overruled = operations.overrule_objection(actor=scene.head, reason_text="The dates were moved", **step)
    assert overruled.consultation == "overruled"
    with refusal(ErrorCode.ALREADY_ANSWERED):
        operations.object_to_proposal(actor=scene.focal, reason_code="timing", **step)
    assert operations.approve_proposal(actor=scene.officer, **step).state == "approved"


def test_nothing_is_overruled_where_no_objection_stands() -> None:
    scene = ranked()
    proposal = consulted(scene)
    with refusal(ErrorCode.RULE_BROKEN):
        operations.overrule_objection(actor=scene.head, at=AT, proposal_id=proposal.pk, reason_text="Because")


def test_requester_may_change_its_mind_until_the_approval() -> None:
    scene = ranked()
    proposal = consulted(scene)
    step: dict[str, Any] = {"at": AT, "proposal_id": proposal.pk}
    assert operations.object_to_proposal(actor=scene.focal, reason_code="cost", **step).consultation == "objected"
    assert operations.prefer_proposal(actor=scene.focal, **step).consultation == "preferred"


@pytest.mark.parametrize(
    ("verb", "state"), [("decline", "suggested"), ("object", "consulting")], ids=["decline", "object"]
)
def test_reason_outside_the_list_is_refused_with_the_list(verb: str, state: str) -> None:
    scene = ranked()
    proposal = at_state(scene, state)
    actor = scene.focal if verb == "object" else scene.officer
    with refusal(ErrorCode.UNKNOWN_REFERENCE) as caught:
        OPERATIONS[verb](actor=actor, at=AT, proposal_id=proposal.pk, reason_code="whim")
    assert "other" in caught.value.errors[0].allowed


def test_declined_proposal_keeps_its_reason_and_waits_for_nobody() -> None:
    scene = ranked()
    proposal = operations.decline_proposal(
        actor=scene.officer, at=AT, proposal_id=scene.best().pk, reason_code="timing", reason_text="Too late"
    )
    assert (proposal.state, proposal.waiting_for, proposal.due_at) == ("declined", "nobody", None)
    record = AuditRecord.objects.filter(resource_id=proposal.public_id).latest("id")
    assert (record.reason_code, record.reason_text) == ("timing", "Too late")


# --- retract ------------------------------------------------------------------------------------------------------


def test_retraction_gives_everything_back_and_the_way_can_be_gone_again() -> None:
    scene = ranked()
    proposal = approved(scene)
    back = operations.retract_approval(actor=scene.officer, at=later(3), proposal_id=proposal.pk, reason_text="Oops")
    [part] = scene.parts(back)
    assert (back.state, part.state, part.due_at) == ("shortlisted", "suggested", None)
    assert (back.approved_at, back.approved_by) == (None, "")
    assert not LineClaim.objects.filter(released_at=None).exists()
    assert [line.state for line in scene.request.lines.all()] == ["open"]
    assert list(Session.objects.exclude(seats_held=0)) == []
    step: dict[str, Any] = {"at": later(4), "proposal_id": proposal.pk}
    operations.consult_proposal(actor=scene.officer, **step)
    operations.prefer_proposal(actor=scene.focal, **step)
    assert operations.approve_proposal(actor=scene.officer, **step).state == "approved"


@pytest.mark.parametrize("answer", [accepted, refused], ids=["accepted", "refused"])
def test_retraction_ends_with_the_first_answer(answer: Callable[..., object]) -> None:
    scene = ranked(themes=("mainstreaming", "trafficking"), offerings_per_theme=1)
    proposal = approved(scene)
    answer(scene, scene.parts(proposal)[0])
    with refusal(ErrorCode.ALREADY_ANSWERED):
        operations.retract_approval(actor=scene.officer, at=AT, proposal_id=proposal.pk)


# --- what is taken ------------------------------------------------------------------------------------------------


def test_second_approval_of_the_same_line_is_refused_and_leaves_nothing_behind() -> None:
    scene = ranked()
    first, second = scene.proposals()
    consulted(scene, second)
    approved(scene, first)
    events = OutboxEvent.objects.count()
    with refusal(ErrorCode.LINE_TAKEN) as caught:
        operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=second.pk)
    assert caught.value.params["line"] == 1
    second.refresh_from_db()
    assert (second.state, second.approved_at) == ("consulting", None)
    assert [part.state for part in scene.parts(second)] == ["suggested"]
    assert LineClaim.objects.filter(released_at=None).count() == 1
    assert OutboxEvent.objects.count() == events


def test_session_that_filled_up_meanwhile_is_refused_and_leaves_nothing_behind() -> None:
    scene = ranked()
    proposal = consulted(scene)
    [part] = scene.parts(proposal)
    Session.objects.filter(pk=part.session_id or 0).update(seats_confirmed=40 - part.participants + 1)
    with refusal(ErrorCode.CAPACITY_EXHAUSTED) as caught:
        operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    assert caught.value.params == {"asked": part.participants, "free": part.participants - 1, "unit": "seats"}
    proposal.refresh_from_db()
    assert proposal.state == "consulting"
    assert not LineClaim.objects.exists()
    assert not CapacityHold.objects.exists()
    assert [line.state for line in scene.request.lines.all()] == ["open"]


def test_other_suggestions_end_once_every_line_is_placed() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    fulfilment.accept_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk)
    work()
    assert sorted(row.state for row in scene.proposals()) == ["confirmed", "superseded"]
    with pytest.raises(DomainError):
        operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
