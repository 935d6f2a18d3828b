"""Who calls: a bearer token (personal or OAuth), or the session of the desk with its CSRF token."""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request

from marketplace.accounts.actors import Actor
from marketplace.accounts.operations import authenticate_token
from marketplace.identity.operations import authenticate_oauth_token
from marketplace.identity.tokens import ACCESS_TOKEN
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

if TYPE_CHECKING:
    from marketplace.accounts.models import User

CHALLENGE = 'Bearer realm="api"'
ACTING_FOR = "Acting-For"  # header in which a service client names the person or office it writes for
ACTING_FOR_LENGTH = 200  # characters


class BearerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer ...` with a personal access token (`gmg_`) or an OAuth one (`gmga_`).

    The token's scopes bound everything that the call may do.
    """

    def authenticate(self, request: Request) -> "tuple[User | AnonymousUser, Actor] | None":
        """Turn the header into an actor, or None where there is none. Raises DomainError(token_invalid)."""
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        if not (text.isascii() and text.isprintable()):  # no token of ours, and no text that PostgreSQL takes
            raise DomainError(ErrorCode.TOKEN_INVALID)
        actor, acting_for = (
            actor_of(text.strip(), at=getattr(request, "at", None) or timezone.now()),
            _acting_for(request),
        )
        if actor is None:
            raise DomainError(ErrorCode.TOKEN_INVALID)
        if actor.client is not None:
            actor = replace(actor, acting_for=acting_for)
        return actor.user or AnonymousUser(), actor

    def authenticate_header(self, request: Request) -> str:
        """Give the challenge of a 401."""
        return CHALLENGE


def actor_of(token: str, *, at: datetime) -> Actor | None:
    """Turn the text of a token of either kind into its actor; None for one that is not valid."""
    if token.startswith(f"{ACCESS_TOKEN}_"):
        return authenticate_oauth_token(token, at=at)
    found = authenticate_token(token, at=at)
    return found[1] if found else None


def _acting_for(request: Request) -> str:
    text = request.headers.get(ACTING_FOR, "").strip()
    if len(text) > ACTING_FOR_LENGTH or not text.isprintable():
        detail = gettext_noop("At most %(limit)s printable characters.")
        raise DomainError(
            ErrorCode.INVALID_INPUT,
            errors=[FieldError(ACTING_FOR, "invalid", detail, params={"limit": ACTING_FOR_LENGTH})],
        )
    return text


class DeskSessionAuthentication(SessionAuthentication):
    """The signed-in session of the desk or of the try-it page; writes need the CSRF token."""

    def authenticate(self, request: Request) -> "tuple[User, Actor] | None":
        """Turn the session into an actor, or None where nobody is signed in."""
        found = super().authenticate(request)
        if found is None:
            return None
        return found[0], Actor.for_user(found[0])
