"""The endpoints that applications call; errors are JSON as RFC 6749 says."""

from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from oauth2_provider.views import OAuthServerMetadataView, RevokeTokenView, TokenView
from oauthlib.common import Request as OAuthRequest

from marketplace.identity import queries
from marketplace.rest.oauth.validator import Validator

LONGEST = 2_000  # characters of a parameter
SECRET = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def refusal(code: str, description: str, status: int = 400) -> JsonResponse:
    """Give an error of RFC 6749 5.2; ``description`` is for developers and in English, as the standard wants it."""
    return JsonResponse({"error": code, "error_description": description}, status=status, headers=SECRET)


def fault_of(parameters: Any) -> tuple[str, str] | None:
    """Find what OAuthLib would pass on to the database unseen: code and description of the refusal."""
    for name, values in parameters.lists():
        if len(values) > 1 and name != "resource":
            return "invalid_request", f"The parameter {name[:40]!r} comes more than once."
        if any("\x00" in value or len(value) > LONGEST for value in (name, *values)):
            return "invalid_request", f"A parameter holds NUL or more than {LONGEST} characters."
    if "resource" in parameters:  # RFC 8707
        return "invalid_target", "Tokens of this server are for its own API alone; leave `resource` out."
    return None


class FormEndpoint(View):
    """Takes a form by POST and nothing else; whatever is wrong with it is said in JSON."""

    http_method_names = ["post", "options"]

    @method_decorator(csrf_exempt)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Look at the form before OAuthLib does."""
        if request.method == "POST":
            if request.GET:
                return refusal("invalid_request", "Parameters belong into the body, not into the address.")
            fault = fault_of(request.POST)
            if fault:
                return refusal(*fault)
        return super().dispatch(request, *args, **kwargs)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say in JSON that a form is to be posted."""
        answer = refusal("invalid_request", "Send a form by POST.", HTTPStatus.METHOD_NOT_ALLOWED)
        answer.headers["Allow"] = "POST"
        return answer


class Token(FormEndpoint, TokenView):
    """`POST /oauth/token`: client_credentials, authorization_code with PKCE, refresh_token."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Issue a token; the toolkit's device flow is not offered."""
        answer: HttpResponse = self.authorization_flow_token_response(request)
        answer.headers.setdefault("Content-Type", "application/json")
        return answer


class Revoke(FormEndpoint, RevokeTokenView):
    """`POST /oauth/revoke` (RFC 7009): an application ends a token of its own, with all that were renewed from it."""


class Introspect(FormEndpoint):
    """`POST /oauth/introspect` (RFC 7662): only for confidential applications, only about tokens of their own."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Say whether a token is valid and what it reaches; any other's token is as unknown as one that never was."""
        headers = {"HTTP_AUTHORIZATION": request.headers.get("Authorization", "")}
        asked = OAuthRequest(request.path, "POST", list(request.POST.items()), headers)
        if not Validator().authenticate_client(asked):
            answer = refusal("invalid_client", "Unknown application or wrong secret.", HTTPStatus.UNAUTHORIZED)
            answer.headers["WWW-Authenticate"] = 'Basic realm="oauth"'
            return answer
        text = request.POST.get("token", "")
        if not text:
            return refusal("invalid_request", "Name the token.")
        return HttpResponse(orjson.dumps(_facts(text, asked.client)), "application/json", headers=SECRET)


def _facts(text: str, application: Any) -> dict[str, object]:
    token = queries.oauth_token(text)
    if token is None or token.application_id != application.pk or token.expires <= timezone.now():
        return {"active": False}
    if token.user is not None and not token.user.is_active:
        return {"active": False}
    owner = token.user or application.service_client
    return {
        "active": True,
        "token_type": "Bearer",
        "client_id": application.client_id,
        "scope": " ".join(sorted(set(token.scope.split()) & application.reach)),
        "sub": str(owner.public_id),
        "username": token.user.get_username() if token.user else application.client_id,
        "iat": int(token.created.timestamp()),
        "exp": int(token.expires.timestamp()),
    }


class Metadata(OAuthServerMetadataView):
    """`/.well-known/oauth-authorization-server` (RFC 8414)."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Say what is offered; applications without a secret may get and revoke tokens, not introspect them."""
        answer: HttpResponse = super().get(request, *args, **kwargs)
        facts = orjson.loads(answer.content)
        for endpoint in ("token", "revocation"):
            facts[f"{endpoint}_endpoint_auth_methods_supported"].append("none")
        facts["service_documentation"] = request.build_absolute_uri("/docs")
        answer.content = orjson.dumps(facts)
        return answer
