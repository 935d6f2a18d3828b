"""Reads of the identity room."""

import hashlib
from datetime import datetime

from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet
from oauth2_provider.models import AccessToken, get_access_token_model, get_refresh_token_model

from marketplace.accounts.models import ServiceClient, User
from marketplace.identity.models import Application, BrowserSession, ClientSecret


def oauth_token(text: str) -> AccessToken | None:
    """Find an OAuth access token with its application and owner, in one query; only its digest is stored."""
    checksum = hashlib.sha256(text.encode()).hexdigest()
    owners = ("user", "application__service_client__organization")
    found: AccessToken | None = (
        get_access_token_model().objects.select_related(*owners).filter(token_checksum=checksum).first()
    )
    return found


def apps() -> QuerySet[Application]:
    """Give the applications in which people act."""
    return Application.objects.filter(service_client__isnull=True).select_related("organization")


def secret_by_prefix(application: Application, prefix: str) -> ClientSecret | None:
    """Find a secret of an application by its public part."""
    return ClientSecret.objects.filter(application=application, prefix=prefix).first()


def application_of(client: ServiceClient) -> Application | None:
    """Give the OAuth application of a service client, None before its first secret."""
    return Application.objects.filter(service_client=client).first()


def apps_acting_for(user: User, *, at: datetime) -> QuerySet[Application]:
    """Give the applications that hold tokens in the name of a person."""
    live = get_refresh_token_model().objects.filter(application=OuterRef("pk"), user=user, revoked__isnull=True)
    short = get_access_token_model().objects.filter(application=OuterRef("pk"), user=user, expires__gt=at)
    return apps().filter(Exists(live) | Exists(short))


def sessions_of(user: User, *, at: datetime) -> QuerySet[BrowserSession]:
    """Give the sessions in which a person is signed in; those that ended by themselves are gone from Django's table."""
    alive = Session.objects.filter(session_key=OuterRef("session_key"), expire_date__gt=at)
    return BrowserSession.objects.filter(Exists(alive), user=user)


def session_by_key(key: str) -> BrowserSession | None:
    """Find what is known of a session."""
    return BrowserSession.objects.filter(session_key=key).first()
