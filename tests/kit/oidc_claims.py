"""What the OpenID provider of the tests says of whoever signs on, and its routes; loaded in its own process only."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.utils import jwk_from_pem

EMAIL, VERIFIED, PUBLISHED, SIGNING = "", False, "", ""


class Claims(OAuth2Validator):
    """Adds the address to ID token and userinfo."""

    oidc_claim_scope = None

    def get_additional_claims(self, request: Any) -> dict[str, Any]:
        return {"email": EMAIL, "email_verified": VERIFIED, "name": "Some Body"}


def published_keys(request: HttpRequest) -> HttpResponse:
    """Give the key under the name of the signing one: where they differ, signatures are wrong."""
    public = jwk_from_pem(PUBLISHED).export_public(as_dict=True)
    return JsonResponse({"keys": [{**public, "alg": "RS256", "use": "sig", "kid": jwk_from_pem(SIGNING).thumbprint()}]})


urlpatterns = [
    path(".well-known/jwks.json", published_keys),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]
