"""Rights on one organization, given to a person beside their roles: by whom, why, until when."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import entrusting, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import OrganizationUserGrant
from marketplace.accounts.roles import GRANTABLE, Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet, UpdatedSince
from marketplace.api.serializers import OrganizationRefOut, ReferenceField, StrictSerializer, ThingOut
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from marketplace.rest.memberships import PersonOut
from marketplace.rest.organizations import STAMPS

PERSON = "0198c0de-0000-7000-8000-000000000003"


class GrantIn(StrictSerializer):
    """Which right, on which organization's things, to whom, until when."""

    example: ClassVar[dict[str, object]] = {
        "person": PERSON,
        "organization": "IOM",
        "permission": "requests.read",
        "reason": "Evaluates the programme until the summer.",
        "expires_at": "2027-06-30T00:00:00Z",
    }

    person = ReferenceField(help_text="Public id of the person.")
    organization = ReferenceField(help_text="Code of the organization whose things it is about.")
    permission = serializers.ChoiceField(choices=sorted(right.value for right in GRANTABLE))
    reason = serializers.CharField(max_length=500)
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Without it: until it is taken back."
    )


class GrantOut(ThingOut):
    """A right that one person has on the things of one organization."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000006",
        **STAMPS,
        "person": {"id": PERSON, "name": "Awa Diallo"},
        "organization": {"code": "IOM", "name": "International Organization for Migration"},
        "permission": "requests.read",
        "given_by": {"id": "0198c0de-0000-7000-8000-000000000007", "name": "Jean Roux"},
        "reason": "Evaluates the programme until the summer.",
        "expires_at": "2027-06-30T00:00:00Z",
        "ended_at": None,
    }

    person = PersonOut(source="user", read_only=True)
    organization = OrganizationRefOut(source="content_object", read_only=True)
    permission = serializers.CharField(source="permission.name", read_only=True)
    given_by = PersonOut(read_only=True, allow_null=True, help_text="Null: the product itself.")
    reason = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True, allow_null=True)
    ended_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="When it was taken back.")


class GrantFilters(FilterSet):
    """Filters of the list."""

    organization = CodesFilter("content_object__code")
    permission = CodesFilter("permission__name", allowed=sorted(right.value for right in GRANTABLE))
    updated_since = UpdatedSince()


def give_grant(
    *, actor: Actor, at: datetime, person: str, organization: str, permission: str, **terms: Any
) -> tuple[OrganizationUserGrant, bool]:
    """Give a right by the ids of a body. Raises DomainError(unknown_reference) and what giving raises."""
    return entrusting.give_grant(
        actor=actor,
        at=at,
        user=queries.person_by_id(person, "/person"),
        organization=queries.organization_by_code(organization),
        permission=Permission(permission),
        **terms,
    )


class GrantViewSet(Lists, Reads, Creates, ThingViewSet):
    """`/grants`: on one's own organizations, and those that one holds; all for the secretariat."""

    tag, noun, nouns = "Organizations", "grant", "grants"
    resource, basename = "grants", "grant"
    access = Permission.ORGANIZATIONS_READ
    reads = GrantOut
    id_argument = "grant_id"
    filterset_class = GrantFilters
    create_with = Write(
        "Give a right on an organization",
        Permission.GRANTS_GIVE,
        description="At most what the giver has there by a role of their own; who has it already gets these terms.",
        body=GrantIn,
        errors=(ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=give_grant,
    )
    end = verb(
        "end",
        Write(
            "Take a right back, or give it back",
            Permission.ORGANIZATIONS_READ,
            if_match=IfMatch.OPTIONAL,
            operation=entrusting.end_grant,
        ),
    )

    def visible(self) -> QuerySet[OrganizationUserGrant]:
        """Grants that concern the caller."""
        return queries.grants_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[OrganizationUserGrant]) -> QuerySet[OrganizationUserGrant]:
        """Fetch people, organizations and rights ahead."""
        return things.select_related("user", "content_object", "permission", "given_by")
