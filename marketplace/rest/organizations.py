"""Organizations: everybody signed in may read them, the secretariat keeps them."""

from dataclasses import asdict, fields, replace
from datetime import date, datetime
from typing import Any, ClassVar

import django_filters
from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import operations, permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, OrganizationRole
from marketplace.accounts.operations import OrganizationFacts, RoleSpan
from marketplace.accounts.roles import Permission
from marketplace.accounts.tree import lock_tree
from marketplace.api.base import READING
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet, UpdatedSince
from marketplace.api.finding import Facet
from marketplace.api.serializers import (
    CodeField,
    LabelField,
    LanguageMapField,
    LinksField,
    ReferenceField,
    StrictSerializer,
    ThingOut,
)
from marketplace.api.views import Changes, Creates, Lists, Reads, ThingViewSet
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import lock
from marketplace.records.lookups import sole
from marketplace.search.queries import search

STAMPS = {"version": 1, "created_at": "2026-11-23T09:00:00Z", "updated_at": "2026-11-23T09:00:00Z"}


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
    parent = ReferenceField(required=False, allow_null=True)  # type: ignore[assignment]
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

    code = serializers.RegexField(operations.ORGANIZATION_CODE)


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
    parent = serializers.CharField(source="parent.code", default=None, allow_null=True, read_only=True)  # type: ignore[assignment]
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


@transaction.atomic
def create_organization(*, actor: Actor, at: datetime, changes: dict[str, Any]) -> Organization:
    """Add an organization. Raises DomainError(duplicate) where the code is taken, and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    lock_tree()  # or of two with one code the later would replace the earlier
    if Organization.objects.filter(code=changes["code"]).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="code")
    return operations.save_organization(_with(OrganizationFacts(changes["code"], {}, ""), changes), actor=actor, at=at)


@transaction.atomic
def change_organization(
    *, actor: Actor, at: datetime, organization_id: int, expected_version: int | None, changes: dict[str, Any]
) -> Organization:
    """Change what was sent and leave the rest. Raises DomainError(precondition_failed) and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    lock_tree()
    rows = Organization.objects.select_related("parent").filter(pk=organization_id)
    organization = lock(rows, expected_version=expected_version)  # what is kept is written back
    return operations.save_organization(_with(_facts(organization), changes), actor=actor, at=at)


@transaction.atomic
def file_organization(*, actor: Actor, at: datetime, changes: dict[str, Any]) -> tuple[Organization, bool]:
    """Add an organization, or change the one with this code; nothing happens where nothing differs. Tells whether it is new.

    Raises what saving raises.
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    lock_tree()
    rows = Organization.objects.select_related("parent").select_for_update(of=("self",))
    known = sole(rows.filter(code=changes["code"]))
    if known is None:
        return create_organization(actor=actor, at=at, changes=changes), True
    before = _facts(known)
    after = _with(before, changes)
    told = _differences(before, after)
    if not told:
        return known, False
    return operations.save_organization(after, actor=actor, at=at, changes=told), False


def _differences(before: OrganizationFacts, after: OrganizationFacts) -> dict[str, object]:
    pairs = {one.name: (getattr(before, one.name), getattr(after, one.name)) for one in fields(OrganizationFacts)}
    return {name: [_plain(old), _plain(new)] for name, (old, new) in pairs.items() if old != new}


def _plain(value: Any) -> object:
    if isinstance(value, RoleSpan):
        return {name: _plain(inner) for name, inner in asdict(value).items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


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
    in_test_mode = READING
    resource, basename = "organizations", "organization"
    access = Permission.ORGANIZATIONS_READ
    reads = OrganizationOut
    reference_field, id_argument = "code", "organization_id"
    filterset_class = OrganizationFilters
    ordering, ordering_fields = ("code",), {"code": "code", "updated_at": "updated_at"}
    searchable = True
    facets = {
        "kind": Facet("kind", "organization_kinds"),
        "country": Facet("country", "countries"),
        "role": Facet("role", model=OrganizationRole, link="organization"),
        "parent": Facet("parent__code"),
    }
    highlighted = ("names",)
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

    def search(self, things: QuerySet[Organization], q: str) -> QuerySet[Organization]:
        """Find by names and code, the best first."""
        return search(things, resource="organization", q=q, language=self.request.language)

    def prepare(self, things: QuerySet[Organization]) -> QuerySet[Organization]:
        """Fetch parents, aliases and roles ahead."""
        return things.select_related("parent").prefetch_related("aliases", "roles")
