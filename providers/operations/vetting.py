"""The way of an offering: vetting, the public catalogue, suspension, retirement."""

from datetime import date, datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from providers.models import Offering
from providers.operations.access import check_offering
from providers.operations.facts import check_reason, put
from providers.operations.offerings import lock_offering
from providers.operations.rules import check_complete

VETTING = ("vetting_panel", "vetting_verdict", "vetted_on", "vetting_expires_on", "first_published_on")


@transaction.atomic
def submit_offering(*, actor: Actor, at: datetime, offering_id: int, expected_version: int | None = None) -> Offering:
    """Give a draft to the vetting panel.

    Raises DomainError(permission_denied, wrong_state, precondition_failed), or rule_broken naming what is missing.
    """
    offering = lock_offering(offering_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_WRITE, offering, at=at)
    lifecycles.find_transition(offering, "submit")
    check_complete(offering)
    changes = put(offering, {"vetting_verdict": "pending"}, VETTING)
    lifecycles.transition(offering, "submit", actor=actor, at=at, changes=changes, columns=VETTING)
    return offering


@transaction.atomic
def publish_offering(
    *,
    actor: Actor,
    at: datetime,
    offering_id: int,
    panel: str = "",
    vetted_on: date | None = None,
    expires_on: date | None = None,
    expected_version: int | None = None,
) -> Offering:
    """Accept an offering into the public catalogue, by ``panel``, from ``vetted_on`` (the day of ``at``) to ``expires_on``.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, rule_broken).
    """
    offering = lock_offering(offering_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_VET, offering, at=at)
    lifecycles.find_transition(offering, "publish")
    check_complete(offering)
    day = vetted_on or at.date()
    if day > at.date():
        raise rule_broken("/vetted_on", "in_the_future", _("The vetting cannot lie in the future."))
    if expires_on is not None and expires_on < day:
        raise rule_broken("/expires_on", "before_start", _("The vetting ends before it begins."))
    facts = {
        "vetting_panel": panel,
        "vetting_verdict": "accepted",
        "vetted_on": day,
        "vetting_expires_on": expires_on,
        "first_published_on": offering.first_published_on or at.date(),
    }
    changes = put(offering, facts, VETTING)
    lifecycles.transition(offering, "publish", actor=actor, at=at, changes=changes, columns=VETTING)
    return offering


@transaction.atomic
def return_offering(
    *,
    actor: Actor,
    at: datetime,
    offering_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Offering:
    """Return an offering to its provider with what is missing; ``reason_code`` is of the list return_reasons.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    offering = lock_offering(offering_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_VET, offering, at=at)
    check_reason("return_reasons", reason_code)
    lifecycles.transition(offering, "return", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return offering


@transaction.atomic
def suspend_offering(
    *,
    actor: Actor,
    at: datetime,
    offering_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Offering:
    """Take an offering out of the catalogue for a time; ``reason_code`` is of the list suspension_reasons.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    offering = lock_offering(offering_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_VET, offering, at=at)
    check_reason("suspension_reasons", reason_code)
    lifecycles.transition(offering, "suspend", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return offering


@transaction.atomic
def reinstate_offering(
    *, actor: Actor, at: datetime, offering_id: int, reason_text: str = "", expected_version: int | None = None
) -> Offering:
    """End a suspension: back into the catalogue where the vetting still holds, else to the panel.

    Raises DomainError(permission_denied, wrong_state, precondition_failed).
    """
    offering = lock_offering(offering_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_VET, offering, at=at)
    target = "published" if offering.vetting_valid(at.date()) else "in_vetting"
    lifecycles.transition(offering, "reinstate", actor=actor, at=at, target=target, reason_text=reason_text)
    return offering


@transaction.atomic
def retire_offering(
    *, actor: Actor, at: datetime, offering_id: int, reason_text: str = "", expected_version: int | None = None
) -> Offering:
    """Take an offering back for good; what is agreed on it stays agreed.

    Raises DomainError(permission_denied, wrong_state, precondition_failed).
    """
    offering = lock_offering(offering_id, expected_version)
    check_offering(actor, Permission.CATALOGUE_WRITE, offering, at=at)
    lifecycles.transition(offering, "retire", actor=actor, at=at, reason_text=reason_text)
    return offering


def lapse_vettings(*, at: datetime) -> int:
    """Bring published offerings whose vetting has ended back to the panel; returns how many."""
    ended = Offering.objects.filter(state="published", vetting_expires_on__lt=at.date())
    return sum(_lapse(pk, at) for pk in ended.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _lapse(offering_id: int, at: datetime) -> bool:
    offering = lock_offering(offering_id, None)
    if offering.state != "published" or offering.vetting_valid(at.date()):
        return False
    lifecycles.transition(offering, "lapse", actor=Actor.system("catalogue"), at=at)
    return True
