"""Invitations: by whoever operates the installation, and the first account with rights of a new one."""

import getpass
from datetime import date, datetime
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership, Organization, User
from marketplace.accounts.roles import ROLES_OF_PEOPLE, Permission
from marketplace.audit.models import AuditRecord
from marketplace.identity import operations
from marketplace.kernel.errors import ErrorCode
from marketplace.vocabularies import queries as vocabularies
from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory, member, secretariat
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
HEAD = {"organization": "SEC", "role": "secretariat_head"}
NAMED = {**HEAD, "organization_name": "Secretariat of the group"}
SYSTEM = Actor.system("operations")


def invite(login: str = "awa", email: str = "awa@agency.example", **options: Any) -> str:
    told = StringIO()
    call_command("invite", login, email, stdout=told, **options)
    return told.getvalue()


def refused(*words: str, **options: Any) -> str:
    before = User.objects.count(), Organization.objects.count(), AuditRecord.objects.count()
    with pytest.raises(CommandError) as error:
        invite(*words, **options)
    assert (User.objects.count(), Organization.objects.count(), AuditRecord.objects.count()) == before
    return str(error.value)


# --- the command ----------------------------------------------------------------------------------------------------


def test_first_head_comes_with_the_secretariat(at: datetime) -> None:
    told = invite(name="Awa Diallo", **NAMED)
    assert "awa is invited as awa@agency.example. They have the role secretariat_head in SEC now." in told
    office = Organization.objects.get(code="SEC")
    assert (office.names, office.kind) == ({"en": "Secretariat of the group"}, "member_agency")
    assert office.kind in vocabularies.codes("organization_kinds")
    assert [row.role for row in office.roles.all()] == ["secretariat"]
    user = User.objects.get(username="awa")
    assert (str(user), user.email, user.is_superuser, user.is_staff) == (
        "Awa Diallo",
        "awa@agency.example",
        False,
        False,
    )
    now = Membership.objects.get().created_at
    for right in (Permission.MEMBERSHIPS_APPOINT, Permission.ORGANIZATIONS_MANAGE, Permission.AUDIT_READ):
        assert permissions.can(Actor.for_user(user), right, at=now, organization_id=OrganizationFactory.create().pk)
    trail = AuditRecord.objects.order_by("id")
    assert [(record.resource, record.action, record.actor_kind, record.actor_label) for record in trail] == [
        ("user", "invited", "system", "operations"),
        ("organization", "created", "system", "operations"),
        ("membership", "created", "system", "operations"),
    ]


def test_command_is_repeatable_and_leaves_the_terms_alone() -> None:
    invite(**NAMED)
    last = date(2999, 12, 31)
    Membership.objects.update(valid_to=last, countries=["MLI"])
    told = invite(**NAMED)
    assert "They have the role secretariat_head in SEC already." in told
    assert invite(**HEAD) == told
    membership = Membership.objects.get()
    assert (membership.valid_to, membership.countries, membership.version) == (last, ["MLI"], 1)
    assert (User.objects.count(), Organization.objects.count(), EmailAddress.objects.count()) == (1, 1, 1)
    Membership.objects.update(valid_to=date(2020, 1, 1))
    assert "They have the role secretariat_head in SEC now." in invite(**HEAD)
    assert Membership.objects.get().valid_to is None


def test_more_people_are_invited_into_known_organizations() -> None:
    invite(**NAMED)
    OrganizationFactory.create(code="REQ")
    for login, organization, role in (
        ("officer", "SEC", "secretariat_officer"),
        ("focal", "REQ", "focal_point"),
        ("auditor", "REQ", "auditor"),
    ):
        invite(login, f"{login}@agency.example", organization=organization, role=role)
        held = Membership.objects.get(user__username=login)
        assert (held.organization.code, held.role) == (organization, role)


def test_options_that_do_not_go_together_are_refused() -> None:
    assert "go together" in refused(role="viewer")
    assert "go together" in refused(organization="SEC")
    assert "--organization-name" in refused(organization_name="Secretariat")
    told = refused(organization="SEC", role="service_client")
    assert all(role in told for role in ROLES_OF_PEOPLE)


def test_organization_that_is_not_there_is_made_for_the_first_secretariat_alone() -> None:
    assert "--organization-name" in refused(**HEAD)
    assert "'sec 1'" in refused(organization="sec 1", role="secretariat_head", organization_name="Secretariat")
    assert "secretariat_head" in refused(organization="REQ", role="focal_point", organization_name="Agency")
    invite(**NAMED)
    told = refused(
        "second", "second@agency.example", organization="SECR", role="secretariat_head", organization_name="X"
    )
    assert "Known are: SEC." in told
    assert "The secretariat is SEC" in told


