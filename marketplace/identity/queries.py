"""Reads of the identity room."""

import hashlib

from django.db.models import QuerySet
from oauth2_provider.models import AccessToken, get_access_token_model

from marketplace.accounts.models import ServiceClient
from marketplace.identity.models import Application, ClientSecret


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
