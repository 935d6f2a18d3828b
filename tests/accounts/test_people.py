"""Who gives and ends which role, to whom, where and for how long."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils.translation import gettext, override

from marketplace.accounts import entrusting, operations, people, permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership, Organization, OrganizationRole, User
from marketplace.accounts.roles import GRANTABLE, OFFICES, ROLES, ROLES_OF_PEOPLE, Permission
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.identity.operations import application_for
from marketplace.kernel.errors import DomainError, ErrorCode
from tests.factories.accounts import (
    MembershipFactory,
    OrganizationFactory,
    ProgrammeFactory,
    UserFactory,
    client_of,
    member,
    secretariat,
)
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
P = Permission
SYSTEM = Actor.system("test")
DAY = timedelta(days=1)


def give(
    actor: Actor, at: datetime, role: str = "focal_point", *, to: User | None = None, **terms: Any
) -> tuple[Membership, bool]:
    organization = terms.pop("organization", None) or OrganizationFactory.create()
    user = to or UserFactory.create()
    return people.give_membership(actor=actor, at=at, user=user, organization=organization, role=role, **terms)


def end(actor: Actor, at: datetime, membership: Membership, **terms: Any) -> Membership:
    return people.end_membership(actor=actor, at=at, membership_id=membership.pk, reason="Left.", **terms)


def may_write(user: User, organization: Organization, at: datetime) -> bool:
    return permissions.can(Actor.for_user(user), P.REQUESTS_WRITE, at=at, organization_id=organization.pk)


def denied(call: Callable[[], object]) -> object:
    with refusal(ErrorCode.PERMISSION_DENIED) as refused:
        call()
    return refused.value.params["permission"]


def broken(call: Callable[[], object]) -> tuple[str, str]:
    """The place and the code of a rule that is broken, once what is said of it is known to be a sentence that has its French."""
    with refusal(ErrorCode.RULE_BROKEN) as refused:
        call()
    error = refused.value.errors[0]
    with override("fr"):
        assert gettext(error.detail) != error.detail
    return error.pointer, error.code


# --- who gives which role -------------------------------------------------------------------------------------------


def test_roles_of_people_are_all_but_that_of_systems() -> None:
    assert {*ROLES_OF_PEOPLE, "service_client"} == set(ROLES)
    # Every role with rights that no organization can lend is an office, and no other is.
    assert {role for role in ROLES_OF_PEOPLE if P.REPORTS_READ in ROLES[role]} == OFFICES
    assert P.MEMBERSHIPS_APPOINT not in GRANTABLE
    assert [role for role in ROLES if P.MEMBERSHIPS_APPOINT in ROLES[role]] == ["secretariat_head"]


@pytest.mark.parametrize("role", ["focal_point", "provider_staff", "viewer"])
def test_officer_and_head_give_the_roles_of_organizations(role: str, at: datetime) -> None:
    for giver in (secretariat(), secretariat("secretariat_head")):
        membership, is_new = give(giver, at, role)
        assert (membership.role, is_new) == (role, True)


@pytest.mark.parametrize("role", sorted(OFFICES))
def test_roles_of_the_group_are_given_and_ended_by_the_head_alone(role: str, at: datetime) -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    officer, head = secretariat(organization=office), secretariat("secretariat_head", office)
    assert denied(partial(give, officer, at, role, organization=office)) == "memberships.appoint"
    membership, _ = give(head, at, role, organization=office)
    assert denied(partial(end, officer, at, membership)) == "memberships.appoint"
    assert end(head, at, membership).valid_to == at.date() - DAY


@pytest.mark.parametrize("role", ["focal_point", "provider_staff", "viewer", "auditor"])
def test_others_give_and_end_no_role_not_even_in_their_own_organization(role: str, at: datetime) -> None:
    agency = OrganizationFactory.create()
    membership = MembershipFactory.create(organization=agency)
    for actor in (member(agency, role), client_of(agency, "organizations:write"), Actor.anonymous()):
        with pytest.raises(DomainError):
            give(actor, at, "viewer", organization=agency)
        with pytest.raises(DomainError):
            end(actor, at, membership)
    membership.refresh_from_db()
    assert membership.valid_to is None


@pytest.mark.parametrize("role", ["secretariat_officer", "secretariat_head"])
def test_office_in_what_is_the_secretariat_no_more_gives_nothing(role: str, at: datetime) -> None:
    former = OrganizationFactory.create(roles=["secretariat"])
    actor = member(former, role)
    OrganizationRole.objects.update(valid_to=at.date() - DAY)
    for wanted in ("viewer", "auditor"):
        assert denied(partial(give, actor, at, wanted, organization=former)) == "organizations.manage"
    assert denied(partial(end, actor, at, MembershipFactory.create(organization=former))) == "organizations.manage"


@pytest.mark.parametrize("role", ["secretariat_officer", "secretariat_head"])
def test_office_in_what_is_the_secretariat_no_more_makes_no_secretariat_and_no_keys(role: str, at: datetime) -> None:
    former, agency = OrganizationFactory.create(roles=["secretariat"]), OrganizationFactory.create()
    actor = member(former, role)
    OrganizationRole.objects.update(valid_to=at.date() - DAY)
    facts = operations.OrganizationFacts(
        former.code, {"en": "Back"}, "member_agency", roles=[operations.RoleSpan("secretariat", at.date())]
    )
    assert denied(partial(operations.save_organization, facts, actor=actor, at=at)) == "organizations.manage"
    client: dict[str, Any] = {"client_id": "sys", "name": "System", "organization": agency, "scopes": ["requests:read"]}
    assert denied(partial(operations.save_service_client, actor=actor, at=at, **client)) == "organizations.manage"
    assert not [right for right in actor.rights(at) if right.permissions]


def test_what_was_lent_makes_no_key_that_would_outlast_it(at: datetime) -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    officer = MembershipFactory.create(organization=office, role="secretariat_officer")
    viewer = MembershipFactory.create(organization=office, role="viewer").user
    days: dict[str, Any] = {"start": at.date(), "end": at.date(), "delegate": str(viewer.public_id)}
    entrusting.delegate_membership(actor=SYSTEM, at=at, membership_id=officer.pk, **days)
    made = client_of(OrganizationFactory.create(), "requests:read").client
    assert made is not None
    span: dict[str, Any] = {"name": "key", "scopes": ["requests:read"], "lifetime": timedelta(days=365), "client": made}
    for actor, may in ((Actor.for_user(viewer), False), (Actor.for_user(officer.user), True)):
        client: dict[str, Any] = {"client_id": "sys", "name": "System", "organization": office}
        client |= {"scopes": ["requests:read"]}
        for call in (
            partial(operations.save_service_client, actor=actor, at=at, **client),
            partial(operations.issue_token, actor=actor, at=at, **span),
            partial(application_for, made, actor=actor, at=at),
        ):
            if may:
                assert call()
            else:
                assert denied(call) == "organizations.manage"


def test_what_was_lent_gives_no_role(at: datetime) -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    head = MembershipFactory.create(organization=office, role="secretariat_head")
    viewer = MembershipFactory.create(organization=office, role="viewer").user
    days: dict[str, Any] = {"start": at.date(), "end": at.date()}
    lend = partial(entrusting.delegate_membership, actor=SYSTEM, at=at, membership_id=head.pk, **days)
    lend(delegate=str(viewer.public_id))
    assert denied(partial(give, Actor.for_user(viewer), at)) == "organizations.manage"
    officer = secretariat(organization=office)
    assert officer.user is not None
    lend(delegate=str(officer.user.public_id))
    assert give(officer, at)[1]
    assert denied(partial(give, officer, at, "auditor")) == "memberships.appoint"


def test_token_without_the_scope_gives_and_ends_nothing(at: datetime) -> None:
    head = secretariat("secretariat_head").user
    assert head is not None
    narrow = Actor.for_user(head, scopes=frozenset({"organizations:read"}))
    for call in (partial(give, narrow, at), partial(end, narrow, at, MembershipFactory.create())):
        with refusal(ErrorCode.INSUFFICIENT_SCOPE):
            call()
    assert give(Actor.for_user(head, scopes=frozenset({"organizations:write"})), at, "auditor")[1]


def test_nobody_gives_or_ends_a_role_of_their_own(at: datetime) -> None:
    head = secretariat("secretariat_head")
    assert head.user is not None
    own = head.user.memberships.get()
    assert broken(partial(give, head, at, to=head.user)) == ("/person", "oneself")
    assert broken(partial(give, head, at, own.role, to=head.user, organization=own.organization))[1] == "oneself"
    assert broken(partial(end, head, at, own)) == ("", "oneself")
    second = secretariat("secretariat_head", own.organization)
    assert end(second, at, own).valid_to == at.date() - DAY


# --- where and for how long -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["secretariat_officer", "secretariat_head"])
def test_role_of_the_secretariat_is_held_in_the_secretariat_alone(role: str, at: datetime) -> None:
    agency, later = OrganizationFactory.create(roles=["member"]), OrganizationFactory.create()
    OrganizationRole.objects.create(organization=later, role="secretariat", valid_from=at.date() + DAY)
    for giver in (secretariat("secretariat_head"), SYSTEM):
        for organization in (agency, later):
            with refusal(ErrorCode.RULE_BROKEN) as refused:
                give(giver, at, role, organization=organization)
            error = refused.value.errors[0]
            assert (error.pointer, error.code, error.params) == ("/role", "not_the_secretariat", {"value": role})
            assert error.allowed == ("auditor", "focal_point", "provider_staff", "viewer")


def test_auditor_belongs_to_any_organization(at: datetime) -> None:
    membership, _ = give(secretariat("secretariat_head"), at, "auditor")
    assert permissions.can(Actor.for_user(membership.user), P.AUDIT_READ, at=at)


def test_days_are_in_order_and_not_past(at: datetime) -> None:
    today, officer = at.date(), secretariat()
    assert broken(partial(give, officer, at, valid_to=today - DAY)) == ("/valid_to", "over")
    wrong: dict[str, Any] = {"valid_from": today + 2 * DAY, "valid_to": today + DAY}
    assert broken(partial(give, officer, at, **wrong)) == ("/valid_to", "order")
    for first, last in ((None, None), (None, today), (today, today), (today - DAY, None), (today + DAY, today + DAY)):
        membership, _ = give(officer, at, valid_from=first, valid_to=last)
        assert (membership.valid_from, membership.valid_to) == (first, last)


def test_limits_are_kept_once_each_and_an_unknown_programme_is_named(at: datetime) -> None:
    code = ProgrammeFactory.create().code
    membership, _ = give(secretariat(), at, countries=["MLI", "SEN", "MLI"], programmes=[code, code])
    assert (membership.countries, membership.programmes) == (["MLI", "SEN"], [code])
    with refusal(ErrorCode.UNKNOWN_REFERENCE) as refused:
        give(secretariat(), at, programmes=[code, "NONE"])
    assert refused.value.errors[0].pointer == "/programmes/1"


def test_role_given_again_gets_the_new_terms(at: datetime) -> None:
    officer = secretariat()
    first, is_new = give(officer, at, valid_to=at.date() + DAY, countries=["MLI"])
    again, is_new_again = give(officer, at, to=first.user, organization=first.organization)
    assert (is_new, is_new_again, again.pk, again.version) == (True, False, first.pk, 2)
    assert (again.valid_to, again.countries) == (None, [])
    created, changed = AuditRecord.objects.filter(resource="membership").order_by("id")
    assert (created.action, changed.action) == ("created", "changed")
    whom = {"user": str(first.user.public_id), "role": "focal_point"}
    ends = (at.date() + DAY).isoformat()
    assert created.changes == {**whom, "valid_to": [None, ends], "countries": [[], ["MLI"]]}
    assert changed.changes == {**whom, "valid_to": [ends, None], "countries": [["MLI"], []]}
    other, is_new = give(officer, at, "viewer", to=first.user, organization=first.organization)
    assert (is_new, other.pk == first.pk) == (True, False)


def test_saving_itself_asks_for_the_right(at: datetime) -> None:
    terms: dict[str, Any] = {"user": UserFactory.create(), "organization": OrganizationFactory.create()}
    actor = member(OrganizationFactory.create())
    assert denied(partial(operations.save_membership, actor=actor, at=at, role="viewer", **terms))


# --- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("began", [None, -10, 0, 10])
def test_role_ends_at_once_and_stays_for_the_record(began: int | None, at: datetime) -> None:
    officer, yesterday = secretariat(), at.date() - DAY
    first = None if began is None else at.date() + began * DAY
    membership, _ = give(officer, at, valid_from=first)
    assert may_write(membership.user, membership.organization, at) is (began is None or began <= 0)
    ended = end(officer, at, membership)
    assert not may_write(membership.user, membership.organization, at)
    assert not may_write(membership.user, membership.organization, at + 20 * DAY)
    kept = Membership.objects.get(pk=membership.pk)
    assert (kept.valid_to, kept.version, ended.pk) == (yesterday, 2, kept.pk)
    assert kept.valid_from == (None if first is None else min(first, yesterday))
    record = AuditRecord.objects.filter(resource="membership").latest("id")
    assert (record.action, record.reason_text, record.actor_label) == ("ended", "Left.", officer.label)
    assert record.organization_code == membership.organization.code
    assert record.changes["valid_to"] == [None, yesterday.isoformat()]
    moved = first is not None and first > yesterday
    assert record.changes.get("valid_from") == ([_iso(first), yesterday.isoformat()] if moved else None)
    event = OutboxEvent.objects.latest("id")
    assert (event.type, event.audience, event.version) == ("membership.ended", "organizations", 2)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def test_role_that_ends_later_or_today_ends_now_and_ended_again_nothing_changes(at: datetime) -> None:
    officer = secretariat()
    for days in (0, 5):
        membership, _ = give(officer, at, valid_to=at.date() + days * DAY)
        assert end(officer, at, membership).valid_to == at.date() - DAY
        told = AuditRecord.objects.count(), OutboxEvent.objects.count()
        assert end(officer, at + 3 * DAY, membership).version == 2
        assert (AuditRecord.objects.count(), OutboxEvent.objects.count()) == told
    past = MembershipFactory.create(valid_to=at.date() - 9 * DAY)
    assert end(officer, at, past).valid_to == at.date() - 9 * DAY


def test_who_stands_in_stands_in_no_longer(at: datetime) -> None:
    agency = OrganizationFactory.create()
    absent, colleague = MembershipFactory.create(organization=agency), member(agency, "viewer").user
    assert colleague is not None
    entrusting.delegate_membership(
        actor=SYSTEM, at=at, membership_id=absent.pk, delegate=str(colleague.public_id), start=at.date(), end=at.date()
    )
    assert may_write(colleague, agency, at)
    ended = end(secretariat(), at, absent)
    assert not may_write(colleague, agency, at)
    assert (ended.delegate, ended.delegated_from, ended.delegated_to) == (None, None, None)
    changes = AuditRecord.objects.filter(resource="membership").latest("id").changes
    assert changes["delegate"] == [str(colleague.public_id), None]
    # Given again, the role is the person's and nobody stands in.
    again, is_new = give(secretariat(), at, to=absent.user, organization=agency)
    assert (again.pk, is_new, again.delegate) == (absent.pk, False, None)
    assert may_write(absent.user, agency, at)
    assert not may_write(colleague, agency, at)


def lent(organization: Organization, colleague: User, at: datetime, days: int = 0) -> Membership:
    """The role of a member who is away until some days after ``at``."""
    absent = MembershipFactory.create(organization=organization)
    first, last = at.date() + min(days, 0) * DAY, at.date() + days * DAY
    Membership.objects.filter(pk=absent.pk).update(delegate=colleague, delegated_from=first, delegated_to=last)
    return absent


def test_who_leaves_stands_in_for_nobody_any_more(at: datetime) -> None:
    agency, elsewhere = OrganizationFactory.create(), OrganizationFactory.create()
    unit = OrganizationFactory.create(parent=agency)
    own = MembershipFactory.create(organization=agency, role="viewer")
    MembershipFactory.create(organization=elsewhere, role="viewer", user=own.user)
    near, below, far = (lent(one, own.user, at, days=30) for one in (agency, unit, elsewhere))
    past = lent(agency, own.user, at, days=-1)
    other = lent(agency, MembershipFactory.create(organization=agency, role="viewer").user, at)
    officer = secretariat()
    end(officer, at, own)
    for membership in (near, below):
        membership.refresh_from_db()
        kept = (membership.delegate, membership.delegated_from, membership.delegated_to)
        assert (kept, membership.version, membership.updated_at) == ((None, None, None), 2, at)
        assert not may_write(own.user, membership.organization, at)
        record = AuditRecord.objects.get(resource_id=membership.public_id)
        said = (record.action, record.changes, record.at, record.actor_label)
        assert said == ("delegation_ended", {}, at, officer.label)
        assert OutboxEvent.objects.filter(type="membership.delegation_ended", resource_id=membership.public_id).exists()
    for membership in (far, past, other):
        membership.refresh_from_db()
        assert (membership.delegate is None, membership.version) == (False, 1)
    assert may_write(own.user, elsewhere, at)


@pytest.mark.parametrize("where", ["agency", "unit", "sibling"])
def test_who_stays_in_the_tree_in_another_role_goes_on_standing_in(where: str, at: datetime) -> None:
    agency = OrganizationFactory.create()
    places = {"agency": agency} | {name: OrganizationFactory.create(parent=agency) for name in ("unit", "sibling")}
    left, kept = (
        MembershipFactory.create(organization=agency, role="viewer"),
        MembershipFactory.create(organization=places[where], role="provider_staff"),
    )
    Membership.objects.filter(pk=kept.pk).update(user=left.user)
    absent = lent(places["unit"], left.user, at)
    end(secretariat(), at, left)
    absent.refresh_from_db()
    assert absent.delegate == left.user
    assert may_write(left.user, places["unit"], at)
    end(secretariat(), at, kept)
    absent.refresh_from_db()
    assert absent.delegate is None


def test_two_who_stand_in_for_each_other_leave_one_after_the_other(at: datetime) -> None:
    agency, officer = OrganizationFactory.create(), secretariat()
    first, second = (MembershipFactory.create(organization=agency) for _ in range(2))
    for one, other in ((first, second), (second, first)):
        Membership.objects.filter(pk=one.pk).update(
            delegate=other.user, delegated_from=at.date(), delegated_to=at.date()
        )
    end(officer, at, first)
    end(officer, at, second)
    assert not Membership.objects.filter(delegate__isnull=False).exists()
    assert [row.version for row in Membership.objects.filter(organization=agency).order_by("pk")] == [2, 3]


def test_end_of_what_is_not_there_or_was_changed_meanwhile_is_refused(at: datetime) -> None:
    officer, membership = secretariat(), MembershipFactory.create()
    with refusal(ErrorCode.NOT_FOUND):
        people.end_membership(actor=officer, at=at, membership_id=membership.pk + 10_000, reason="-")
    with refusal(ErrorCode.PRECONDITION_FAILED):
        end(officer, at, membership, expected_version=7)
    assert end(officer, at, membership, expected_version=1).version == 2
