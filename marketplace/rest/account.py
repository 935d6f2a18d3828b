"""Who you are, your tokens, and signing in to the desk."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db.models import QuerySet
from django.middleware.csrf import get_token
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import operations, queries
from marketplace.accounts.actors import Actor, Right
from marketplace.accounts.models import AccessToken, User
from marketplace.accounts.permissions import in_scope
from marketplace.accounts.roles import SCOPES
from marketplace.api.authentication import DeskSessionAuthentication
from marketplace.api.base import READING, ApiView
from marketplace.api.contracts import Contract, Write
from marketplace.api.parsers import MergePatchParser, StrictJSONParser
from marketplace.api.permissions import Public, SignedIn
from marketplace.api.serializers import Out, StrictSerializer, ThingOut
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.identity import lockout
from marketplace.identity.operations import APPLICATION
from marketplace.identity.second_factor import accepts, has_second_factor
from marketplace.kernel.errors import DomainError, ErrorCode

OWN = SignedIn("about the caller alone")


def check_not_through_app(actor: Actor) -> None:
    """Raise DomainError(permission_denied) for OAuth tokens: what outlives them is made and seen by their owner alone."""
    if APPLICATION in actor.extra:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission="me")


def is_whole(actor: Actor) -> bool:
    """Tell whether somebody comes with a session, or with a token that reaches as far as they do.

    A token of few scopes stands in scripts and in the addresses of calendars: whoever finds it is not the person.
    """
    return actor.user is not None and (actor.scopes is None or actor.scopes >= SCOPES.keys())


def whole_person(actor: Actor) -> User:
    """Give the person behind a session, or behind a token that reaches as far as they do.

    Raises DomainError(permission_denied) for systems, OAuth tokens and tokens that lack a scope.
    """
    check_not_through_app(actor)
    if actor.user is None or not is_whole(actor):
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission="me")
    return actor.user


# --- me -----------------------------------------------------------------------------------------------------------
class RightOut(Out):
    """A current role in an organization."""

    organization = serializers.CharField(source="organization_code")
    role = serializers.CharField()
    countries = serializers.SerializerMethodField(help_text="Empty: all.")
    programmes = serializers.SerializerMethodField(help_text="Empty: all.")

    def get_countries(self, right: Right) -> list[str]:
        """Sort them."""
        return sorted(right.countries)

    def get_programmes(self, right: Right) -> list[str]:
        """Sort them."""
        return sorted(right.programmes)


class MeOut(Out):
    """The caller, and what they may do."""

    example: ClassVar[dict[str, object]] = {
        "kind": "user",
        "id": "0198c0de-0000-7000-8000-000000000003",
        "login": "awa.diallo",
        "name": "Awa Diallo",
        "locale": "fr",
        "roles": [{"organization": "IOM", "role": "focal_point", "countries": ["MLI"], "programmes": []}],
        "permissions": ["requests.read", "requests.write"],
        "scopes": None,
        "test_mode": False,
    }

    kind = serializers.CharField(help_text="user or client.")
    id = serializers.CharField()
    login = serializers.CharField()
    name = serializers.CharField()
    locale = serializers.CharField()
    roles = RightOut(many=True)
    permissions = serializers.ListField(child=serializers.CharField(), help_text="Of all roles, within the scopes.")
    scopes = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Of the token; null in a session."
    )
    test_mode = serializers.BooleanField(help_text="Whether a client calls that writes nothing but test data.")


class MeChange(StrictSerializer):
    """What people may change about themselves."""

    example: ClassVar[dict[str, object]] = {"locale": "fr"}

    name = serializers.CharField(max_length=200)
    locale = serializers.ChoiceField(choices=[code for code, _ in settings.LANGUAGES])


def facts_of(actor: Actor, at: datetime) -> dict[str, object]:
    """Gather what `me` shows."""
    rights = actor.rights(at)
    held = {permission for right in rights for permission in right.permissions if in_scope(actor, permission)}
    return {
        "kind": actor.kind,
        "id": actor.public_id,
        "login": actor.user.username if actor.user else actor.client.client_id if actor.client else "",
        "name": actor.label,
        "locale": actor.user.locale if actor.user else settings.LANGUAGE_CODE,
        "roles": rights,
        "permissions": sorted(held),
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
        "test_mode": actor.is_test,
    }


class MeView(ApiView):
    """`/me`."""

    tag = "Account"
    in_test_mode = READING
    parser_classes = (StrictJSONParser, MergePatchParser)
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("Read who you are", OWN, out=MeOut, operation_id="me_read"),
        "patch": Contract(
            "Change your name or language",
            OWN,
            description="In a session, or with a token of all scopes: under the name stands what you do.",
            body=MeChange,
            out=MeOut,
            operation_id="me_change",
            errors=(ErrorCode.PERMISSION_DENIED,),
        ),
    }

    def get(self, request: Request) -> Response:
        """Say who calls."""
        facts = facts_of(self.request.actor, self.request.at)
        return Response(MeOut(facts, context=self.shape_context()).data)

    def patch(self, request: Request) -> Response:
        """Change name or language of a person; systems have neither. Raises DomainError(permission_denied)."""
        user = whole_person(self.request.actor)
        changes = self.body(self.contracts["patch"], patched={}).arguments()
        User.objects.filter(pk=user.pk).update(**changes)
        user.refresh_from_db()
        return self.get(request)


# --- tokens -------------------------------------------------------------------------------------------------------
class TokenIn(StrictSerializer):
    """A new token."""

    example: ClassVar[dict[str, object]] = {"name": "my script", "scopes": ["requests:read"], "lifetime_days": 7}

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(SCOPES)), allow_empty=False, max_length=len(SCOPES)
    )
    lifetime_days = serializers.IntegerField(min_value=1, max_value=366, required=False)

    def arguments(self) -> dict[str, Any]:
        """Give the lifetime as a span."""
        found = super().arguments()
        days = found.pop("lifetime_days", None)
        return {**found, "lifetime": timedelta(days=days)} if days else found


class TokenOut(ThingOut):
    """A token, without its secret."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000007",
        "version": 1,
        "created_at": "2026-11-23T09:00:00Z",
        "updated_at": "2026-11-23T09:00:00Z",
        "name": "my script",
        "prefix": "3f9a12bc00de",
        "scopes": ["requests:read"],
        "expires_at": "2026-11-30T09:00:00Z",
        "last_used_at": None,
        "revoked_at": None,
    }

    name = serializers.CharField()
    prefix = serializers.CharField(help_text="The public part, to know it again.")
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewTokenOut(TokenOut):
    """A new token with its text, which is shown this once."""

    example: ClassVar[dict[str, object]] = {**TokenOut.example, "token": "gmg_3f9a12bc00de_..."}

    token = serializers.CharField(allow_null=True, help_text="Null when the answer is replayed.")


