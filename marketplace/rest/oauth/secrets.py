"""Secrets of applications: made, rotated with an overlap, ended; each shown once."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import ServiceClient
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import Write
from marketplace.api.lookups import Parent
from marketplace.api.serializers import StrictSerializer, ThingOut
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, collection_verb, verb
from marketplace.identity import operations, queries
from marketplace.identity.models import Application, ClientSecret
from marketplace.kernel.errors import ErrorCode
from marketplace.lifecycles.operations import lock
from marketplace.rest.organizations import STAMPS
from marketplace.rest.service_clients import service_clients_visible_to

ONCE = "The secret is in the answer, once. "


class SecretIn(StrictSerializer):
    """A new secret."""

    example: ClassVar[dict[str, object]] = {"name": "production", "lifetime_days": 180}

    name = serializers.CharField(max_length=100, required=False, allow_blank=True)
    lifetime_days = serializers.IntegerField(min_value=1, max_value=732, required=False)

    def arguments(self) -> dict[str, Any]:
        """Give spans instead of numbers."""
        found = super().arguments()
        days = found.pop("lifetime_days", None)
        return {**found, "lifetime": timedelta(days=days)} if days else found


class RotationIn(SecretIn):
    """A new secret, and how long those before it go on."""

    example: ClassVar[dict[str, object]] = {"name": "production", "overlap_hours": 24}

    overlap_hours = serializers.IntegerField(
        min_value=0, max_value=720, default=24, help_text="After it, all other secrets have ended."
    )

    def arguments(self) -> dict[str, Any]:
        """Give spans instead of numbers."""
        found = super().arguments()
        overlap = timedelta(hours=found.pop("overlap_hours"))
        return {**found, "overlap": overlap}


class SecretOut(ThingOut):
    """A secret of an application, without its text."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000008",
        **STAMPS,
        "name": "production",
        "prefix": "3f9a12bc00de",
        "expires_at": "2027-11-23T09:00:00Z",
        "last_used_at": None,
        "revoked_at": None,
    }

    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The public part, to know it again.")
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewSecretOut(SecretOut):
    """A new secret with its text, which is shown this once."""

    example: ClassVar[dict[str, object]] = {
        **SecretOut.example,
        "client_id": "iom-prima",
        "client_secret": "gmgs_3f9a12bc00de_...",
    }

    client_id = serializers.CharField(source="application.client_id")
    client_secret = serializers.CharField(allow_null=True, help_text="Null when the answer is replayed.")


def _with_text(application: Application, *, actor: Actor, at: datetime, **facts: Any) -> ClientSecret:
    secret, text = operations.issue_secret(application, actor=actor, at=at, **facts)
    secret.client_secret = text  # type: ignore[attr-defined]
    return secret


def issue_for_client(*, actor: Actor, at: datetime, client_id: int, **facts: Any) -> ClientSecret:
    """Make a secret for a service client. Raises DomainError(permission_denied, duplicate)."""
    client = ServiceClient.objects.select_related("organization").get(pk=client_id)
    return _with_text(operations.application_for(client, actor=actor, at=at), actor=actor, at=at, **facts)


def issue_for_app(*, actor: Actor, at: datetime, application_id: int, **facts: Any) -> ClientSecret:
    """Make a secret for an app. Raises DomainError(permission_denied, rule_broken)."""
    return _with_text(queries.apps().get(pk=application_id), actor=actor, at=at, **facts)


def revoke_secret(*, actor: Actor, at: datetime, secret_id: int) -> ClientSecret:
    """End a secret that the caller may see. Raises DomainError(permission_denied)."""
    return operations.revoke_secret(lock(ClientSecret.objects.filter(pk=secret_id)), actor=actor, at=at)


def apps_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Application]:
    """Give all apps to the secretariat, none to others."""
    return queries.apps() if permissions.is_secretariat(actor, at) else Application.objects.none()


def _issue(summary: str, description: str, body: type[StrictSerializer], operation: Any) -> Write:
    return Write(
        summary,
        Permission.ORGANIZATIONS_MANAGE,
        description=ONCE + description,
        body=body,
        out=NewSecretOut,
        status=201,
        secret=("client_secret",),
        errors=(ErrorCode.DUPLICATE, ErrorCode.RULE_BROKEN),
        operation=operation,
    )


def _revoke(whose: str) -> Any:
    words = "Ends all tokens of the application, too: with another secret it asks for new ones."
    write = Write(
        f"Revoke a secret of {whose}", Permission.ORGANIZATIONS_MANAGE, description=words, operation=revoke_secret
    )
    return verb("revoke", write)


ROTATED = "All other secrets end after the overlap, so that nothing stands still while the new one is rolled out."


class SecretViewSet(Lists, Reads, Creates, ThingViewSet):
    """What secrets of service clients and of apps have in common."""

    tag = "Organizations"
    access = Permission.ORGANIZATIONS_MANAGE
    reads = SecretOut
    id_argument = "secret_id"

    def visible(self) -> QuerySet[ClientSecret]:
        """Those of the application in the URL, which only the secretariat finds."""
        return ClientSecret.objects.select_related("application__organization")


class ServiceClientSecretViewSet(SecretViewSet):
    """`/service-clients/{parent_id}/secrets`: for tokens by the grant client_credentials."""

    noun, nouns = "secret of a service client", "secrets of a service client"
    resource, basename = "service_client_secrets", "service-client-secret"
    parent = Parent(
        service_clients_visible_to,
        column="application__service_client",
        argument="client_id",
        reference_field="client_id",
    )
    create_with = _issue("Make a secret for a service client", "Others go on.", SecretIn, issue_for_client)
    rotate = collection_verb(
        "rotate", _issue("Rotate the secrets of a service client", ROTATED, RotationIn, issue_for_client)
    )
    revoke = _revoke("a service client")


class AppSecretViewSet(SecretViewSet):
    """`/oauth-applications/{parent_id}/secrets`: of confidential apps."""

    noun, nouns = "secret of an app", "secrets of an app"
    resource, basename = "oauth_application_secrets", "oauth-application-secret"
    parent = Parent(apps_visible_to, column="application", argument="application_id", reference_field="client_id")
    create_with = _issue("Make a secret for an app", "Others go on.", SecretIn, issue_for_app)
    rotate = collection_verb("rotate", _issue("Rotate the secrets of an app", ROTATED, RotationIn, issue_for_app))
    revoke = _revoke("an app")
