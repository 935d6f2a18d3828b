"""OAuth applications, their secrets, and who a token speaks for."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from oauth2_provider.models import get_access_token_model, get_refresh_token_model

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.models import Organization, ServiceClient
from marketplace.accounts.operations import check_hands_out, check_scopes, digest
from marketplace.accounts.roles import Permission
from marketplace.identity import queries
from marketplace.identity.models import Application, ClientSecret
from marketplace.identity.tokens import CLIENT_SECRET
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

USED_NOTED_EVERY = timedelta(minutes=1)  # last use is kept to the minute, so that reading does not write all the time
APPLICATION = "application"  # in `Actor.extra`: the OAuth client through which somebody acts
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


# --- applications ---------------------------------------------------------------------------------------------------
@transaction.atomic
def register_app(
    *,
    actor: Actor,
    at: datetime,
    client_id: str,
    name: str,
    organization: Organization,
    scopes: Sequence[str],
    redirect_uris: Sequence[str],
    confidential: bool = False,
) -> Application:
    """Register an app in which people act, and which sends them back to one of ``redirect_uris``.

    Raises DomainError(permission_denied, rule_broken), and DomainError(duplicate) where the id is taken.
    """
    permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    check_scopes(scopes)
    check_hands_out(actor, scopes)
    _check_redirect_uris(redirect_uris)
    taken = Application.objects.filter(client_id=client_id).exists()
    if taken or ServiceClient.objects.filter(client_id=client_id).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="client_id")
    application = _new_application(
        client_id=client_id,
        name=name,
        organization=organization,
        user=actor.user,
        scopes=list(scopes),
        redirect_uris=" ".join(redirect_uris),
        client_type=Application.CLIENT_CONFIDENTIAL if confidential else Application.CLIENT_PUBLIC,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        created_at=at,
        updated_at=at,
    )
    note(application, "created", actor=actor, at=at, changes={"scopes": list(scopes)})
    return application


@transaction.atomic
def change_app(
    application: Application,
    *,
    actor: Actor,
    at: datetime,
    name: str,
    scopes: Sequence[str],
    redirect_uris: Sequence[str],
    active: bool,
) -> Application:
    """Change a locked app; its tokens reach no further than its scopes from the next call on, an inactive one nowhere.

    Raises DomainError(permission_denied, rule_broken).
    """
    permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    check_scopes(scopes)
    check_hands_out(actor, set(scopes) - set(application.scopes))
    _check_redirect_uris(redirect_uris)
    application.name, application.scopes, application.active = name, list(scopes), active
    application.redirect_uris = " ".join(redirect_uris)
    application.version, application.updated_at = application.version + 1, at
    application.save()
    note(application, "changed", actor=actor, at=at, changes={"scopes": list(scopes), "active": active})
    return application


def _new_application(**facts: Any) -> Application:
    return Application.objects.create(client_secret=Application.NO_SECRET, hash_client_secret=False, **facts)


def _check_redirect_uris(uris: Sequence[str]) -> None:
    wrong = [
        FieldError(
            f"/redirect_uris/{index}", "invalid_redirect", gettext_noop("Not an https address without fragment.")
        )
        for index, uri in enumerate(uris)
        if not _leads_home(uri)
    ]
    if wrong:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=wrong)


def _leads_home(uri: str) -> bool:
    """Tell whether a code may be sent there: https, or http to the very machine where that is allowed."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    allowed = settings.OAUTH2_PROVIDER["ALLOWED_REDIRECT_URI_SCHEMES"]
    plain = bool(parts.hostname) and not (parts.fragment or parts.username or any(sign in uri for sign in " #*\\"))
    return plain and parts.scheme in allowed and (parts.scheme == "https" or parts.hostname in LOOPBACK)


# --- secrets --------------------------------------------------------------------------------------------------------
@transaction.atomic
def application_for(client: ServiceClient, *, actor: Actor, at: datetime) -> Application:
    """Give the OAuth application of a service client, made when it is first needed. Raises DomainError(permission_denied)."""
    permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    application = queries.application_of(client)
    if application is not None:
        return application
    if Application.objects.filter(client_id=client.client_id).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="client_id")
    application = _new_application(
        client_id=client.client_id,
        name=client.name,
        organization=client.organization,
        user=actor.user,
        service_client=client,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        created_at=at,
        updated_at=at,
    )
    note(application, "created", actor=actor, at=at)
    return application


