"""Saying how much a provider can deliver in a period."""

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.periods import Period
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from providers.models import CapacityWindow, Provider
from providers.operations.access import check_provider
from providers.operations.facts import Facts, check_codes, put, refuse, with_period

# What a provider says of a window; `period` (kernel Period) stands for the first three.
COLUMNS = ("start_on", "end_on", "precision", "quantity", "provenance")


@transaction.atomic
def create_window(
    *,
    actor: Actor,
    at: datetime,
    provider_id: int,
    unit: str,
    quantity: int,
    period: Period,
    code: str = "",
    provenance: Mapping[str, object] | None = None,
) -> CapacityWindow:
    """Add capacity: so much of ``unit`` (trainer_days, parallel_deliveries) in a period.

    Raises DomainError(permission_denied, unknown_reference, rule_broken, duplicate, not_found).
    """
    provider = Provider.objects.select_related("organization").filter(pk=provider_id).first()
    if provider is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    check_provider(actor, Permission.CATALOGUE_WRITE, provider, at=at)
    check_codes({"unit": unit}, {"unit": "capacity_units"})
    window = CapacityWindow(provider=provider, unit=unit, code=code)
    _put(window, {"quantity": quantity, "period": period, "provenance": dict(provenance or {})})
    try:
        with transaction.atomic():
            lifecycles.insert(window, actor=actor, at=at)
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="code") from None
    return window


@transaction.atomic
def change_window(
    *, actor: Actor, at: datetime, window_id: int, facts: Facts, expected_version: int | None = None
) -> CapacityWindow:
    """Change dates or quantity; the quantity cannot fall below what is held and confirmed.

    Raises DomainError(permission_denied, precondition_failed, rule_broken).
    """
    window = _lock(window_id, expected_version)
    check_provider(actor, Permission.CATALOGUE_WRITE, window.provider, at=at)
    changes = _put(window, facts)
    if changes:
        data = {"changed": sorted(changes)}
        lifecycles.record_change(window, "changed", actor=actor, at=at, changes=changes, data=data)
    return window


@transaction.atomic
def delete_window(*, actor: Actor, at: datetime, window_id: int, expected_version: int | None = None) -> None:
    """Take away a window that nothing was ever held of; the event is its tombstone.

    Raises DomainError(permission_denied, precondition_failed), or rule_broken where something is or was held.
    """
    window = _lock(window_id, expected_version)
    check_provider(actor, Permission.CATALOGUE_WRITE, window.provider, at=at)
    if window.holds.exists():
        raise rule_broken(
            "", "capacity_was_held", _("Capacity of this window was reserved; lower its quantity instead.")
        )
    note(window, "deleted", actor=actor, at=at)
    window.delete()


def _lock(window_id: int, expected_version: int | None) -> CapacityWindow:
    rows = CapacityWindow.objects.select_related("provider__organization").filter(pk=window_id)
    return lifecycles.lock(rows, expected_version=expected_version)


def _put(window: CapacityWindow, facts: Facts) -> dict[str, object]:
    changes = put(window, with_period(facts), COLUMNS)
    errors: list[FieldError] = []
    if window.start_on is None or window.end_on is None:
        errors.append(FieldError("/period", "missing", _("Capacity has a period.")))
    elif window.end_on < window.start_on:
        errors.append(FieldError("/period/end", "before_start", _("The period ends before it begins.")))
    if window.free < 0:
        taken = window.held + window.confirmed
        detail = _("%(taken)s are held or confirmed.")
        errors.append(FieldError("/quantity", "capacity_taken", detail, (), {"taken": taken}))
    refuse(errors)
    return changes
