"""Organizations, memberships, integrating systems, programmes and context events."""

from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import operations, permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import ContextEvent, Membership, Organization, Programme, ServiceClient
from marketplace.accounts.operations import OrganizationFacts, RoleSpan
from marketplace.accounts.roles import SCOPES, Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet, JsonListFilter, UpdatedSince
from marketplace.api.serializers import (
    CodeField,
    CodesField,
    LabelField,
    LanguageMapField,
    LinksField,
    OrganizationRefOut,
    PeriodField,
    ReferenceField,
    StrictSerializer,
    ThingOut,
)
from marketplace.api.views import Changes, Creates, Lists, Reads, ThingViewSet
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import check_version

CODE = r"^[A-Z0-9][A-Z0-9_-]{1,39}$"
STAMPS = {"version": 1, "created_at": "2026-11-23T09:00:00Z", "updated_at": "2026-11-23T09:00:00Z"}


# --- organizations ------------------------------------------------------------------------------------------------
class RoleSpanIn(StrictSerializer):
    """A role in the group, for a time."""

    role = CodeField("organization_roles")
    valid_from = serializers.DateField(required=False, allow_null=True)
    valid_to = serializers.DateField(required=False, allow_null=True)


class OrganizationChange(StrictSerializer):
    """What the secretariat keeps about an organization."""

    example: ClassVar[dict[str, object]] = {"aliases": ["OIM"]}

    names = LanguageMapField(max_length=200)
    kind = CodeField("organization_kinds")
    parent = ReferenceField(required=False, allow_null=True)
    country = CodeField("countries", required=False, allow_null=True)
    aliases = serializers.ListField(child=serializers.CharField(max_length=200), max_length=50, required=False)
    roles = RoleSpanIn(many=True, required=False)
    crs_channel = serializers.CharField(max_length=10, required=False, allow_blank=True)
    historical = serializers.BooleanField(required=False)

    def arguments(self) -> dict[str, Any]:
        """Give the facts that were sent."""
        return {"changes": dict(self.validated_data)}


class OrganizationIn(OrganizationChange):
    """A new organization."""

    example: ClassVar[dict[str, object]] = {
        "code": "UNITAR",
        "names": {"en": "United Nations Institute for Training and Research"},
        "kind": "member_agency",
        "roles": [{"role": "provider", "valid_from": "2012-01-01"}],
    }

    code = serializers.RegexField(CODE)


class RoleSpanOut(serializers.Serializer[Any]):
    """A role in the group, for a time."""

    role = serializers.CharField(read_only=True)
    valid_from = serializers.DateField(read_only=True, allow_null=True)
    valid_to = serializers.DateField(read_only=True, allow_null=True)


class OrganizationOut(ThingOut):
    """An agency, centre, authority, funder ... that takes part."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000001",
        **STAMPS,
        "code": "IOM",
        "names": {"en": "International Organization for Migration"},
        "kind": "member_agency",
        "kind_label": "Member agency",
        "parent": None,
        "country": None,
        "aliases": ["OIM"],
        "roles": [{"role": "member", "valid_from": "2006-01-01", "valid_to": None}],
        "crs_channel": "",
        "historical": False,
        "links": {"self": "https://marketplace.example/api/v1/organizations/0198c0de-0000-7000-8000-000000000001"},
    }

    code = serializers.CharField(read_only=True)
    names = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.")
    kind = serializers.CharField(read_only=True)
    kind_label = LabelField("organization_kinds", source="kind")
    parent = serializers.CharField(source="parent.code", default=None, allow_null=True, read_only=True)
    country = serializers.SerializerMethodField()
    aliases = serializers.SerializerMethodField()
    roles = RoleSpanOut(many=True, read_only=True)
    crs_channel = serializers.CharField(read_only=True)
    historical = serializers.BooleanField(read_only=True)
    links = LinksField({"self": "organization-detail"})

    def get_country(self, organization: Organization) -> str | None:
        """Give the country, null for those of no one country."""
        return organization.country or None

    def get_aliases(self, organization: Organization) -> list[str]:
        """Give the other names and acronyms."""
        return [alias.text for alias in organization.aliases.all()]


class OrganizationFilters(FilterSet):
    """Filters of the list."""

    code = CodesFilter("code")
    kind = CodesFilter("kind")
    role = CodesFilter("roles__role", distinct=True)
    country = CodesFilter("country")
    parent = CodesFilter("parent__code")
    historical = django_filters.BooleanFilter()
    updated_since = UpdatedSince()


def create_organization(*, actor: Actor, at: datetime, changes: dict[str, Any]) -> Organization:
    """Add an organization. Raises DomainError(duplicate) where the code is taken, and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    if Organization.objects.filter(code=changes["code"]).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="code")
    return operations.save_organization(_with(OrganizationFacts(changes["code"], {}, ""), changes), actor=actor, at=at)


