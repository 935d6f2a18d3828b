"""Integrating systems and their tokens, kept by the secretariat."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import operations, permissions, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, ServiceClient
from marketplace.accounts.roles import SCOPES, Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.lookups import Parent
from marketplace.api.serializers import OrganizationRefOut, ReferenceField, StrictSerializer, ThingOut
from marketplace.api.views import Changes, Creates, Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import lock
from marketplace.rest.account import NewTokenOut, TokenIn, TokenOut, revoke_token, with_text
from marketplace.rest.organizations import STAMPS

MOST_REQUESTS = 1_000_000  # a minute


class ServiceClientChange(StrictSerializer):
    """What may change about an integrating system."""

    example: ClassVar[dict[str, object]] = {"active": False}

    name = serializers.CharField(max_length=200)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=sorted(SCOPES)), max_length=50)
    active = serializers.BooleanField(required=False)
    requests_per_minute = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MOST_REQUESTS,
        help_text="How often it may call; null: as often as all service clients (docs/limits.md).",
    )


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
    test_mode = serializers.BooleanField(
        required=False, help_text="All that it writes is test data: kept apart, and removed after some days. For good."
    )


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
        "requests_per_minute": None,
        "test_mode": False,
    }

    client_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    organization = OrganizationRefOut(read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    active = serializers.BooleanField(read_only=True)
    requests_per_minute = serializers.IntegerField(read_only=True, allow_null=True)
    test_mode = serializers.BooleanField(read_only=True)


def create_service_client(
    *, actor: Actor, at: datetime, client_id: str, organization: str, **facts: Any
) -> ServiceClient:
    """Register an integrating system. Raises DomainError(duplicate) where the id is taken, and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    if ServiceClient.objects.filter(client_id=client_id).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="client_id")
    owner = queries.organization_by_code(organization)
    return operations.save_service_client(actor=actor, at=at, client_id=client_id, organization=owner, **facts)


@transaction.atomic
def change_service_client(
    *, actor: Actor, at: datetime, service_client_pk: int, expected_version: int | None, **changes: Any
) -> ServiceClient:
    """Change name, scopes, quota or whether it is active. Raises DomainError(precondition_failed) and what saving raises."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    rows = ServiceClient.objects.select_related("organization").filter(pk=service_client_pk)
    client = lock(rows, expected_version=expected_version)  # what is kept is written back
    kept = {name: getattr(client, name) for name in ("name", "scopes", "active", "requests_per_minute")}
    return operations.save_service_client(
        actor=actor, at=at, client_id=client.client_id, organization=client.organization, **{**kept, **changes}
    )


def service_clients_visible_to(actor: Actor, *, at: datetime) -> QuerySet[ServiceClient]:
    """Give all of them to the secretariat, none to others."""
    rows = ServiceClient.objects.all()
    return rows if permissions.is_secretariat(actor, at) else rows.none()


class ServiceClientViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Integrating systems, kept by the secretariat."""

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
        return service_clients_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[ServiceClient]) -> QuerySet[ServiceClient]:
        """Fetch organizations ahead."""
        return things.select_related("organization")


def create_client_token(*, actor: Actor, at: datetime, client_id: int, **facts: Any) -> AccessToken:
    """Make a token for a service client. Raises DomainError(permission_denied, insufficient_scope)."""
    client = ServiceClient.objects.get(pk=client_id)
    return with_text(operations.issue_token(actor=actor, at=at, client=client, **facts))


class ServiceClientTokenViewSet(Lists, Reads, Creates, ThingViewSet):
    """`/service-clients/{parent_id}/tokens`: tokens of integrating systems, made by the secretariat."""

    tag, noun, nouns = "Organizations", "token of a service client", "tokens of a service client"
    resource, basename = "service_client_tokens", "service-client-token"
    access = Permission.ORGANIZATIONS_MANAGE
    reads = TokenOut
    id_argument = "token_id"
    parent = Parent(service_clients_visible_to, column="client", argument="client_id", reference_field="client_id")
    create_with = Write(
        "Make a token for a service client",
        Permission.ORGANIZATIONS_MANAGE,
        body=TokenIn,
        out=NewTokenOut,
        status=201,
        secret=("token",),
        operation=create_client_token,
    )
    revoke = verb(
        "revoke",
        Write("Revoke a token of a service client", Permission.ORGANIZATIONS_MANAGE, operation=revoke_token),
    )

    def visible(self) -> QuerySet[AccessToken]:
        """Those of the service client in the URL, which only the secretariat finds."""
        return AccessToken.objects.filter(client__isnull=False)
