"""`manage.py invite LOGIN EMAIL`: let a person sign in, and give them their first role."""

import re
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from marketplace.accounts import people, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, User
from marketplace.accounts.operations import ORGANIZATION_CODE, OrganizationFacts, RoleSpan, save_organization
from marketplace.accounts.reach import current
from marketplace.accounts.roles import GROUP_WIDE_ROLES, ROLES_OF_PEOPLE
from marketplace.identity import operations
from marketplace.kernel.errors import DomainError
from marketplace.vocabularies import queries as vocabularies

OPERATIONS = Actor.system("operations")
SECRETARIAT_KIND = "member_agency"  # of the list `organization_kinds`: "Member agency or UN body"
MOST_SHOWN = 20  # codes in a message


class Command(BaseCommand):
    """Make the account where there is none, note that the address is the person's, and give them a role if one is named."""

    help = "Invite a person: whoever the identity provider knows under EMAIL signs on as LOGIN; perhaps with a role."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take login and address, and the role with its organization."""
        parser.add_argument("login")
        parser.add_argument("email", help="as the identity provider says it")
        parser.add_argument("--name", default="", help="of the person, for a new account")
        parser.add_argument("--organization", default="", metavar="CODE", help="in which the role is held")
        parser.add_argument("--role", default="", help=f"one of {', '.join(ROLES_OF_PEOPLE)}")
        parser.add_argument(
            "--organization-name", default="", help="makes the secretariat, where there is none yet, under this name"
        )

    @transaction.atomic
    def handle(
        self,
        *,
        login: str,
        email: str,
        name: str,
        organization: str = "",
        role: str = "",
        organization_name: str = "",
        **_: Any,
    ) -> None:
        """Invite them. Raises CommandError where something does not fit; then nothing is kept."""
        at = timezone.now()
        _check_options(organization, role, organization_name)
        try:
            user, _is_new = operations.invite_person(actor=OPERATIONS, at=at, login=login, email=email, name=name)
            told = "Roles are given by memberships (--organization, --role)."
            if role:
                of = _organization(organization, role, organization_name, at)
                told = _give(user, of, role, at)
        except DomainError as error:
            raise CommandError(_in_words(error)) from error
        self.stdout.write(f"{user.username} is invited as {email}. {told}")
        self.stdout.write(_way_in(user))


def _check_options(organization: str, role: str, organization_name: str) -> None:
    if bool(organization) != bool(role):
        raise CommandError("--organization and --role go together: a role is held in an organization.")
    if organization_name and not organization:
        raise CommandError("--organization-name is the name of --organization CODE.")
    if role and role not in ROLES_OF_PEOPLE:
        raise CommandError(f"{role!r} is no role of a person; choose one of {', '.join(ROLES_OF_PEOPLE)}.")


def _organization(code: str, role: str, name: str, at: datetime) -> Organization:
    """Find the organization; make it where it is to be the secretariat and there is none yet."""
    known = Organization.objects.filter(code=code).first()
    if known is not None:
        return known
    secretariat = queries.secretariat_organization(at.date())
    if secretariat is not None or role not in GROUP_WIDE_ROLES:
        raise CommandError(_unknown(code, secretariat))
    if not name:
        raise CommandError(
            f"There is no organization {code} yet. To make it, as the secretariat, say what it is called: "
            "--organization-name '...'."
        )
    if not re.fullmatch(ORGANIZATION_CODE, code):
        raise CommandError(f"{code!r} is no code of an organization: 2 to 40 capitals, digits, hyphens, underscores.")
    if SECRETARIAT_KIND not in vocabularies.codes("organization_kinds"):
        raise CommandError("The coded lists are not loaded yet: first `manage.py load_vocabularies`.")
    roles = [RoleSpan("secretariat", at.date())]
    facts = OrganizationFacts(code, {settings.LANGUAGE_CODE: name}, SECRETARIAT_KIND, roles=roles)
    return save_organization(facts, actor=OPERATIONS, at=at)


def _unknown(code: str, secretariat: Organization | None) -> str:
    codes = list(Organization.objects.values_list("code", flat=True)[: MOST_SHOWN + 1])
    shown = ", ".join(codes[:MOST_SHOWN]) + (" ..." if len(codes) > MOST_SHOWN else "")
    if secretariat is None:
        way = "The first account is that of a secretariat_head, who makes organizations through the API."
    else:
        way = f"The secretariat is {secretariat.code}; it makes organizations: POST /api/v1/organizations."
    return f"There is no organization {code}. Known are: {shown or 'none'}. {way}"


def _give(user: User, organization: Organization, role: str, at: datetime) -> str:
    """Give the role, unless they have it already: its terms may have been changed since."""
    held = queries.memberships_of(user).filter(current(at.date()), organization=organization, role=role)
    if held.exists():
        return f"They have the role {role} in {organization.code} already."
    people.give_membership(actor=OPERATIONS, at=at, user=user, organization=organization, role=role)
    return f"They have the role {role} in {organization.code} now."


def _way_in(user: User) -> str:
    if settings.OIDC_SERVER_URL:
        return f"They sign on through {settings.OIDC_APP['name']} ({settings.OIDC_SERVER_URL}), on the page /sign-in."
    if user.has_usable_password():
        return "They sign in with their password, on the page /sign-in."
    return (
        f"No identity provider is configured, and they have no password yet: `manage.py changepassword {user.username}` "
        "sets one (at least 12 characters), with which they sign in on the page /sign-in."
    )


def _in_words(error: DomainError) -> str:
    told = [f"{one.pointer.strip('/')}: {one.detail % dict(one.params)}" for one in error.errors]
    return " ".join(told) or error.kind.detail % error.params
