"""Looks at each call with a session: those idle or too old end, and staff need their second factor."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from marketplace.accounts.actors import Actor
from marketplace.accounts.addresses import client_address
from marketplace.identity import operations
from marketplace.identity.second_factor import lacks_second_factor

# Where staff without a second factor may go: to where they set one up, and out.
OPEN_WITHOUT = (
    "/account/second-factor/",
    "/account/confirm",
    "/sign-in/by/",
    "/sign-out",
    "/language",
    "/api/",
    "/docs",
    "/static/",
)


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


class RequireSecondFactor:
    """Send staff who must have a second factor, and have none, to the page that sets one up; the API says so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the call, or lead to the set-up."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path.startswith(OPEN_WITHOUT):
            user = request.user
            if user.is_authenticated and lacks_second_factor(Actor.for_user(user), timezone.now()):
                return redirect("mfa_activate_totp")
        return self.get_response(request)
