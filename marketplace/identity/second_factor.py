"""Second factors: who has one, who must have one, and whether a code is right."""

from datetime import datetime
from typing import Any

import structlog
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import is_mfa_enabled
from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.identity import cipher

STAFF_ROLES = frozenset({"secretariat_officer", "secretariat_head", "auditor"})
LOCKED = _("Too many failed tries. Wait a few minutes.")
CODE_SECONDS = 30  # for which an authenticator app shows a code: a step
LAST_STEP = "last_step"  # beside the secret of an app: the step of the newest code that was taken
log = structlog.get_logger(__name__)


def has_second_factor(user: User) -> bool:
    """Tell whether a person signs in with more than a password."""
    return bool(is_mfa_enabled(user))


def lacks_second_factor(actor: Actor, at: datetime) -> bool:
    """Tell whether a person must set up a second factor before they go on: staff, where it is required."""
    if not settings.REQUIRE_STAFF_MFA or actor.user is None:
        return False
    is_staff = actor.user.is_superuser or any(right.role in STAFF_ROLES for right in actor.rights(at))
    return is_staff and not has_second_factor(actor.user)


class UnreadableFactorError(Http404):
    """Why a second factor counts for nothing: its key is gone. A page that was to show it is then not there."""


class Secrets(DefaultMFAAdapter):
    """Keeps the secrets of second factors encrypted (called by allauth)."""

    def encrypt(self, text: str) -> str:
        """Encrypt for the database."""
        return cipher.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Read from the database. Raises UnreadableFactorError."""
        try:
            return cipher.decrypt(encrypted_text)
        except ValueError as error:
            raise UnreadableFactorError from error

    def get_totp_issuer(self) -> str:
        """Name the installation in authenticator apps."""
        return f"{settings.GROUP_CODE} Training Marketplace"


class CountsFailures:
    """Counts wrong codes with the wrong passwords of the account, in the database; takes each code of an app once."""

    user: User
    cleaned_data: dict[str, Any]
    authenticator: Authenticator

    def clean_code(self) -> str:
        """Check the code, in the place of allauth's own check. Raises ValidationError.

        That one stops at a factor that cannot be read, and notes used codes in the memory of one process alone.
        """
        credentials = {"username": self.user.get_username()}
        if not AxesProxyHandler.is_allowed(context.request, credentials):
            context.request.axes_locked_out = True
            raise ValidationError(LOCKED, "locked")
        code: str = self.cleaned_data["code"]
        factors = Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN)
        found = next((factor for factor in factors if _takes(factor, code)), None)
        if found is None:
            user_login_failed.send(sender=__name__, credentials=credentials, request=context.request)
            raise DefaultMFAAdapter().validation_error("incorrect_code")
        self.authenticator = found
        return code


def _takes(factor: Authenticator, code: str) -> bool:
    """Tell whether ``code`` is right for a factor, and use it up; for one that cannot be read no code is."""
    try:
        if factor.type == Authenticator.Type.TOTP:
            return _takes_step(factor, code)
        return bool(factor.wrap().validate_code(code))
    except UnreadableFactorError:
        person = str(factor.user.public_id)
        log.warning("second_factor.unreadable", factor=factor.pk, kind=factor.type, person=person)
        return False


@transaction.atomic
def _takes_step(factor: Authenticator, code: str) -> bool:
    """Tell whether ``code`` belongs to a step after that of the last one, and note its step.

    The row is locked and read anew: of two processes that are given the same code, the second one sees what the first
    one noted.
    """
    locked = Authenticator.objects.select_for_update().filter(pk=factor.pk).first()
    step = _fresh_step(locked, code) if locked else None
    if locked is None or step is None:
        return False
    locked.data[LAST_STEP] = step
    locked.save(update_fields=["data"])
    return True


def _fresh_step(factor: Authenticator, code: str) -> int | None:
    """Give the step that ``code`` belongs to, among those within MFA_TOTP_TOLERANCE that no code was taken for yet."""
    secret, last = Secrets().decrypt(factor.data["secret"]), _last_step(factor)
    fresh = (step for step in yield_hotp_counters_from_time() if step > last)
    right = (
        step for step in fresh if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, step)))
    )
    return next(right, None)


def _last_step(factor: Authenticator) -> int:
    """Give the step of the last code; where none was noted, that of the last use: setting up is the first."""
    used = factor.last_used_at or factor.created_at
    return int(factor.data.get(LAST_STEP, int(used.timestamp()) // CODE_SECONDS))


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
