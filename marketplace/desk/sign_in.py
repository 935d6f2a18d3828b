"""Signing in with login and password, then with the second factor where there is one."""

from typing import Any

from allauth.account.views import LoginView
from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


class SignIn(LoginView):
    """`/sign-in`. What follows a right password is the library's: second factor, a new session key, the way back."""

    template_name = "desk/sign_in.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the identity providers that are configured."""
        found: dict[str, Any] = super().get_context_data(**kwargs)
        return {**found, "providers": get_adapter().list_providers(self.request)}


@require_GET
def inactive(request: HttpRequest) -> HttpResponse:
    """Say that the account is switched off."""
    return render(request, "account/account_inactive.html", status=403)
