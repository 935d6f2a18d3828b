"""What the sign-on library asks about accounts: nobody registers by themselves."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import reverse

from marketplace.accounts.addresses import client_address


class Accounts(DefaultAccountAdapter):
    """Accounts are made by invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Tell that it is closed."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Give the address of the caller as everywhere else."""
        return client_address(request)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask again who they are before what matters, unless they have nothing to say it with and just came from the provider."""
        return bool(super().is_reauthentication_required(app=app, **kwargs)) and not self._just_signed_on()

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Give the ways of saying again who they are; who has neither password nor second factor signs on anew."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if methods or not user.is_authenticated or not settings.OIDC_SERVER_URL:
            return methods
        address = reverse("openid_connect_login", kwargs={"provider_id": settings.OIDC_APP["provider_id"]})
        return [{"id": "sign_on", "description": settings.OIDC_APP["name"], "url": address}]

    def _just_signed_on(self) -> bool:
        request: Any = context.request
        if super().get_reauthentication_methods(request.user):
            return False
        records = get_authentication_records(request, request.user)
        last = max((one["at"] for one in records if one["method"] == "socialaccount"), default=0)
        return time.time() - last < int(app_settings.REAUTHENTICATION_TIMEOUT)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Give the page of the account."""
        return resolve_url("account")


class SignOn(DefaultSocialAccountAdapter):
    """Whoever comes from the identity provider is one of the invited, known by an address that both sides verified."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        """Tell that it is closed."""
        return False

    def authenticate_by_email(self, sociallogin: Any) -> Any:
        """Find the invited person by an address that the provider verified and we verified; None for anybody else."""
        for said in sociallogin.email_addresses:
            email = said.email.lower()  # as the library keeps them
            known = EmailAddress.objects.filter(email=email, verified=True).select_related("user")
            if said.verified and len(known) == 1:
                return known[0].user, email
        return None
