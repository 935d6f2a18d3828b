"""The page on which a person lets an application act for them (authorization code with PKCE)."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.views import AuthorizationView
from oauthlib.oauth2 import InvalidRequestError

from marketplace.identity.models import Application
from marketplace.rest.oauth.views import fault_of

CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 4.2
NONCE = 255  # characters that the toolkit keeps of a nonce
PKCE = "PKCE is required with code_challenge_method=S256 and a challenge of 43 to 128 characters."


class Consent(AuthorizationView):
    """`/oauth/authorize`. It asks each time: what was agreed to for one sign-in holds for no other."""

    template_name = "desk/consent.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Refuse what OAuthLib would pass on unseen, before anybody is asked to sign in."""
        fault = _fault_of_form(request.POST) if request.method == "POST" else fault_of(request.GET)
        self.oauth2_data: dict[str, Any] = {}
        if fault:
            error = InvalidRequestError(description=fault[1])
            return self.render_to_response({"error": error}, status=400)
        asked = request.GET.copy()
        asked["approval_prompt"] = "force"  # the toolkit would else take `auto` from the address
        request.GET = asked  # type: ignore[assignment]
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def validate_authorization_request(self, request: HttpRequest) -> Any:
        """Check the request as the toolkit does, and the challenge before the person is asked, not after."""
        scopes, credentials = super().validate_authorization_request(request)
        if not _proves_itself(credentials):
            error = InvalidRequestError(description=PKCE, state=credentials.get("state"))
            raise OAuthToolkitError(error=error, redirect_uri=credentials["redirect_uri"])
        return scopes, credentials

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponseBase:
        """Show the page; browsers hold the redirect after the form against `form-action`, so the app's address is in it."""
        answer: HttpResponse = super().render_to_response(context, **response_kwargs)
        answer.headers["Cache-Control"] = "no-store"
        target = urlsplit(context.get("redirect_uri") or "")
        if not target.netloc:
            return answer
        update = csp_update({"form-action": [f"{target.scheme}://{target.netloc}"]})
        return update(lambda _request: answer)(self.request)


def _proves_itself(credentials: Mapping[str, Any]) -> bool:
    method, challenge = credentials.get("code_challenge_method"), credentials.get("code_challenge")
    return method == "S256" and CHALLENGE.fullmatch(challenge or "") is not None


def _fault_of_form(form: QueryDict) -> tuple[str, str] | None:
    """Look at the form that came back; its hidden fields may have been tampered with."""
    given = form.copy()
    if given.get("resource") == "":  # the toolkit's form sends it, always empty here
        del given["resource"]
    fault = fault_of(given)
    if fault is None and not Application.objects.filter(client_id=given.get("client_id", "")).exists():
        return "invalid_request", "Unknown application."
    if fault is None and not (_proves_itself(given) and len(given.get("nonce", "")) <= NONCE):
        return "invalid_request", PKCE
    return fault
