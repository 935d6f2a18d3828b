"""What the sign-on library asks about accounts: nobody registers by themselves."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.http import HttpRequest
from django.shortcuts import resolve_url

from marketplace.accounts.addresses import client_address


class Accounts(DefaultAccountAdapter):
    """Accounts are made by invitation."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Tell that it is closed."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Give the address of the caller as everywhere else."""
        return client_address(request)

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
