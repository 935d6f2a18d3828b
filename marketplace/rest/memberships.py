"""Who has which role in one's own organizations; in all for the secretariat, which gives and ends them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import entrusting, people, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Membership
from marketplace.accounts.roles import ROLES_OF_PEOPLE, Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet, UpdatedSince
from marketplace.api.serializers import CodeField, OrganizationRefOut, ReferenceField, StrictSerializer, ThingOut
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.identity import operations as identity
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from marketplace.rest.organizations import STAMPS

Named = Mapping[str, str]
LOGIN = r"^[A-Za-z0-9_.@+-]{1,150}$"  # of what Django takes, what everybody can type


class PersonOut(serializers.Serializer[Any]):
    """A person by name."""

    id = serializers.UUIDField(source="public_id", read_only=True)
    name = serializers.CharField(source="__str__", read_only=True)


class MembershipOut(ThingOut):
    """A person's role in an organization, for a time, perhaps for some countries and programmes only."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000002",
        **STAMPS,
        "person": {"id": "0198c0de-0000-7000-8000-000000000003", "name": "Awa Diallo"},
        "organization": {"code": "IOM", "name": "International Organization for Migration"},
        "role": "focal_point",
        "valid_from": "2026-01-01",
        "valid_to": None,
        "countries": ["MLI"],
        "programmes": [],
        "delegate": None,
        "delegated_from": None,
        "delegated_to": None,
    }

    person = PersonOut(source="user", read_only=True)
    organization = OrganizationRefOut(read_only=True)
    role = serializers.CharField(read_only=True)
    valid_from = serializers.DateField(read_only=True, allow_null=True)
    valid_to = serializers.DateField(read_only=True, allow_null=True)
    countries = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Empty: all.")
    programmes = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Empty: all.")
    delegate = PersonOut(read_only=True, allow_null=True)
    delegated_from = serializers.DateField(read_only=True, allow_null=True)
    delegated_to = serializers.DateField(read_only=True, allow_null=True)


class MembershipIn(StrictSerializer):
    """Who gets which role in which organization, for how long and for what; a person by `person` or `login` and `email`."""

    example: ClassVar[dict[str, object]] = {
        "login": "awa.diallo",
        "email": "awa.diallo@agency.example",
        "name": "Awa Diallo",
        "organization": "IOM",
        "role": "focal_point",
        "valid_from": "2026-01-01",
        "valid_to": None,
        "countries": ["MLI"],
        "programmes": [],
    }
    person = ReferenceField(required=False, help_text="Public id of a person who has an account.")
    login = serializers.RegexField(
        LOGIN, required=False, help_text="Of the account; it is made where there is none, without a password."
    )
    email = serializers.EmailField(
        max_length=254, required=False, help_text="As the identity provider says it; noted as the person's."
    )
    name = serializers.CharField(max_length=200, required=False, help_text="Of the person, for a new account.")
    organization = ReferenceField(help_text="Code of the organization in which the role is held.")
    role = serializers.ChoiceField(choices=ROLES_OF_PEOPLE)
    valid_from = serializers.DateField(required=False, allow_null=True, help_text="The first day; without it: at once.")
    valid_to = serializers.DateField(
        required=False, allow_null=True, help_text="The last day; without it: until it is ended."
    )
    countries = serializers.ListField(
        child=CodeField("countries"), max_length=300, required=False, help_text="Empty: all."
    )
    programmes = serializers.ListField(
        child=ReferenceField(max_length=40), max_length=100, required=False, help_text="Codes; empty: all."
    )


class MembershipEndIn(StrictSerializer):
    """Why a role ends."""

    example: ClassVar[dict[str, object]] = {"reason": "Has moved to another agency."}

    reason = serializers.CharField(max_length=500, help_text="For the audit trail.")


class DelegationIn(StrictSerializer):
    """Who stands in while the member is away, from the first to the last day."""

    example: ClassVar[dict[str, object]] = {
        "delegate": "0198c0de-0000-7000-8000-000000000005",
        "start": "2026-12-21",
        "end": "2027-01-04",
    }

    delegate = ReferenceField(help_text="Public id of a colleague: somebody with a role in the organization's tree.")
    start = serializers.DateField()
    end = serializers.DateField()


