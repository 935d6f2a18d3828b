"""Apps in which people act (authorization code with PKCE), kept by the secretariat."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import SCOPES, Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.serializers import OrganizationRefOut, ReferenceField, StrictSerializer, ThingOut
from marketplace.api.views import Changes, Creates, Lists, Reads, ThingViewSet
from marketplace.identity import operations
from marketplace.identity.models import Application
from marketplace.kernel.errors import ErrorCode
from marketplace.lifecycles.operations import lock
from marketplace.rest.oauth.secrets import apps_visible_to
from marketplace.rest.organizations import STAMPS


class AppFacts(StrictSerializer):
    """What is said of an app when it is registered, and may change."""

    name = serializers.CharField(max_length=200)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(SCOPES)), allow_empty=False, max_length=len(SCOPES)
    )
    redirect_uris = serializers.ListField(child=serializers.CharField(max_length=500), allow_empty=False, max_length=10)


class AppChange(AppFacts):
    """A change of an app."""

    example: ClassVar[dict[str, object]] = {"active": False}

    active = serializers.BooleanField(required=False)


class AppIn(AppFacts):
    """A new app."""

    example: ClassVar[dict[str, object]] = {
        "client_id": "iom-planner",
        "name": "IOM planner",
        "organization": "IOM",
        "scopes": ["requests:read"],
        "redirect_uris": ["https://planner.iom.example/callback"],
    }

    client_id = serializers.RegexField(r"^[a-z0-9][a-z0-9._-]{2,59}$")
    organization = ReferenceField()
    confidential = serializers.BooleanField(
        required=False, help_text="True for an app with a server of its own, which can keep a secret."
    )


class AppOut(ThingOut):
    """An app in which people act."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000009",
        **STAMPS,
        **AppIn.example,
        "organization": {"code": "IOM", "name": "International Organization for Migration"},
        "confidential": False,
        "active": True,
    }

    client_id = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    organization = OrganizationRefOut(read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="It may ask for these.")
    redirect_uris = serializers.SerializerMethodField()
    confidential = serializers.SerializerMethodField()
    active = serializers.BooleanField(read_only=True)

    def get_redirect_uris(self, app: Application) -> list[str]:
        """List them."""
        return list(app.redirect_uris.split())

    def get_confidential(self, app: Application) -> bool:
        """Tell whether it keeps a secret."""
        return bool(app.client_type == Application.CLIENT_CONFIDENTIAL)


def register_app(*, actor: Actor, at: datetime, organization: str, **facts: Any) -> Application:
    """Register an app. Raises DomainError(unknown_reference) and what registering raises."""
    owner = accounts.organization_by_code(organization)
    return operations.register_app(actor=actor, at=at, organization=owner, **facts)


@transaction.atomic
def change_app(
    *, actor: Actor, at: datetime, application_id: int, expected_version: int | None, **changes: Any
) -> Application:
    """Change an app. Raises DomainError(precondition_failed) and what changing raises."""
    rows = Application.objects.select_related("organization").filter(pk=application_id)
    app = lock(rows, expected_version=expected_version)  # what is kept is written back
    facts = {"name": app.name, "scopes": app.scopes, "redirect_uris": app.redirect_uris.split(), "active": app.active}
    return operations.change_app(app, actor=actor, at=at, **{**facts, **changes})


class AppViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """`/oauth-applications`."""

    tag, noun, nouns = "Organizations", "app", "apps"
    resource, basename = "oauth_applications", "oauth-application"
    access = Permission.ORGANIZATIONS_MANAGE
    reads = AppOut
    reference_field, id_argument = "client_id", "application_id"
    ordering, ordering_fields = ("client_id",), {"client_id": "client_id"}
    create_with = Write(
        "Register an app",
        Permission.ORGANIZATIONS_MANAGE,
        description="People act in it after they agreed to its scopes, never further than they may themselves.",
        body=AppIn,
        errors=(ErrorCode.DUPLICATE, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=register_app,
    )
    change_with = Write(
        "Change an app",
        Permission.ORGANIZATIONS_MANAGE,
        description="Fewer scopes, or inactive: its tokens lose the rest from the next call on.",
        body=AppChange,
        if_match=IfMatch.REQUIRED,
        errors=(ErrorCode.RULE_BROKEN,),
        operation=change_app,
    )

    def visible(self) -> QuerySet[Application]:
        """All of them, for the secretariat."""
        return apps_visible_to(self.request.actor, at=self.request.at)
