"""What is entrusted for a time: rights on one organization, and the role of somebody who is away."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import QuerySet

from marketplace.accounts import entrusting, operations, permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership, Organization, OrganizationUserGrant, User
from marketplace.accounts.operations import OrganizationFacts
from marketplace.accounts.roles import GRANTABLE, GROUP_WIDE_ROLES, ROLES, Permission
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory, member, secretariat
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
P = Permission
SYSTEM = Actor.system("test")
DAY = timedelta(days=1)


def give(actor: Actor, user: User, organization: Organization, at: datetime, **terms: object) -> int:
    facts: dict[str, object] = {"permission": P.REQUESTS_READ, **terms}
    grant, _ = entrusting.give_grant(actor=actor, at=at, user=user, organization=organization, **facts)  # type: ignore[arg-type]
    return grant.pk


def lend(membership: Membership, delegate: User, day: date, *, by: Actor, at: datetime) -> Membership:
    return entrusting.delegate_membership(
        actor=by, at=at, membership_id=membership.pk, delegate=str(delegate.public_id), start=day, end=day
    )


def may_write(user: User, organization: Organization, at: datetime) -> bool:
    return permissions.can(Actor.for_user(user), P.REQUESTS_WRITE, at=at, organization_id=organization.pk)


# --- grants ---------------------------------------------------------------------------------------------------------


def test_grant_ends_when_it_expires_and_at_once_when_taken_back(at: datetime) -> None:
    user, agency, officer = UserFactory.create(), OrganizationFactory.create(), secretariat()
    grant = give(officer, user, agency, at, permission=P.REQUESTS_WRITE, expires_at=at + DAY)
    actor = Actor.for_user(user)
    assert permissions.can(actor, P.REQUESTS_WRITE, at=at, organization_id=agency.pk)
    assert not permissions.can(actor, P.REQUESTS_WRITE, at=at + DAY, organization_id=agency.pk)
    entrusting.end_grant(actor=officer, at=at, grant_id=grant)
    assert not may_write(user, agency, at)


def test_grant_given_again_gets_the_new_terms_and_taken_back_may_be_given_anew(at: datetime) -> None:
    user, agency, officer = UserFactory.create(), OrganizationFactory.create(), secretariat()
    first = give(officer, user, agency, at, expires_at=at + DAY)
    assert give(officer, user, agency, at, expires_at=at + 2 * DAY) == first
    entrusting.end_grant(actor=officer, at=at, grant_id=first)
    assert give(officer, user, agency, at) != first
    assert len(Actor.for_user(user).grants(at)) == 1


def test_grant_says_by_whom_why_and_until_when_in_audit_and_event(at: datetime) -> None:
    user, agency, giver = UserFactory.create(), OrganizationFactory.create(), secretariat()
    grant = give(giver, user, agency, at, reason="Evaluates.", expires_at=at + DAY)
    entrusting.end_grant(actor=giver, at=at, grant_id=grant)
    given, ended = AuditRecord.objects.filter(resource="grant").order_by("id")
    assert (given.action, given.actor_label, given.reason_text) == ("given", giver.label, "Evaluates.")
    assert given.changes["permission"] == "requests.read"
    assert (ended.action, given.organization_code) == ("ended", agency.code)
    types = OutboxEvent.objects.filter(resource="grant").order_by("id").values_list("type", "audience")
    assert list(types) == [("grant.given", "organizations"), ("grant.ended", "organizations")]


def test_member_gives_what_they_have_there_and_nothing_else(at: datetime) -> None:
    agency, other, user = OrganizationFactory.create(), OrganizationFactory.create(), UserFactory.create()
    focal = member(agency)
    assert give(focal, user, agency, at, permission=P.REQUESTS_WRITE)
    for organization, permission in ((agency, P.PROPOSALS_ANSWER), (other, P.REQUESTS_READ)):
        with refusal(ErrorCode.PERMISSION_DENIED):
            give(focal, user, organization, at, permission=permission)
    with refusal(ErrorCode.PERMISSION_DENIED):
        give(member(agency, "viewer"), user, agency, at)


def test_member_with_limits_or_with_a_narrow_token_gives_nothing_without(at: datetime) -> None:
    agency, user = OrganizationFactory.create(), UserFactory.create()
    with refusal(ErrorCode.PERMISSION_DENIED):
        give(member(agency, countries=["MLI"]), user, agency, at)
    focal = member(agency).user
    assert focal is not None
    with refusal(ErrorCode.PERMISSION_DENIED):
        give(Actor.for_user(focal, scopes=frozenset({"organizations:write"})), user, agency, at)


def test_what_was_granted_or_lent_is_not_granted_on(at: datetime) -> None:
    agency, user = OrganizationFactory.create(), UserFactory.create()
    helper = member(OrganizationFactory.create())
    assert helper.user is not None
    give(secretariat(), helper.user, agency, at, permission=P.REQUESTS_WRITE)
    with refusal(ErrorCode.PERMISSION_DENIED):
        give(Actor.for_user(helper.user), user, agency, at)
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None
    lend(absent, colleague, at.date(), by=Actor.for_user(absent.user), at=at)
    with refusal(ErrorCode.PERMISSION_DENIED):
        give(Actor.for_user(colleague), user, agency, at)


def test_grant_to_oneself_past_or_of_a_right_of_the_group_is_refused(at: datetime) -> None:
    agency, officer, user = OrganizationFactory.create(), secretariat(), UserFactory.create()
    assert officer.user is not None
    for who, terms in (
        (officer.user, {}),
        (user, {"expires_at": at}),
        (user, {"permission": P.PROPOSALS_DECIDE}),
    ):
        with refusal(ErrorCode.RULE_BROKEN):
            give(officer, who, agency, at, **terms)


def test_no_right_that_only_the_group_has_can_be_granted() -> None:
    group_wide = frozenset().union(*(ROLES[role] for role in GROUP_WIDE_ROLES)) | ROLES["auditor"]
    others = frozenset().union(*(ROLES[role] for role in ROLES.keys() - GROUP_WIDE_ROLES - {"auditor"}))
    assert not GRANTABLE & (group_wide - others)


def test_grant_shows_its_own_room_only(at: datetime) -> None:
    user, agency = UserFactory.create(), OrganizationFactory.create()
    give(secretariat(), user, agency, at, permission=P.REQUESTS_READ)
    actor = Actor.for_user(user)
    assert permissions.organization_ids(actor, at, "requests") == {agency.pk}
    for room in ("catalogue", "engagements", "events", "proposals"):
        assert permissions.organization_ids(actor, at, room) == frozenset()


def test_holder_gives_back_and_a_stranger_does_not_take(at: datetime) -> None:
    user, agency = UserFactory.create(), OrganizationFactory.create()
    grant = give(secretariat(), user, agency, at)
    with refusal(ErrorCode.PERMISSION_DENIED):
        entrusting.end_grant(actor=member(OrganizationFactory.create()), at=at, grant_id=grant)
    assert entrusting.end_grant(actor=Actor.for_user(user), at=at, grant_id=grant).ended_at == at


# --- delegation -----------------------------------------------------------------------------------------------------


def test_delegate_stands_in_for_the_days_given_and_no_longer(at: datetime) -> None:
    agency = OrganizationFactory.create()
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None
    tomorrow = at + DAY
    lend(absent, colleague, tomorrow.date(), by=Actor.for_user(absent.user), at=at)
    assert [may_write(colleague, agency, moment) for moment in (at, tomorrow, tomorrow + DAY)] == [False, True, False]
    entrusting.end_delegation(actor=Actor.for_user(colleague), at=at, membership_id=absent.pk)
    assert not may_write(colleague, agency, tomorrow)


def test_delegation_is_not_transitive(at: datetime) -> None:
    agency = OrganizationFactory.create()
    absent = MembershipFactory.create(organization=agency)
    second, third = (MembershipFactory.create(organization=agency, role="viewer") for _ in range(2))
    lend(absent, second.user, at.date(), by=Actor.for_user(absent.user), at=at)
    lend(second, third.user, at.date(), by=Actor.for_user(second.user), at=at)
    assert may_write(second.user, agency, at)
    assert not may_write(third.user, agency, at)
    with refusal(ErrorCode.PERMISSION_DENIED):
        lend(absent, third.user, at.date(), by=Actor.for_user(second.user), at=at)


def test_delegate_of_an_officer_does_not_lend_the_office_on(at: datetime) -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    absent = MembershipFactory.create(organization=office, role="secretariat_officer")
    second, third = (MembershipFactory.create(organization=office, role="viewer") for _ in range(2))
    lend(absent, second.user, at.date(), by=Actor.for_user(absent.user), at=at)
    assert permissions.is_secretariat(Actor.for_user(second.user), at)
    with refusal(ErrorCode.PERMISSION_DENIED):
        lend(absent, third.user, at.date(), by=Actor.for_user(second.user), at=at)


def test_officer_names_a_delegate_for_others_but_never_gains_by_it(at: datetime) -> None:
    office, agency = OrganizationFactory.create(roles=["secretariat"]), OrganizationFactory.create()
    officer, head = (
        member(office, "secretariat_officer"),
        MembershipFactory.create(organization=office, role="secretariat_head"),
    )
    assert officer.user is not None
    focal, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None
    assert lend(focal, colleague, at.date(), by=officer, at=at).delegate == colleague
    other = MembershipFactory.create(organization=office, role="viewer").user
    for delegate in (officer.user, other):
        with refusal(ErrorCode.PERMISSION_DENIED):
            lend(head, delegate, at.date(), by=officer, at=at)


def test_delegate_is_a_colleague_and_the_days_are_in_order(at: datetime) -> None:
    agency = OrganizationFactory.create()
    absent, stranger = MembershipFactory.create(organization=agency), member(OrganizationFactory.create()).user
    assert stranger is not None
    own = Actor.for_user(absent.user)
    with refusal(ErrorCode.UNKNOWN_REFERENCE):
        lend(absent, stranger, at.date(), by=own, at=at)
    colleague = member(agency, "viewer").user
    assert colleague is not None
    for who, day in ((colleague, at.date() - DAY), (absent.user, at.date())):
        with refusal(ErrorCode.RULE_BROKEN):
            lend(absent, who, day, by=own, at=at)


def test_role_of_somebody_who_left_is_lent_no_longer(at: datetime) -> None:
    agency = OrganizationFactory.create()
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None
    lend(absent, colleague, at.date(), by=Actor.for_user(absent.user), at=at)
    User.objects.filter(pk=absent.user_id).update(is_active=False)
    assert not may_write(colleague, agency, at)


def test_act_by_a_lent_role_is_recorded_as_on_behalf_and_an_own_act_is_not(at: datetime) -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    absent = MembershipFactory.create(organization=office, role="secretariat_officer")
    colleague = member(office, "viewer").user
    assert colleague is not None
    lend(absent, colleague, at.date(), by=Actor.for_user(absent.user), at=at)
    facts = OrganizationFacts("NEW", {"en": "New"}, "network")
    operations.save_organization(facts, actor=Actor.for_user(colleague), at=at)
    operations.save_organization(facts, actor=member(office, "secretariat_officer"), at=at)
    rows = AuditRecord.objects.filter(resource="organization").order_by("id")
    assert [row.acting_for for row in rows] == [str(absent.user), ""]
    assert rows[0].actor_label == str(colleague)


def test_delegate_is_recused_with_the_one_they_stand_in_for(at: datetime) -> None:
    office, partner = OrganizationFactory.create(roles=["secretariat"]), OrganizationFactory.create()
    absent = MembershipFactory.create(organization=office, role="secretariat_officer")
    MembershipFactory.create(user=absent.user, organization=partner, role="viewer")
    colleague = member(office, "viewer").user
    assert colleague is not None
    assert queries.conflict_of(Actor.for_user(colleague), [partner.pk], at) is None
    lend(absent, colleague, at.date(), by=Actor.for_user(absent.user), at=at)
    assert queries.conflict_of(Actor.for_user(colleague), [partner.pk], at) == partner


def test_who_has_a_right_that_a_partner_granted_is_recused(at: datetime) -> None:
    officer, partner = secretariat(), OrganizationFactory.create()
    assert officer.user is not None
    give(member(partner), officer.user, partner, at)
    assert queries.conflict_of(Actor.for_user(officer.user), [partner.pk], at) == partner


# --- at the edges: what mutation testing asked for -----------------------------------------------------------------
def told(call: Callable[[], object]) -> tuple[str, str, tuple[str, ...], dict[str, object]]:
    """Give the one place that a refusal names, its code, what is allowed and its values."""
    with refusal(ErrorCode.RULE_BROKEN) as refused:
        call()
    [error] = refused.value.errors
    return error.pointer, error.code, error.allowed, dict(error.params)


def denied(call: Callable[[], object]) -> object:
    with refusal(ErrorCode.PERMISSION_DENIED) as refused:
        call()
    return refused.value.params["permission"]


def test_grant_is_written_whole_and_counts_its_terms(at: datetime) -> None:
    user, agency, giver = UserFactory.create(), OrganizationFactory.create(), secretariat()
    facts = {"user": user, "organization": agency, "permission": P.REQUESTS_READ}
    first, is_new = entrusting.give_grant(actor=giver, at=at, **facts)  # type: ignore[arg-type]
    row = OrganizationUserGrant.objects.get()
    assert is_new is True
    assert (row.created_at, row.updated_at, row.version, row.reason, row.expires_at) == (at, at, 1, "", None)
    assert (row.given_by, row.user, row.content_object, row.permission.codename) == (
        giver.user,
        user,
        agency,
        "requests_read",
    )
    again, is_new = entrusting.give_grant(
        actor=SYSTEM,
        at=at + DAY,
        reason="Longer.",
        expires_at=at + 2 * DAY,
        **facts,  # type: ignore[arg-type]
    )
    row = OrganizationUserGrant.objects.get()
    assert (is_new, again.pk, row.version, row.created_at, row.updated_at) == (False, first.pk, 2, at, at + DAY)
    assert (row.given_by, row.reason, row.expires_at) == (None, "Longer.", at + 2 * DAY)
    audit, event = AuditRecord.objects.latest("id"), OutboxEvent.objects.latest("id")
    assert audit.changes == {
        "user": str(user.public_id),
        "permission": "requests.read",
        "expires_at": [None, (at + 2 * DAY).isoformat()],
    }
    assert (audit.at, audit.reason_text, event.at) == (at + DAY, "Longer.", at + DAY)
    assert event.data["permission"] == "requests.read"
    assert AuditRecord.objects.order_by("id")[0].changes["expires_at"] == [None, None]


def test_grant_says_which_rule_it_breaks(at: datetime) -> None:
    agency, officer, user = OrganizationFactory.create(), secretariat(), UserFactory.create()
    assert officer.user is not None
    own = officer.user
    assert told(lambda: give(officer, own, agency, at)) == ("/person", "oneself", (), {})
    assert told(lambda: give(officer, user, agency, at, expires_at=at)) == ("/expires_at", "over", (), {})
    give(officer, user, agency, at, expires_at=at + timedelta(microseconds=1))
    pointer, code, allowed, values = told(lambda: give(officer, user, agency, at, permission=P.PROPOSALS_DECIDE))
    assert (pointer, code, values) == ("/permission", "not_grantable", {"value": "proposals.decide"})
    assert allowed == tuple(sorted(right.value for right in GRANTABLE))


def test_grant_says_in_words_which_rule_it_breaks(at: datetime) -> None:
    agency, officer = OrganizationFactory.create(), secretariat()
    assert officer.user is not None
    for user, right, words in (
        (officer.user, P.REQUESTS_READ, "Nobody gives a right to themselves."),
        (UserFactory.create(), P.AUDIT_READ, "`%(value)s` is a right of the group, not of one organization."),
    ):
        with refusal(ErrorCode.RULE_BROKEN) as refused:
            give(officer, user, agency, at, permission=right)
        assert refused.value.errors[0].detail == words


def test_who_may_not_give_is_told_which_right_is_missing(at: datetime) -> None:
    agency, user = OrganizationFactory.create(), UserFactory.create()
    assert denied(lambda: give(member(OrganizationFactory.create()), user, agency, at)) == "grants.give"
    assert denied(lambda: give(member(agency, "viewer"), user, agency, at)) == "grants.give"
    focal = member(agency)
    assert denied(lambda: give(focal, user, agency, at, permission=P.OFFERS_MAKE)) == "offers.make"
    assert denied(lambda: give(member(agency, programmes=["X"]), user, agency, at)) is not None


def test_grant_is_ended_once_by_who_read_it(at: datetime) -> None:
    user, agency, officer = UserFactory.create(), OrganizationFactory.create(), secretariat()
    grant = give(officer, user, agency, at)
    end = partial(entrusting.end_grant, actor=officer, at=at + DAY, grant_id=grant)
    with refusal(ErrorCode.PRECONDITION_FAILED):
        end(expected_version=2)
    with refusal(ErrorCode.NOT_FOUND):
        entrusting.end_grant(actor=officer, at=at, grant_id=0)
    end(expected_version=1)
    row = OrganizationUserGrant.objects.get()
    assert (row.ended_at, row.updated_at, row.version) == (at + DAY, at + DAY, 2)
    audit = AuditRecord.objects.latest("id")
    assert (audit.at, audit.changes, audit.actor_label) == (at + DAY, {"user": str(user.public_id)}, officer.label)
    count = AuditRecord.objects.count()
    assert entrusting.end_grant(actor=SYSTEM, at=at + 2 * DAY, grant_id=grant).ended_at == at + DAY
    assert (OrganizationUserGrant.objects.get().version, AuditRecord.objects.count()) == (2, count)


def test_grant_is_taken_back_by_who_may_give_there(at: datetime) -> None:
    user, agency = UserFactory.create(), OrganizationFactory.create()
    grant = give(secretariat(), user, agency, at)
    for stranger in (member(OrganizationFactory.create()), member(agency, "viewer"), Actor.anonymous()):
        assert denied(lambda by=stranger: entrusting.end_grant(actor=by, at=at, grant_id=grant)) == "grants.give"  # type: ignore[misc]
    assert entrusting.end_grant(actor=member(agency), at=at, grant_id=grant).ended_at == at


@pytest.mark.parametrize(("where", "may"), [("agency", True), ("above", True), ("sibling", True), ("elsewhere", False)])
def test_role_is_lent_to_who_has_one_of_their_own_in_the_tree(where: str, may: bool, at: datetime) -> None:
    above = OrganizationFactory.create()
    agency, sibling = OrganizationFactory.create(parent=above), OrganizationFactory.create(parent=above)
    places = {"above": above, "agency": agency, "sibling": sibling, "elsewhere": OrganizationFactory.create()}
    person = MembershipFactory.create(organization=places[where], role="viewer").user
    absent, day = MembershipFactory.create(organization=agency), at.date()
    Membership.objects.filter(pk=absent.pk).update(delegate=person, delegated_from=day, delegated_to=day)
    assert may_write(person, agency, at) is may


@pytest.mark.parametrize("by_token", [False, True])
def test_role_that_was_lent_is_lost_with_ones_own(by_token: bool, at: datetime) -> None:
    agency, day = OrganizationFactory.create(), at.date()
    absent = MembershipFactory.create(organization=agency)
    own = MembershipFactory.create(organization=agency, role="viewer", valid_to=day)
    days: dict[str, Any] = {"start": day, "end": day + 300 * DAY, "delegate": str(own.user.public_id)}
    entrusting.delegate_membership(actor=SYSTEM, at=at, membership_id=absent.pk, **days)
    _, text = operations.issue_token(
        actor=SYSTEM, at=at, name="key", scopes=["requests:write"], lifetime=300 * DAY, user=own.user
    )

    def may(moment: datetime) -> bool:
        actor = Actor.for_user(own.user)
        if by_token:
            known = operations.authenticate_token(text, at=moment)
            assert known is not None
            actor = known[1]
        return permissions.can(actor, P.REQUESTS_WRITE, at=moment, organization_id=agency.pk)

    assert [may(at + after * DAY) for after in (0, 1, 200)] == [True, False, False]
    Membership.objects.filter(pk=own.pk).update(valid_from=day + 100 * DAY, valid_to=None)
    assert [may(at + after * DAY) for after in (0, 99, 100)] == [False, False, True]


def test_delegation_is_written_whole_and_ended_once(at: datetime) -> None:
    agency = OrganizationFactory.create()
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None
    own, day = Actor.for_user(absent.user), at.date()
    delegate = partial(
        entrusting.delegate_membership,
        actor=own,
        at=at,
        membership_id=absent.pk,
        delegate=str(colleague.public_id),
        start=day,
        end=day + DAY,
    )
    with refusal(ErrorCode.PRECONDITION_FAILED):
        delegate(expected_version=2)
    with refusal(ErrorCode.NOT_FOUND):
        delegate(membership_id=0)
    delegate(expected_version=1)
    row = Membership.objects.get(pk=absent.pk)
    assert (row.delegate, row.delegated_from, row.delegated_to) == (colleague, day, day + DAY)
    assert (row.version, row.updated_at) == (2, at)
    audit = AuditRecord.objects.latest("id")
    days = [day.isoformat(), (day + DAY).isoformat()]
    assert (audit.action, audit.at, audit.actor_label) == ("delegated", at, own.label)
    assert audit.changes == {"delegate": str(colleague.public_id), "days": days}
    end = partial(entrusting.end_delegation, actor=own, at=at + DAY, membership_id=absent.pk)
    with refusal(ErrorCode.PRECONDITION_FAILED):
        end(expected_version=1)
    end(expected_version=2)
    row = Membership.objects.get(pk=absent.pk)
    assert (row.delegate, row.delegated_from, row.delegated_to) == (None, None, None)
    assert (row.version, row.updated_at) == (3, at + DAY)
    audit = AuditRecord.objects.latest("id")
    assert (audit.action, audit.at, audit.changes) == ("delegation_ended", at + DAY, {})
    assert end().version == 3


def test_absence_lasts_a_year_at_most_and_ends_after_it_begins(at: datetime) -> None:
    agency, day = OrganizationFactory.create(), at.date()
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None

    def lend_for(start: date, end: date, who: User = colleague) -> Membership:
        return entrusting.delegate_membership(
            actor=SYSTEM, at=at, membership_id=absent.pk, delegate=str(who.public_id), start=start, end=end
        )

    wrong = ("/end", "delegation_days", (), {"days": 366})
    for start, end in ((day + DAY, day), (day - 2 * DAY, day - DAY), (day, day + 366 * DAY)):
        assert told(lambda start=start, end=end: lend_for(start, end)) == wrong  # type: ignore[misc]
    for start, end in ((day, day), (day - DAY, day), (day, day + 365 * DAY)):
        assert lend_for(start, end).delegated_to == end
    assert told(lambda: lend_for(day, day, absent.user)) == ("/delegate", "oneself", (), {})
    with refusal(ErrorCode.UNKNOWN_REFERENCE) as refused:
        lend_for(day, day, UserFactory.create())
    assert refused.value.errors[0].pointer == "/delegate"


def test_delegate_is_named_by_the_member_or_by_who_reaches_as_far(at: datetime) -> None:
    office, agency = OrganizationFactory.create(roles=["secretariat"]), OrganizationFactory.create()
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer")
    head = MembershipFactory.create(organization=office, role="secretariat_head")
    officer, deputy = member(office, "secretariat_officer"), member(office, "secretariat_head")
    assert colleague.user is not None
    assert officer.user is not None
    today = at.date()
    by_stranger = partial(lend, absent, colleague.user, today, by=member(agency), at=at)
    assert denied(by_stranger) == "organizations.manage"
    assert denied(partial(lend, head, officer.user, today, by=officer, at=at)) == "memberships.delegate"
    assert lend(head, officer.user, today, by=deputy, at=at).delegate == officer.user
    end = partial(entrusting.end_delegation, at=at, membership_id=head.pk)
    assert denied(lambda: end(actor=member(agency))) == "organizations.manage"
    assert denied(lambda: end(actor=member(office, "secretariat_officer"))) == "memberships.delegate"
    assert end(actor=officer).delegate is None  # who stands in gives it back
    assert denied(lambda: end(actor=Actor.anonymous())) == "organizations.manage"


def test_officer_stands_in_for_nobody_at_their_own_word_and_ends_what_others_arranged(at: datetime) -> None:
    agency, officer = OrganizationFactory.create(), secretariat()
    assert officer.user is not None
    MembershipFactory.create(user=officer.user, organization=agency, role="viewer")
    officer = Actor.for_user(officer.user)
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert officer.user is not None
    assert colleague is not None
    assert denied(partial(lend, absent, officer.user, at.date(), by=officer, at=at)) == "memberships.delegate"
    lend(absent, colleague, at.date(), by=SYSTEM, at=at)
    assert entrusting.end_delegation(actor=officer, at=at, membership_id=absent.pk).delegate is None


def test_membership_is_locked_alone_and_read_with_whom_it_is_about(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    lock, join = QuerySet.select_for_update, QuerySet.select_related

    def watched_lock(self: Any, **terms: Any) -> Any:
        asked.append(terms)
        return lock(self, **terms)

    def watched_join(self: Any, *names: Any) -> Any:
        asked.append(names)
        return join(self, *names)

    absent = MembershipFactory.create()
    monkeypatch.setattr(QuerySet, "select_for_update", watched_lock)
    monkeypatch.setattr(QuerySet, "select_related", watched_join)
    entrusting.end_delegation(actor=SYSTEM, at=at, membership_id=absent.pk)
    assert asked == [{"of": ("self",)}, ("organization", "user")]