def change_organization(
    *, actor: Actor, at: datetime, organization_id: int, expected_version: int | None, changes: dict[str, Any]
) -> Organization:
    """Change what was sent and leave the rest. Raises DomainError(precondition_failed) and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    organization = Organization.objects.select_related("parent").get(pk=organization_id)
    check_version(organization, expected_version)
    return operations.save_organization(_with(_facts(organization), changes), actor=actor, at=at)


def _facts(organization: Organization) -> OrganizationFacts:
    return OrganizationFacts(
        code=organization.code,
        names=organization.names,
        kind=organization.kind,
        parent=organization.parent.code if organization.parent else None,
        country=organization.country,
        aliases=[alias.text for alias in organization.aliases.all()],
        roles=[RoleSpan(row.role, row.valid_from, row.valid_to) for row in organization.roles.all()],
        crs_channel=organization.crs_channel,
        historical=organization.historical,
        provenance=organization.provenance,
    )


def _with(facts: OrganizationFacts, changes: dict[str, Any]) -> OrganizationFacts:
    changes = dict(changes)
    if "roles" in changes:
        changes["roles"] = [RoleSpan(**span) for span in changes["roles"]]
    if "country" in changes:
        changes["country"] = changes["country"] or ""
    return replace(facts, **changes)


class OrganizationViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Organizations; everybody signed in may read the list, the secretariat keeps it."""

    tag, noun, nouns = "Organizations", "organization", "organizations"
    resource, basename = "organizations", "organization"
    access = Permission.ORGANIZATIONS_READ
    reads = OrganizationOut
    reference_field, id_argument = "code", "organization_id"
    filterset_class = OrganizationFilters
    ordering, ordering_fields = ("code",), {"code": "code", "updated_at": "updated_at"}
    create_with = Write(
        "Add an organization",
        Permission.ORGANIZATIONS_MANAGE,
        body=OrganizationIn,
        errors=(ErrorCode.DUPLICATE, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=create_organization,
    )
    change_with = Write(
        "Change an organization",
        Permission.ORGANIZATIONS_MANAGE,
        body=OrganizationChange,
        if_match=IfMatch.REQUIRED,
        errors=(ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=change_organization,
    )

    def visible(self) -> QuerySet[Organization]:
        """All organizations, once signed in."""
        return queries.organizations_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Organization]) -> QuerySet[Organization]:
        """Fetch parents, aliases and roles ahead."""
        return things.select_related("parent").prefetch_related("aliases", "roles")


# --- memberships --------------------------------------------------------------------------------------------------
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
    filterset_class = MembershipFilters

    def visible(self) -> QuerySet[Membership]:
        """Memberships of the organizations in whose name the caller sees things."""
        actor, at = self.request.actor, self.request.at
        rows = Membership.objects.all()
        if permissions.is_secretariat(actor, at):
            return rows
        return rows.filter(organization_id__in=permissions.own_organization_ids(actor, at))

    def prepare(self, things: QuerySet[Membership]) -> QuerySet[Membership]:
        """Fetch people and organizations ahead."""
        return things.select_related("user", "organization", "delegate")


# --- service clients ----------------------------------------------------------------------------------------------
class ServiceClientChange(StrictSerializer):
    """What may change about an integrating system."""

    example: ClassVar[dict[str, object]] = {"active": False}

    name = serializers.CharField(max_length=200)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=sorted(SCOPES)), max_length=50)
    active = serializers.BooleanField(required=False)


class ServiceClientIn(ServiceClientChange):
    """A new integrating system of an organization."""

    example: ClassVar[dict[str, object]] = {
        "client_id": "iom-prima",
        "name": "IOM PRIMA",
        "organization": "IOM",
        "scopes": ["requests:read", "requests:write"],
    }

    client_id = serializers.RegexField(r"^[a-z0-9][a-z0-9._-]{2,59}$")
    organization = ReferenceField()


class ServiceClientOut(ThingOut):
    """An integrating system of one organization."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000004",
        **STAMPS,
        "client_id": "iom-prima",
        "name": "IOM PRIMA",
        "organization": {"code": "IOM", "name": "International Organization for Migration"},
        "scopes": ["requests:read", "requests:write"],
        "active": True,
    }

    client_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    organization = OrganizationRefOut(read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    active = serializers.BooleanField(read_only=True)


def create_service_client(
    *, actor: Actor, at: datetime, client_id: str, name: str, organization: str, scopes: list[str], active: bool = True
) -> ServiceClient:
    """Register an integrating system. Raises DomainError(duplicate) where the id is taken, and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    if ServiceClient.objects.filter(client_id=client_id).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="client_id")
    owner = queries.organization_by_code(organization)
    return operations.save_service_client(
        actor=actor, at=at, client_id=client_id, name=name, organization=owner, scopes=scopes, active=active
    )


