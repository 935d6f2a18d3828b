"""Showing a request to other organizations, with scope and end, and to everybody by consent."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from marketplace.accounts import entrusting
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.accounts.roles import Permission
from marketplace.audit.models import AuditRecord
from marketplace.events.models import EventAudience, OutboxEvent
from marketplace.kernel.errors import ErrorCode
from requests_app import operations, queries
from requests_app.models import RequestShare, TrainingRequest
from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory, client_of, member, secretariat
from tests.factories.requests import SYSTEM, draft, listed, opened, submitted
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup, small_group
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


def show(request: TrainingRequest, other: Organization, at: datetime, by: Actor = SYSTEM, **terms: Any) -> RequestShare:
    return operations.share_with(actor=by, at=at, request_id=request.pk, organization=other.code, **terms)[0]


def seen(actor: Actor, at: datetime) -> dict[int, bool]:
    return {row.pk: bool(getattr(row, "reads_body", None)) for row in queries.requests_visible_to(actor, at=at)}


# --- asked by a proposal --------------------------------------------------------------------------------------------


def test_share_lets_another_organization_read_until_it_expires(at: datetime) -> None:
    request, centre = opened(visibility="agency"), OrganizationFactory.create()
    staff = member(centre, "provider_staff")
    assert not queries.requests_visible_to(staff, at=at).exists()
    ends = at + 10 * DAY
    operations.share_request(
        actor=secretariat(), at=at, request_id=request.pk, organization_ids=[centre.pk], expires_at=ends
    )
    assert list(queries.visible_subquery(staff, at=at)) == [request.pk]
    assert not queries.requests_visible_to(staff, at=ends).exists()


def test_asking_prolongs_and_widens_and_never_cuts_short(at: datetime) -> None:
    request, centre = opened(), OrganizationFactory.create()
    show(request, centre, at, sees="summary", expires_at=at + DAY)
    for days in (10, 20, 5):
        operations.share_request(
            actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[centre.pk], expires_at=at + days * DAY
        )
    share = queries.shares_of(request).get()
    assert (share.sees, share.may, share.expires_at) == ("documents", "comment", at + 20 * DAY)
    assert OutboxEvent.objects.filter(type="training_request.shared").count() == 3


def test_stranger_does_not_share_and_drafts_are_not_shared(at: datetime) -> None:
    centre = OrganizationFactory.create()
    with refusal(ErrorCode.PERMISSION_DENIED):
        show(submitted(), centre, at, member(centre))
    with refusal(ErrorCode.WRONG_STATE):
        show(draft(), centre, at)


# --- scope and end --------------------------------------------------------------------------------------------------


def test_summary_is_no_body_and_body_no_documents(at: datetime) -> None:
    request, centre = opened(visibility="agency"), OrganizationFactory.create()
    staff = member(centre, "provider_staff")
    show(request, centre, at, sees="summary")
    assert seen(staff, at) == {request.pk: False}
    assert not queries.lines_readable_by(staff, at=at).exists()
    show(request, centre, at, sees="body")
    assert seen(staff, at) == {request.pk: True}
    assert not queries.current_shares(at, sees=("documents",)).exists()


def test_only_who_may_comment_asks(at: datetime) -> None:
    request, centre = opened(), OrganizationFactory.create()
    staff = member(centre, "provider_staff")
    ask: dict[str, Any] = {"actor": staff, "at": at, "request_id": request.pk, "question": "Which level?"}
    show(request, centre, at, may="read")
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.ask_clarification(**ask)
    share = show(request, centre, at, may="comment", expires_at=at + DAY)
    assert operations.ask_clarification(**ask).asking_organization_id == centre.pk
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.ask_clarification(**{**ask, "at": at + DAY})
    operations.revoke_share(actor=SYSTEM, at=at, share_id=share.pk)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.ask_clarification(**ask)


def test_share_taken_back_ends_at_once_everywhere_and_may_be_given_anew(at: datetime) -> None:
    agency, centre = OrganizationFactory.create(), OrganizationFactory.create()
    request, staff, focal = opened(agency, visibility="agency"), member(centre, "viewer"), member(agency)
    share = show(request, centre, at, focal, sees="documents")
    operations.revoke_share(actor=focal, at=at, share_id=share.pk)
    assert seen(staff, at) == {}
    assert (
        queries.search_requests(queries.requests_visible_to(staff, at=at), q="mainstreaming", language="en").count()
        == 0
    )
    assert centre.pk not in request.event_scope(at=at).organization_ids
    told = AuditRecord.objects.filter(resource="training_request").latest("id")
    assert (told.action, told.changes) == ("unshared", {"organizations": [[centre.code], []]})
    assert show(request, centre, at, focal).pk != share.pk
    assert seen(staff, at) == {request.pk: True}


def test_what_a_proposal_asks_is_neither_narrowed_nor_taken_back(at: datetime) -> None:
    request, centre = opened(), OrganizationFactory.create()
    [share] = operations.share_request(actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[centre.pk])
    with refusal(ErrorCode.RULE_BROKEN):
        show(request, centre, at, sees="summary")
    with refusal(ErrorCode.RULE_BROKEN):
        operations.revoke_share(actor=SYSTEM, at=at, share_id=share.pk)


def asked(request: TrainingRequest, centre: Organization, at: datetime) -> RequestShare:
    [share] = operations.share_request(actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[centre.pk])
    return share


def asked_no_more(request: TrainingRequest, centre: Organization, at: datetime) -> RequestShare | None:
    return operations.end_asked(actor=SYSTEM, at=at, request_id=request.pk, organization_id=centre.pk)


def test_what_a_proposal_asked_ends_and_who_loses_sight_is_told(at: datetime) -> None:
    request, centre = opened(visibility="agency"), OrganizationFactory.create()
    staff, share = member(centre, "viewer"), asked(request, centre, at)
    assert seen(staff, at) == {request.pk: True}
    ended = asked_no_more(request, centre, at + DAY)
    assert ended == share
    assert (ended.ended_at, ended.version) == (at + DAY, share.version + 1)
    assert seen(staff, at + DAY) == {}
    assert centre.pk not in request.event_scope(at=at + DAY).organization_ids
    told = OutboxEvent.objects.latest("id")
    assert told.type == "training_request.unshared"
    assert EventAudience.objects.filter(event=told, organization_id=centre.pk).exists()
    assert asked_no_more(request, centre, at + DAY) is None


@pytest.mark.parametrize("state", ["withdrawn", "cancelled", "closed"])
def test_what_a_proposal_asked_ends_in_whatever_state_the_request_is(state: str, at: datetime) -> None:
    request, centre = opened(), OrganizationFactory.create()
    asked(request, centre, at)
    TrainingRequest.objects.filter(pk=request.pk).update(state=state, step="", waiting_for="nobody", due_at=None)
    assert asked_no_more(request, centre, at) is not None
    assert not queries.current_shares(at).exists()


def test_who_was_shown_the_request_before_a_proposal_asked_falls_back_to_that(at: datetime) -> None:
    request, centre = opened(visibility="agency"), OrganizationFactory.create()
    staff, until = member(centre, "viewer"), at + 30 * DAY
    share = show(request, centre, at, sees="summary", expires_at=until)
    for _ in range(2):  # by two proposals, or by one twice
        asked(request, centre, at)
    share.refresh_from_db()
    assert (share.reason, share.sees, share.may, share.expires_at) == ("asked", "documents", "comment", None)
    back = asked_no_more(request, centre, at + DAY)
    share.refresh_from_db()
    assert back == share
    assert (share.reason, share.sees, share.may, share.expires_at) == ("shared", "summary", "read", until)
    assert (share.former_sees, share.former_may, share.former_expires_at, share.ended_at) == ("", "", None, None)
    assert seen(staff, at + DAY) == {request.pk: False}
    told = AuditRecord.objects.filter(resource="training_request").latest("id")
    assert told.changes == {"organizations": [[], [centre.code]], "scope": [[], ["summary, read"]]}
    assert operations.revoke_share(actor=SYSTEM, at=at + DAY, share_id=share.pk).ended_at == at + DAY


def test_what_was_shown_and_is_over_meanwhile_does_not_come_back(at: datetime) -> None:
    request, centre = opened(visibility="agency"), OrganizationFactory.create()
    share = show(request, centre, at, expires_at=at + DAY)
    asked(request, centre, at)
    ended = asked_no_more(request, centre, at + DAY)
    assert ended == share
    assert ended.ended_at == at + DAY


def test_what_was_shown_is_not_ended_with_what_nobody_asked(at: datetime) -> None:
    request, centre = opened(), OrganizationFactory.create()
    share = show(request, centre, at)
    assert asked_no_more(request, centre, at) is None
    share.refresh_from_db()
    assert (share.reason, share.ended_at) == ("shared", None)


def test_stranger_does_not_end_what_a_proposal_asks(at: datetime) -> None:
    request, centre = opened(), OrganizationFactory.create()
    asked(request, centre, at)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.end_asked(actor=member(centre), at=at, request_id=request.pk, organization_id=centre.pk)


def test_share_over_http(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="agency")
    path = f"/requests/{request.reference}/shares"
    with time_machine.travel(at, tick=False):
        focal, other = ApiClient.of(group.focal_point, at), ApiClient.of(group.outsider, at)
        check_problem(other.get(path), ErrorCode.NOT_FOUND)
        made = focal.post(path, {"organization": "STR", "sees": "body", "expires_at": "2026-12-01T00:00:00Z"})
        assert made.status_code == 201, made.body
        assert (made.body["sees"], made.body["may"], made.body["reason"]) == ("body", "read", "shared")
        assert [row["id"] for row in other.get(path).body["results"]] == [made.body["id"]]
        check_problem(other.post(f"{path}/{made.body['id']}/revoke"), ErrorCode.PERMISSION_DENIED)
        assert focal.post(f"{path}/{made.body['id']}/revoke").body["ended_at"] == "2026-11-23T09:00:00Z"
        check_problem(other.get(path), ErrorCode.NOT_FOUND)
        problem = check_problem(focal.post(path, {"organization": "STR", "sees": "all"}), ErrorCode.INVALID_INPUT)
        assert problem["errors"][0]["allowed"] == ["summary", "body", "documents"]


# --- public, by consent ---------------------------------------------------------------------------------------------


def test_public_request_is_listed_only_while_the_requester_agrees(at: datetime) -> None:
    agency, anybody = OrganizationFactory.create(), Actor.for_user(UserFactory.create())
    request, focal = opened(agency, visibility="public"), member(agency)
    assert seen(anybody, at) == {}
    assert request.event_scope(at=at).audience == "group"
    operations.consent_to_posting(actor=focal, at=at, request_id=request.pk)
    assert seen(anybody, at) == {request.pk: False}
    assert request.event_scope(at=at).audience == "public"
    operations.withdraw_posting_consent(actor=focal, at=at, request_id=request.pk)
    assert seen(anybody, at) == {}
    said = request.consents.get()
    assert (said.given_by, said.withdrawn_by) == (focal.label, focal.label)
    actions = AuditRecord.objects.filter(action__startswith="posting").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["posting_consented", "posting_consent_withdrawn"]


def test_neither_secretariat_nor_a_system_agrees_for_the_requester(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = opened(agency, visibility="public")
    for actor in (secretariat(), client_of(agency), member(agency, "viewer")):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.consent_to_posting(actor=actor, at=at, request_id=request.pk)


def test_who_writes_by_a_grant_neither_passes_the_request_on_nor_agrees_to_a_listing(at: datetime) -> None:
    """A grant ends; what it could hand to somebody else, or to everybody, would not."""
    agency, other = OrganizationFactory.create(roles=["member", "requester"]), OrganizationFactory.create()
    request, helper = opened(agency, visibility="public"), UserFactory.create()
    for right in (Permission.REQUESTS_READ, Permission.REQUESTS_WRITE):
        entrusting.give_grant(
            actor=SYSTEM, at=at, user=helper, organization=agency, permission=right, expires_at=at + DAY
        )
    lent = UserFactory.create()
    MembershipFactory.create(organization=agency, role="viewer", user=lent)
    days = {"delegated_from": at.date(), "delegated_to": at.date()}
    MembershipFactory.create(organization=agency, role="focal_point", delegate=lent, **days)
    verbs = {"share", "consent-to-posting", "withdraw", "request-endorsement"}
    for user, may in ((helper, {"withdraw", "request-endorsement"}), (lent, verbs)):
        assert verbs & set(queries.allowed_actions(request, Actor.for_user(user), at=at)) == may
    with refusal(ErrorCode.PERMISSION_DENIED):
        show(request, other, at, by=Actor.for_user(helper))
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.consent_to_posting(actor=Actor.for_user(helper), at=at, request_id=request.pk)
    assert show(request, other, at, by=Actor.for_user(lent)).organization == other
    assert operations.consent_to_posting(actor=Actor.for_user(lent), at=at, request_id=request.pk).consents.count() == 1


def test_request_for_the_group_is_not_listed_by_consent(at: datetime) -> None:
    with refusal(ErrorCode.RULE_BROKEN):
        operations.consent_to_posting(actor=SYSTEM, at=at, request_id=opened(visibility="group").pk)


def test_reader_of_a_summary_learns_nothing_of_the_body_by_filters(group: SmallGroup, at: datetime) -> None:
    request = listed(OrganizationFactory.create(), funding_state="sought", beneficiaries=(group.provider.code,))
    reader = ApiClient.of(group.provider_staff, at)
    Organization.objects.get(pk=group.provider.pk).roles.all().delete()  # no member of the group
    with time_machine.travel(at, tick=False):
        assert [row["reference"] for row in reader.get("/requests").body["results"]] == [request.reference]
        for asked in ("funding_state=sought", f"beneficiary={group.provider.code}", "line_state=open"):
            assert reader.get(f"/requests?{asked}").body["results"] == [], asked
