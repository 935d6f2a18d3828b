"""The standing of providers: verification with checks and an end, suspension."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from providers.models import Provider
from providers.operations.access import check_provider
from providers.operations.facts import check_codes, check_reason, put

COLUMNS = ("checks", "verified_on", "verification_expires_on")


@transaction.atomic
def verify_provider(
    *,
    actor: Actor,
    at: datetime,
    provider_id: int,
    checks: Sequence[str],
    expires_on: date | None = None,
    verified_on: date | None = None,
    expected_version: int | None = None,
) -> Provider:
    """Put a provider in standing, or renew it, from ``verified_on`` (the day of ``at``) to ``expires_on`` (None: without end).

    ``checks`` are codes of the list provider_checks. Raises DomainError(permission_denied, wrong_state, unknown_reference,
    rule_broken).
    """
    provider = _lock(provider_id, expected_version)
    check_provider(actor, Permission.CATALOGUE_VET, provider, at=at)
    lifecycles.find_transition(provider, "verify")
    check_codes({"checks": list(checks)}, {"checks": "provider_checks"})
    day = verified_on or at.date()
    if day > at.date():
        raise rule_broken("/verified_on", "in_the_future", _("The verification cannot lie in the future."))
    if expires_on is not None and expires_on < day:
        raise rule_broken("/expires_on", "before_start", _("The verification ends before it begins."))
    facts = {"checks": list(checks), "verified_on": day, "verification_expires_on": expires_on}
    changes = put(provider, facts, COLUMNS)
    lifecycles.transition(provider, "verify", actor=actor, at=at, changes=changes, columns=COLUMNS)
    return provider


@transaction.atomic
def suspend_provider(
    *,
    actor: Actor,
    at: datetime,
    provider_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Provider:
    """Take a provider out of standing; its offerings leave the catalogue, and what is agreed goes on hold by the event.

    ``reason_code`` is of the list suspension_reasons. Raises DomainError(permission_denied, wrong_state, unknown_reference).
    """
    provider = _lock(provider_id, expected_version)
    check_provider(actor, Permission.CATALOGUE_VET, provider, at=at)
    check_reason("suspension_reasons", reason_code)
    lifecycles.transition(provider, "suspend", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return provider


@transaction.atomic
def reinstate_provider(
    *, actor: Actor, at: datetime, provider_id: int, reason_text: str = "", expected_version: int | None = None
) -> Provider:
    """End a suspension: verified again where the verification still holds, else pending anew.

    Raises DomainError(permission_denied, wrong_state).
    """
    provider = _lock(provider_id, expected_version)
    check_provider(actor, Permission.CATALOGUE_VET, provider, at=at)
    ends = provider.verification_expires_on
    holds = provider.verified_on is not None and (ends is None or ends >= at.date())
    lifecycles.transition(
        provider,
        "reinstate",
        actor=actor,
        at=at,
        target="verified" if holds else "pending",
        reason_text=reason_text,
    )
    return provider


def lapse_verifications(*, at: datetime) -> int:
    """Bring providers whose verification has ended back to pending, with the secretariat asked to look; returns how many."""
    ended = Provider.objects.filter(state="verified", verification_expires_on__lt=at.date())
    return sum(_lapse(pk, at) for pk in ended.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _lapse(provider_id: int, at: datetime) -> bool:
    provider = _lock(provider_id, None)
    ends = provider.verification_expires_on
    if provider.state != "verified" or ends is None or ends >= at.date():
        return False
    lifecycles.transition(provider, "lapse", actor=Actor.system("catalogue"), at=at)
    return True


def _lock(provider_id: int, expected_version: int | None) -> Provider:
    rows = Provider.objects.select_related("organization").filter(pk=provider_id)
    return lifecycles.lock(rows, expected_version=expected_version)