def with_text(made: tuple[AccessToken, str]) -> AccessToken:
    """Put the text of a new token beside it, to be shown once."""
    token, text = made
    token.token = text  # type: ignore[attr-defined]
    return token


def create_own_token(*, actor: Actor, at: datetime, **facts: Any) -> AccessToken:
    """Make a token for the caller. Raises DomainError(permission_denied, insufficient_scope, rule_broken)."""
    check_not_through_app(actor)
    return with_text(operations.issue_token(actor=actor, at=at, user=actor.user, client=actor.client, **facts))


def revoke_token(*, actor: Actor, at: datetime, token_id: int) -> AccessToken:
    """End a token that the caller may see, with all that were made with it."""
    return operations.revoke_token(AccessToken.objects.get(pk=token_id), actor=actor, at=at)


def tokens_visible_to(actor: Actor) -> QuerySet[AccessToken]:
    """Give the tokens of the caller; to a token that is not the whole person, itself and those made with it.

    Raises DomainError(permission_denied) for applications.
    """
    check_not_through_app(actor)
    if is_whole(actor):
        return queries.tokens_of(actor)
    return queries.with_heirs(actor.token) if actor.token is not None else AccessToken.objects.none()


class TokenViewSet(Lists, Reads, Creates, ThingViewSet):
    """`/me/tokens`."""

    tag, noun, nouns = "Account", "token of yours", "your tokens"
    resource, basename = "tokens", "token"
    access = OWN
    reads = TokenOut
    id_argument = "token_id"
    create_with = Write(
        "Make a token",
        OWN,
        description="Its text is in the answer, once. It reaches at most as far as the credential that makes it. Made with a "
        "token it ends no later than that one, and with it when that is revoked; a session makes tokens of any lifetime.",
        body=TokenIn,
        out=NewTokenOut,
        status=201,
        location="token-detail",
        secret=("token",),
        errors=(ErrorCode.INSUFFICIENT_SCOPE, ErrorCode.PERMISSION_DENIED, ErrorCode.RULE_BROKEN),
        operation=create_own_token,
    )
    revoke = verb(
        "revoke",
        Write(
            "Revoke a token",
            OWN,
            description="With it ends what was made with it. A token that lacks a scope finds itself and what was made with "
            "it, and no other.",
            operation=revoke_token,
        ),
    )

    def visible(self) -> QuerySet[AccessToken]:
        """The caller's own, as far as the credential lets them see. Raises DomainError(permission_denied) for applications."""
        return tokens_visible_to(self.request.actor)


