"""Who has which role in one's own organizations; in all for the secretariat."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import entrusting, queries
from marketplace.accounts.models import Membership
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet, UpdatedSince
from marketplace.api.serializers import OrganizationRefOut, ReferenceField, StrictSerializer, ThingOut
from marketplace.api.views import Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from marketplace.rest.organizations import STAMPS


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


class MembershipViewSet(Lists, Reads, ThingViewSet):
    """Who has which role: of one's own organizations; all for the secretariat."""

    tag, noun, nouns = "Organizations", "membership", "memberships"
    resource, basename = "memberships", "membership"
    access = Permission.ORGANIZATIONS_READ
    reads = MembershipOut
    id_argument = "membership_id"
    filterset_class = MembershipFilters
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
