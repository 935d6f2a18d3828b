"""What somebody sees whose sign-in is locked after too many failed tries."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from marketplace.api.problems import refuse
from marketplace.identity.lockout import seconds_left
from marketplace.kernel.errors import ErrorCode


def locked_out(
    request: HttpRequest, response: HttpResponse | None = None, credentials: Mapping[str, str] | None = None
) -> HttpResponse:
    """Say when to try again (called by axes); the API has said so itself."""
    if response is not None and response.status_code == 429:
        return response
    left = seconds_left((credentials or {}).get("username", ""), request, at=timezone.now())
    return refuse(request, ErrorCode.SIGN_IN_LOCKED, retry_after=left, minutes=-(-left // 60))
