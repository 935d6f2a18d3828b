"""OAuth applications and their secrets."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from marketplace.identity.models import Application, BrowserSession, ClientSecret
from tests.factories.accounts import OrganizationFactory, UserFactory

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class ApplicationFactory(DjangoModelFactory[Application]):
    """A public app in which people act, which may ask to read requests."""

    class Meta:
        model = Application

    client_id = Sequence(lambda number: f"app-{number}")
    name = "Planner"
    organization = SubFactory(OrganizationFactory)
    scopes: ClassVar[list[str]] = ["requests:read"]
    client_type = Application.CLIENT_PUBLIC
    authorization_grant_type = Application.GRANT_AUTHORIZATION_CODE
    redirect_uris = "https://app.example/callback"
    client_secret = Application.NO_SECRET
    hash_client_secret = False
    created_at = AT
    updated_at = AT


class ClientSecretFactory(DjangoModelFactory[ClientSecret]):
    """A secret valid for a day from `AT`; its secret part is `secret`."""

    class Meta:
        model = ClientSecret

    application = SubFactory(ApplicationFactory, client_type=Application.CLIENT_CONFIDENTIAL)
    prefix = Sequence(lambda number: f"{number:012x}")
    digest = hashlib.sha256(b"secret").hexdigest()
    expires_at = AT + timedelta(days=1)
    created_at = AT
    updated_at = AT


class BrowserSessionFactory(DjangoModelFactory[BrowserSession]):
    """What is known of a session; Django's own row is not made."""

    class Meta:
        model = BrowserSession

    user = SubFactory(UserFactory)
    session_key = Sequence(lambda number: f"key{number}")
    last_seen_at = AT
    created_at = AT
    updated_at = AT