def change_service_client(
    *, actor: Actor, at: datetime, service_client_pk: int, expected_version: int | None, **changes: Any
) -> ServiceClient:
    """Change name, scopes or whether it is active. Raises DomainError(precondition_failed) and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    client = ServiceClient.objects.select_related("organization").get(pk=service_client_pk)
    check_version(client, expected_version)
    facts = {"name": client.name, "scopes": client.scopes, "active": client.active, **changes}
    return operations.save_service_client(
        actor=actor, at=at, client_id=client.client_id, organization=client.organization, **facts
    )


class ServiceClientViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Integrating systems, kept by the secretariat; their tokens are made under `me/tokens` of the secretariat."""

    tag, noun, nouns = "Organizations", "service client", "service clients"
    resource, basename = "service_clients", "service-client"
    access = Permission.ORGANIZATIONS_MANAGE
    reads = ServiceClientOut
    reference_field, id_argument = "client_id", "service_client_pk"
    ordering, ordering_fields = ("client_id",), {"client_id": "client_id"}
    create_with = Write(
        "Register a service client",
        Permission.ORGANIZATIONS_MANAGE,
        body=ServiceClientIn,
        errors=(ErrorCode.DUPLICATE, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=create_service_client,
    )
    change_with = Write(
        "Change a service client",
        Permission.ORGANIZATIONS_MANAGE,
        body=ServiceClientChange,
        if_match=IfMatch.REQUIRED,
        errors=(ErrorCode.RULE_BROKEN,),
        operation=change_service_client,
    )

    def visible(self) -> QuerySet[ServiceClient]:
        """All of them, for the secretariat."""
        rows = ServiceClient.objects.all()
        return rows if permissions.is_secretariat(self.request.actor, self.request.at) else rows.none()

    def prepare(self, things: QuerySet[ServiceClient]) -> QuerySet[ServiceClient]:
        """Fetch organizations ahead."""
        return things.select_related("organization")


# --- programmes and context events --------------------------------------------------------------------------------
class ProgrammeOut(ThingOut):
    """A dated frame with parent, funders and members."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000005",
        **STAMPS,
        "code": "GFMD",
        "names": {"en": "Support to the Global Forum"},
        "lead": "IOM",
        "parent": None,
        "members": ["IOM", "UNITAR"],
        "funders": [],
        "countries": ["MLI"],
        "period": {"start": "2027-01-01", "end": "2027-12-31", "precision": "year"},
        "links": {"self": "https://marketplace.example/api/v1/programmes/0198c0de-0000-7000-8000-000000000005"},
    }

    code = serializers.CharField(read_only=True)
    names = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.")
    lead = serializers.CharField(source="lead.code", default=None, allow_null=True, read_only=True)
    parent = serializers.CharField(source="parent.code", default=None, allow_null=True, read_only=True)
    members = CodesField()
    funders = CodesField()
    countries = serializers.ListField(child=serializers.CharField(), read_only=True)
    period = PeriodField(source="*", read_only=True, allow_null=True)
    links = LinksField({"self": "programme-detail"})


class ProgrammeFilters(FilterSet):
    """Filters of the list."""

    code = CodesFilter("code")
    country = JsonListFilter("countries")
    member = CodesFilter("members__code", distinct=True)
    funder = CodesFilter("funders__code", distinct=True)
    updated_since = UpdatedSince()


class ProgrammeViewSet(Lists, Reads, ThingViewSet):
    """Programmes."""

    tag, noun, nouns = "Organizations", "programme", "programmes"
    resource, basename = "programmes", "programme"
    access = Permission.ORGANIZATIONS_READ
    reads = ProgrammeOut
    reference_field = "code"
    filterset_class = ProgrammeFilters
    ordering, ordering_fields = ("code",), {"code": "code", "start": "start_on", "updated_at": "updated_at"}

    def visible(self) -> QuerySet[Programme]:
        """All programmes, once signed in."""
        return queries.programmes_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Programme]) -> QuerySet[Programme]:
        """Fetch organizations ahead."""
        return things.select_related("lead", "parent").prefetch_related("members", "funders")


class ContextEventOut(ThingOut):
    """A forum, dialogue or conference that needs are tied to."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000006",
        **STAMPS,
        "code": "GFMD-2027",
        "names": {"en": "Global Forum 2027"},
        "host_country": "COL",
        "period": {"start": "2027-09-02", "end": "2027-09-04", "precision": "day"},
    }

    code = serializers.CharField(read_only=True)
    names = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="By language.")
    host_country = serializers.CharField(read_only=True)
    period = PeriodField(source="*", read_only=True, allow_null=True)


class ContextEventViewSet(Lists, Reads, ThingViewSet):
    """Context events."""

    tag, noun, nouns = "Organizations", "context event", "context events"
    resource, basename = "context_events", "context-event"
    access = Permission.ORGANIZATIONS_READ
    reads = ContextEventOut
    reference_field = "code"
    ordering, ordering_fields = ("code",), {"code": "code", "start": "start_on"}

    def visible(self) -> QuerySet[ContextEvent]:
        """All of them, once signed in."""
        rows = ContextEvent.objects.all()
        return rows.none() if self.request.actor.kind == "anonymous" else rows
