"""The pages on which people see and end what is open in their name."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from marketplace.accounts import operations as accounts
from marketplace.accounts import queries as people
from marketplace.accounts.actors import Actor
from marketplace.identity import operations, queries


@never_cache
@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """Show sessions, applications and tokens of the person, each with a way to end it."""
    at, user = timezone.now(), _user(request)
    tokens = people.tokens_of(Actor.for_user(user)).filter(revoked_at__isnull=True, expires_at__gt=at)
    facts = {
        "sessions": queries.sessions_of(user, at=at),
        "this_session": request.session.session_key,
        "apps": queries.apps_acting_for(user, at=at),
        "tokens": tokens,
    }
    return render(request, "desk/account.html", facts)


@login_required
@require_POST
def end_session(request: HttpRequest, public_id: UUID) -> HttpResponseRedirect:
    """Sign another browser out, or this one."""
    at, user = timezone.now(), _user(request)
    session = get_object_or_404(queries.sessions_of(user, at=at), public_id=public_id)
    is_this = session.session_key == request.session.session_key
    operations.end_session(session, actor=Actor.for_user(user), at=at)
    if is_this:
        request.session.flush()
    messages.success(request, gettext("The session has ended."))
    return redirect("start" if is_this else "account")


@login_required
@require_POST
def end_app(request: HttpRequest, public_id: UUID) -> HttpResponseRedirect:
    """End what an application may do in the person's name."""
    at, user = timezone.now(), _user(request)
    app = get_object_or_404(queries.apps_acting_for(user, at=at), public_id=public_id)
    operations.end_app(app, user=user, actor=Actor.for_user(user), at=at)
    messages.success(request, gettext("The application can no longer act for you."))
    return redirect("account")


@login_required
@require_POST
def end_token(request: HttpRequest, public_id: UUID) -> HttpResponseRedirect:
    """Revoke a personal access token."""
    user = _user(request)
    token = get_object_or_404(people.tokens_of(Actor.for_user(user)), public_id=public_id)
    accounts.revoke_token(token, actor=Actor.for_user(user), at=timezone.now())
    messages.success(request, gettext("The token has ended."))
    return redirect("account")


class Password(PasswordChangeView):
    """A new password; it ends all other sessions and every token (see identity.passwords)."""

    template_name = "desk/password.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Change it; this browser stays signed in under a new session."""
        answer = super().form_valid(form)
        messages.success(self.request, gettext("The password is changed. Everything else that was open has ended."))
        return answer


password = login_required(sensitive_post_parameters()(Password.as_view()))


def _user(request: HttpRequest) -> Any:
    return request.user
