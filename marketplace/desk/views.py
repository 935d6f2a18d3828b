"""The web face: for now the start page and signing in; the desk will stand here."""

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from marketplace.accounts import queries as accounts
from marketplace.vocabularies import queries as vocabularies


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Show what this is and where to go: sign in, the API, its documentation."""
    memberships = accounts.memberships_of(request.user) if request.user.is_authenticated else []
    language = translation.get_language() or "en"
    roles = [
        (membership.organization.code, vocabularies.label("membership_roles", membership.role, language))
        for membership in memberships
    ]
    return render(request, "desk/start.html", {"roles": roles, "group_code": settings.GROUP_CODE})


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the chosen language in a cookie and go back to the page."""
    language = request.POST.get("language", "")
    target = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        target = "/"
    response = HttpResponseRedirect(target)
    if translation.check_for_language(language):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=31_536_000, samesite="Lax", secure=request.is_secure()
        )
    return response


class SignOut(LogoutView):
    """Sign out; only by POST."""

    http_method_names = ["post", "options"]
