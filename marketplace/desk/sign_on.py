"""Signing on through the identity provider of the organization (OpenID Connect)."""

from typing import Any

from allauth.socialaccount.internal import jwtkit
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


class VerifiedProvider(OpenIDConnectOAuth2Adapter):
    """Checks the signature of the ID token always; the library leaves it out where TLS vouches for the sender."""

    def _decode_id_token(self, app: SocialApp, id_token: str) -> dict[str, Any]:
        facts: dict[str, Any] = jwtkit.verify_and_decode(
            credential=id_token,
            keys_url=self.openid_config["jwks_uri"],
            issuer=self.openid_config["issuer"],
            audience=app.client_id,
            lookup_kid=jwtkit.lookup_kid_jwk,
        )
        return facts


def _serve(kind: Any, request: HttpRequest, provider_id: str) -> HttpResponse:
    try:
        answer: HttpResponse = kind.adapter_view(VerifiedProvider(request, provider_id))(request)
    except SocialApp.DoesNotExist as error:
        raise Http404 from error
    return answer


@require_GET
def begin(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Send the browser to the provider, with state and PKCE."""
    return _serve(OAuth2LoginView, request, provider_id)


@require_GET
def come_back(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Take the code that the provider sent the browser back with, and sign the person in."""
    return _serve(OAuth2CallbackView, request, provider_id)


@require_GET
def cancelled(request: HttpRequest) -> HttpResponse:
    """Say that the person broke off at the provider."""
    return render(request, "socialaccount/authentication_error.html", {"is_cancelled": True})
