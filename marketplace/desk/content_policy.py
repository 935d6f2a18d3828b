"""The header that says what a page may load, as django-csp writes it."""

from functools import cache

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware, PolicyParts
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ContentPolicy(CSPMiddleware):
    """django-csp's header; what most answers get, as they have no wish of their own, is written once."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the header."""
        wishes = self.get_policy_parts(request=request, response=response) != PolicyParts()
        if wishes or settings.DEBUG or HEADER in response or getattr(response, "_csp_exempt", False):
            return super().process_response(request, response)
        response[HEADER] = usual_policy()
        vars(request)["csp_nonce"] = CheckableLazyObject(self._csp_nonce_post_response)  # too late for one
        return response


@cache
def usual_policy() -> str:
    """Write the policy of the settings."""
    return str(build_policy())
