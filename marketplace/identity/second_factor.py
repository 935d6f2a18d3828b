"""Second factors: who has one, who must have one, and whether a code is right."""

from datetime import datetime
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.identity import cipher

STAFF_ROLES = frozenset({"secretariat_officer", "secretariat_head", "auditor"})
LOCKED = _("Too many failed tries. Wait a few minutes.")
CODE_SECONDS = 30  # for which a code of an authenticator app holds; each works once


def has_second_factor(user: User) -> bool:
    """Tell whether a person signs in with more than a password."""
    return bool(is_mfa_enabled(user))


def lacks_second_factor(actor: Actor, at: datetime) -> bool:
    """Tell whether a person must set up a second factor before they go on: staff, where it is required."""
    if not settings.REQUIRE_STAFF_MFA or actor.user is None:
        return False
    is_staff = actor.user.is_superuser or any(right.role in STAFF_ROLES for right in actor.rights(at))
    return is_staff and not has_second_factor(actor.user)


class Secrets(DefaultMFAAdapter):
    """Keeps the secrets of second factors encrypted (called by allauth)."""

    def encrypt(self, text: str) -> str:
        """Encrypt for the database."""
        return cipher.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Read from the database."""
        return cipher.decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        """Name the installation in authenticator apps."""
        return f"{settings.GROUP_CODE} Training Marketplace"


class CountsFailures:
    """Counts wrong codes with the wrong passwords of the account, in the database; takes each code of an app once."""

    user: User

    def clean_code(self) -> str:
        """Check the code. Raises ValidationError."""
        credentials = {"username": self.user.get_username()}
        if not AxesProxyHandler.is_allowed(context.request, credentials):
            context.request.axes_locked_out = True
            raise ValidationError(LOCKED, "locked")
        last = dict(Authenticator.objects.filter(user=self.user).values_list("pk", "last_used_at"))
        try:
            code: str = super().clean_code()  # type: ignore[misc]
            self._refuse_used(last)
        except ValidationError:
            user_login_failed.send(sender=__name__, credentials=credentials, request=context.request)
            raise
        return code

    def _refuse_used(self, last_used: dict[int, datetime | None]) -> None:
        found: Authenticator = self.authenticator  # type: ignore[attr-defined]
        used = last_used.get(found.pk)
        step = int(used.timestamp()) // CODE_SECONDS if used else -1
        if found.type == Authenticator.Type.TOTP and step == int(timezone.now().timestamp()) // CODE_SECONDS:
            raise DefaultMFAAdapter().validation_error("incorrect_code")


class CodeForm(CountsFailures, AuthenticateForm):
    """The code of a second factor at sign-in."""


class CodeAgainForm(CountsFailures, ReauthenticateForm):
    """The code of a second factor before something that matters."""


def accepts(user: User, code: str) -> bool:
    """Tell whether ``code`` is right for one of the second factors of a person, and note its use."""
    form: Any = CodeForm(user=user, data={"code": code})
    if not form.is_valid():
        return False
    form.authenticator.record_usage()
    return True
