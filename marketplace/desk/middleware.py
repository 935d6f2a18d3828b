"""Sessions that have been idle or have lasted too long end; those in use are noted for their owner to see."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from marketplace.accounts.addresses import client_address
from marketplace.identity import operations


class WatchSessions:
    """Look at each call that comes with a session of somebody."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the call, as that of a stranger where the session is over."""
        key = request.session.session_key if settings.SESSION_COOKIE_NAME in request.COOKIES else None
        if key and request.user.is_authenticated:
            device, address = request.headers.get("User-Agent", ""), client_address(request)
            seen = operations.see_session(key, user=request.user, at=timezone.now(), device=device, address=address)
            if not seen:
                logout(request)
        return self.get_response(request)