@transaction.atomic
def issue_secret(
    application: Application,
    *,
    actor: Actor,
    at: datetime,
    name: str = "",
    lifetime: timedelta | None = None,
    overlap: timedelta | None = None,
) -> tuple[ClientSecret, str]:
    """Make a secret and return it with its text, which is shown only once.

    With ``overlap`` all other secrets end after it: time to roll out the new one. Raises DomainError(permission_denied,
    insufficient_scope), and DomainError(rule_broken) for an application that keeps no secrets.
    """
    permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    check_hands_out(actor, application.reach)
    if application.client_type != Application.CLIENT_CONFIDENTIAL:
        detail = gettext_noop("A public application has no secret; it proves itself by PKCE.")
        raise DomainError(ErrorCode.RULE_BROKEN, errors=[FieldError("", "public_application", detail)])
    prefix, text = secrets.token_hex(6), secrets.token_urlsafe(32)
    made = ClientSecret.objects.create(
        application=application,
        name=name,
        prefix=prefix,
        digest=digest(text),
        expires_at=at + (lifetime or settings.CLIENT_SECRET_LIFETIME),
        created_at=at,
        updated_at=at,
    )
    changes: dict[str, object] = {"expires_at": made.expires_at.isoformat()}
    if overlap is not None:
        end = at + overlap
        others = application.secrets.exclude(pk=made.pk).filter(revoked_at__isnull=True, expires_at__gt=end)
        others.update(expires_at=end, updated_at=at)
        changes["others_end_at"] = end.isoformat()
    note(made, "created", actor=actor, at=at, changes=changes)
    return made, f"{CLIENT_SECRET}_{prefix}_{text}"


@transaction.atomic
def revoke_secret(secret: ClientSecret, *, actor: Actor, at: datetime) -> ClientSecret:
    """End a secret and every token of its application at once; those with another secret simply ask for new ones.

    Raises DomainError(permission_denied).
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    if secret.revoked_at is None:
        secret.revoked_at = secret.updated_at = at
        secret.version += 1
        secret.save(update_fields=["revoked_at", "updated_at", "version"])
        end_tokens(at=at, application=secret.application)
        note(secret, "revoked", actor=actor, at=at)
    return secret


def end_tokens(*, at: datetime, **owner: object) -> None:
    """End the OAuth tokens of an application or a user (``application=`` or ``user=``)."""
    get_refresh_token_model().objects.filter(revoked__isnull=True, **owner).update(revoked=at, updated=at)
    get_access_token_model().objects.filter(**owner).delete()


def is_secret_of(application: Application, text: str, *, at: datetime) -> bool:
    """Tell whether ``text`` is a secret of the application that is neither expired nor revoked."""
    kind, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    found = queries.secret_by_prefix(application, prefix) if kind == CLIENT_SECRET and secret else None
    if found is None or not secrets.compare_digest(found.digest, digest(secret)):
        return False
    if found.revoked_at is not None or found.expires_at <= at:
        return False
    if found.last_used_at is None or at - found.last_used_at > USED_NOTED_EVERY:
        ClientSecret.objects.filter(pk=found.pk).update(last_used_at=at)
    return True


# --- tokens ---------------------------------------------------------------------------------------------------------
def authenticate_oauth_token(text: str, *, at: datetime) -> Actor | None:
    """Turn an OAuth access token into its actor, or None when it is unknown, expired, or application or owner inactive.

    The actor reaches no further than the application does now, whatever the token was granted.
    """
    token = queries.oauth_token(text)
    if token is None or token.expires <= at:
        return None
    application = token.application
    if application is None or not application.is_usable(None):
        return None
    scopes = frozenset(token.scope.split()) & application.reach
    through = {APPLICATION: application.client_id}
    if application.service_client is not None:
        return replace(Actor.for_client(application.service_client, scopes=scopes), extra=through)
    if token.user is None or not token.user.is_active:
        return None
    return replace(Actor.for_user(token.user, scopes=scopes), extra=through)
