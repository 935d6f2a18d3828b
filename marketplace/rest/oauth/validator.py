"""What the toolkit asks before it issues a token, answered by our own rows."""

import base64
import binascii
from typing import Any
from urllib.parse import unquote_plus

from django.utils import timezone
from oauth2_provider.oauth2_validators import OAuth2Validator

from marketplace.identity import operations


class Validator(OAuth2Validator):
    """Secrets are rows that may overlap, no scope is granted to those who ask for none, the inactive get nothing."""

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Check id and secret, from the Basic header or, where there is none, from the body."""
        client_id, secret = _from_header(request) or (request.client_id, getattr(request, "client_secret", None))
        if not client_id or not secret:
            return False
        application = self._load_application(client_id, request)
        return application is not None and operations.is_secret_of(application, secret, at=timezone.now())

    def _check_secret(self, provided_secret: str, stored_secret: str) -> bool:
        """Never: the toolkit's own column holds no secret."""
        return False

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: Any, request: Any, *args: Any, **kw: Any
    ) -> bool:
        """Refuse to grant nothing: a token without scopes could do nothing, and its owner would not know why."""
        return bool(scopes) and bool(super().validate_scopes(client_id, scopes, client, request, *args, **kw))

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Check a code; one of a person who has been deactivated since is worth nothing."""
        return bool(super().validate_code(client_id, code, client, request, *args, **kwargs)) and request.user.is_active

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Check a refresh token; a used one ends its whole family, one of a deactivated person is worth nothing."""
        found = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return bool(found) and request.user.is_active


def _from_header(request: Any) -> tuple[str, str] | None:
    """Read id and secret from `Authorization: Basic` (form-encoded before base64, RFC 6749 2.3.1)."""
    kind, _, text = str(request.headers.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(client_id), unquote_plus(secret)