class MembershipFilters(FilterSet):
    """Filters of the list."""

    organization = CodesFilter("organization__code")
    role = CodesFilter("role")
    updated_since = UpdatedSince()


@transaction.atomic
def give_membership(
    *,
    actor: Actor,
    at: datetime,
    organization: str,
    person: str = "",
    login: str = "",
    email: str = "",
    name: str = "",
    **terms: Any,
) -> tuple[Membership, bool]:
    """Give a role by the ids of a body. Raises DomainError(unknown_reference, rule_broken), and what inviting and giving raise."""
    _check_named_once({"person": person}, {"login": login, "email": email}, {"name": name})
    of = queries.organization_by_code(organization)
    if person:
        user = queries.person_by_id(person, "/person")
    else:
        user, _is_new = identity.invite_person(actor=actor, at=at, login=login, email=email, name=name)
    return people.give_membership(actor=actor, at=at, user=user, organization=of, **terms)


def _check_named_once(known: Named, new: Named, beside: Named) -> None:
    """Raise DomainError(rule_broken) naming what is too much, or what is missing, of who the person is."""
    if any(known.values()):
        told, code = gettext_noop("Name the person by `person`, or by `login` and `email`: not both."), "either_or"
        wrong = [name for name, value in {**new, **beside}.items() if value]
    else:
        told, code = gettext_noop("Name the person: by `person`, or by `login` and `email`."), "who"
        is_begun = any({**new, **beside}.values())
        wrong = [name for name, value in new.items() if not value] if is_begun else list(known)
    if wrong:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=[FieldError(f"/{name}", code, told) for name in wrong])


class MembershipViewSet(Lists, Reads, Creates, ThingViewSet):
    """Who has which role: of one's own organizations; all for the secretariat."""

    tag, noun, nouns = "Organizations", "membership", "memberships"
    resource, basename = "memberships", "membership"
    access = Permission.ORGANIZATIONS_READ
    reads = MembershipOut
    id_argument = "membership_id"
    filterset_class = MembershipFilters
    create_with = Write(
        "Give a person a role in an organization",
        Permission.ORGANIZATIONS_MANAGE,
        description="By the secretariat; its own roles and that of auditors by its head. Nobody gives a role to themselves. "
        "Who has, or had, the role already gets these terms. An account that is made has no password: the person signs on "
        "through the identity provider, or whoever operates the installation sets a first password.",
        body=MembershipIn,
        errors=(ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=give_membership,
    )
    end = verb(
        "end",
        Write(
            "End a person's role in an organization",
            Permission.ORGANIZATIONS_MANAGE,
            description="By who may give the role; nobody ends a role of their own. It counts from the next call on, "
            "ends that anybody stands in for the person by it, and stays for the record.",
            body=MembershipEndIn,
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.RULE_BROKEN,),
            operation=people.end_membership,
        ),
    )
    delegate = verb(
        "delegate",
        Write(
            "Let somebody stand in for a member who is away",
            Permission.MEMBERSHIPS_DELEGATE,
            description="By the member, or by who manages organizations. What the delegate does is recorded as done on "
            "behalf of the member; what was lent is never lent on.",
            body=DelegationIn,
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
            operation=entrusting.delegate_membership,
        ),
    )
    end_delegation = verb(
        "end-delegation",
        Write(
            "End a delegation",
            Permission.MEMBERSHIPS_DELEGATE,
            description="By the member, the delegate, or who manages organizations.",
            if_match=IfMatch.OPTIONAL,
            operation=entrusting.end_delegation,
        ),
    )

    def visible(self) -> QuerySet[Membership]:
        """Memberships of the organizations of which the caller is a member."""
        return queries.memberships_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Membership]) -> QuerySet[Membership]:
        """Fetch people and organizations ahead."""
        return things.select_related("user", "organization", "delegate")