# --- the session of the desk --------------------------------------------------------------------------------------
class SignInIn(StrictSerializer):
    """Login and password."""

    example: ClassVar[dict[str, object]] = {"login": "awa.diallo", "password": "correct horse battery staple"}

    login = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, trim_whitespace=False)
    code = serializers.CharField(max_length=20, required=False, help_text="Of the second factor, where there is one.")


class SessionOut(Out):
    """Whether somebody is signed in, and the CSRF token that writes in a session need."""

    example: ClassVar[dict[str, object]] = {"signed_in": True, "login": "awa.diallo", "csrf_token": "abc"}

    signed_in = serializers.BooleanField()
    login = serializers.CharField(allow_null=True)
    csrf_token = serializers.CharField(help_text="Send it in X-CSRFToken.")


class SessionView(ApiView):
    """`/session`: for browsers; systems use tokens."""

    tag = "Account"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the session and get a CSRF token",
            Public("signing in starts here"),
            out=SessionOut,
            operation_id="session_read",
        ),
        "post": Contract(
            "Sign in",
            Public("signing in"),
            description="Needs the CSRF token of GET. Too many failed tries from one address lock the login for it.",
            body=SignInIn,
            out=SessionOut,
            operation_id="session_sign_in",
            errors=(
                ErrorCode.NOT_AUTHENTICATED,
                ErrorCode.PERMISSION_DENIED,
                ErrorCode.SECOND_FACTOR_REQUIRED,
                ErrorCode.SIGN_IN_LOCKED,
            ),
        ),
        "delete": Contract(
            "Sign out",
            Public("signing out"),
            status=204,
            operation_id="session_sign_out",
            errors=(ErrorCode.PERMISSION_DENIED,),
        ),
    }

    def get(self, request: Request) -> Response:
        """Say whether somebody is signed in."""
        user = self.request.django_request.user
        login_name = user.get_username() if user.is_authenticated else None
        facts = {
            "signed_in": user.is_authenticated,
            "login": login_name,
            "csrf_token": get_token(self.request.django_request),
        }
        return Response(SessionOut(facts, context=self.shape_context()).data)

    def post(self, request: Request) -> Response:
        """Sign in. Raises DomainError(not_authenticated, permission_denied, second_factor_required, sign_in_locked)."""
        DeskSessionAuthentication().enforce_csrf(request)
        given = self.body(self.contracts["post"]).arguments()
        browser = self.request.django_request
        user = authenticate(browser, username=given["login"], password=given["password"])
        if user is None and lockout.is_locked(browser):
            left = lockout.seconds_left(given["login"], browser, at=self.request.at)
            raise DomainError(ErrorCode.SIGN_IN_LOCKED, retry_after=left, minutes=-(-left // 60))
        if user is None:
            raise DomainError(ErrorCode.NOT_AUTHENTICATED)
        if has_second_factor(user) and not (given.get("code") and accepts(user, given["code"])):
            raise DomainError(ErrorCode.SECOND_FACTOR_REQUIRED)
        login(browser, user)
        return self.get(request)

    def delete(self, request: Request) -> Response:
        """Sign out; harmless without a session."""
        if self.request.django_request.user.is_authenticated:
            DeskSessionAuthentication().enforce_csrf(request)
            logout(self.request.django_request)
        return Response(status=204)