def test_codes_that_are_known_are_named_up_to_a_number() -> None:
    for number in range(25):
        OrganizationFactory.create(code=f"ORG-{number:02}")
    told = refused(organization="REQ", role="viewer")
    assert "ORG-00, ORG-01" in told
    assert "ORG-19 ..." in told
    assert "ORG-20" not in told


def test_lists_that_are_not_loaded_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabularies, "codes", lambda scheme: frozenset())
    assert "load_vocabularies" in refused(**NAMED)


def test_role_of_the_secretariat_elsewhere_is_refused_in_words() -> None:
    OrganizationFactory.create(code="REQ")
    told = refused(organization="REQ", role="secretariat_head", organization_name="X")
    assert told.startswith("role: `secretariat_head` is a role of the secretariat")


def test_address_of_another_account_and_a_closed_account_are_refused() -> None:
    invite()
    assert refused("other", "AWA@agency.example") == "email: This is the address of another account."
    User.objects.update(is_active=False)
    assert refused() == "login: This account is closed."


def test_operator_gives_a_known_account_a_further_address() -> None:
    UserFactory.create(username="focal", email="old@agency.example")
    invite("focal", "New@agency.example")
    assert list(EmailAddress.objects.values_list("user__username", "email", "verified")) == [
        ("focal", "new@agency.example", True)
    ]


def test_command_says_how_the_person_comes_in(settings: Any) -> None:
    settings.OIDC_SERVER_URL = ""
    told = invite()
    assert "`manage.py changepassword awa`" in told
    assert "Roles are given by memberships" in told
    user = User.objects.get()
    user.set_password("a long password of hers")
    user.save()
    assert "with their password" in invite()
    settings.OIDC_SERVER_URL = "https://sign-on.example"
    settings.OIDC_APP = {"name": "Sign-on of the group"}
    assert "through Sign-on of the group (https://sign-on.example)" in invite()


def test_first_password_is_set_by_the_command_under_the_rules_for_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    invite("awa.diallo")
    assert not User.objects.get().has_usable_password()

    def change_to(*words: str) -> str:
        given = iter([word for word in words for _ in range(2)])
        monkeypatch.setattr(getpass, "getpass", lambda prompt="": next(given))
        errors = StringIO()
        call_command("changepassword", "awa.diallo", stdout=StringIO(), stderr=errors)
        return errors.getvalue()

    told = change_to("short", "awa.diallo.2026", "quiet-harbour-57")
    assert "12 characters" in told
    assert "too similar" in told
    assert User.objects.get().check_password("quiet-harbour-57")


# --- the operation --------------------------------------------------------------------------------------------------


def test_secretariat_invites_and_nobody_else(at: datetime) -> None:
    facts: dict[str, Any] = {"at": at, "login": "awa", "email": "Awa@Agency.example", "name": "Awa"}
    for actor in (member(OrganizationFactory.create()), member(OrganizationFactory.create(), "secretariat_officer")):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.invite_person(actor=actor, **facts)
    officer = secretariat()
    user, is_new = operations.invite_person(actor=officer, **facts)
    assert (user.username, is_new, user.has_usable_password()) == ("awa", True, False)
    assert EmailAddress.objects.get(user=user).email == "awa@agency.example"
    record = AuditRecord.objects.get(resource="user")
    assert (record.action, record.actor_label, record.resource_id) == ("invited", officer.label, user.public_id)
    assert operations.invite_person(actor=officer, **{**facts, "login": "AWA"}) == (user, False)


def test_secretariat_opens_no_known_account_by_another_address(at: datetime) -> None:
    office = OrganizationFactory.create(roles=["secretariat"])
    head = MembershipFactory.create(organization=office, role="secretariat_head").user
    officer = secretariat(organization=office)
    for login, email, place, code in (
        (head.username, "officer@agency.example", "/login", "taken"),
        (head.username.upper(), "officer@agency.example", "/login", "taken"),
        ("new", head.email.upper(), "/email", "taken"),
    ):
        with refusal(ErrorCode.RULE_BROKEN) as told:
            operations.invite_person(actor=officer, at=at, login=login, email=email)
        assert (told.value.errors[0].pointer, told.value.errors[0].code) == (place, code)
    assert not EmailAddress.objects.exists()
    assert not User.objects.filter(username="new").exists()
    user, is_new = operations.invite_person(actor=officer, at=at, login=head.username, email=head.email)
    assert (user, is_new) == (head, False)


def test_address_by_which_somebody_signs_on_is_nobody_elses(at: datetime) -> None:
    known = UserFactory.create(email="")
    EmailAddress.objects.create(user=known, email="known@agency.example", verified=True)
    for actor in (SYSTEM, secretariat()):
        with refusal(ErrorCode.RULE_BROKEN) as told:
            operations.invite_person(actor=actor, at=at, login="other", email="Known@agency.example")
        assert told.value.errors[0].pointer == "/email"
        assert operations.invite_person(actor=actor, at=at, login=known.username, email="known@agency.example") == (
            known,
            False,
        )
