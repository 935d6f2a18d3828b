"""Setting up where a provider's courses are read from, and asking for it to be read."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from marketplace.webhooks.transport import is_callable_url
from marketplace.work.operations import enqueue
from providers.models import Harvest
from providers.operations.access import check_provider
from providers.operations.facts import Facts, check_codes, put, refuse
from providers.queries import visible_provider

JOB = "providers.harvest"
COLUMNS = ("url", "language", "every_hours", "active")
LEAST_HOURS, MOST_HOURS = 6, 24 * 90
SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


@transaction.atomic
def set_up_harvest(*, actor: Actor, at: datetime, provider: str, source: str, facts: Facts) -> Harvest:
    """Say where the courses of a provider (code or id) are read from; ``facts`` takes COLUMNS.

    Raises DomainError(permission_denied, unknown_reference, rule_broken, duplicate).
    """
    owner = visible_provider(provider, actor=actor, at=at)
    check_provider(actor, Permission.CATALOGUE_WRITE, owner, at=at)
    if not SOURCE.fullmatch(source):
        raise rule_broken("/source", "invalid", _("Small letters, digits, dots and hyphens."))
    harvest = Harvest(provider=owner, source=source)
    _put(harvest, facts, at)
    try:
        with transaction.atomic():
            lifecycles.insert(harvest, actor=actor, at=at)
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="source") from None
    return harvest


@transaction.atomic
def change_harvest(
    *, actor: Actor, at: datetime, harvest_id: int, facts: Facts, expected_version: int | None = None
) -> Harvest:
    """Change address, language or schedule, or switch it off and on; switched on, it has not failed yet.

    Raises DomainError(permission_denied, precondition_failed, unknown_reference, rule_broken).
    """
    harvest = lock_harvest(harvest_id, expected_version)
    check_provider(actor, Permission.CATALOGUE_WRITE, harvest.provider, at=at)
    changes = _put(harvest, facts, at)
    if changes:
        data = {"changed": sorted(changes)}
        lifecycles.record_change(harvest, "changed", actor=actor, at=at, changes=changes, data=data)
    return harvest


@transaction.atomic
def ask_for_harvest(*, actor: Actor, at: datetime, harvest_id: int) -> Harvest:
    """Have a catalogue read as soon as a worker is free; asking twice before it is read is asking once.

    Raises DomainError(permission_denied), or rule_broken where it has no address or is switched off.
    """
    harvest = lock_harvest(harvest_id, None)
    check_provider(actor, Permission.CATALOGUE_WRITE, harvest.provider, at=at)
    if not harvest.url or not harvest.active:
        raise rule_broken("/url", "not_readable", _("It has no address, or is switched off."))
    enqueue_harvest(harvest, at=at)
    return harvest


def enqueue_harvest(harvest: Harvest, *, at: datetime) -> None:
    """Record the job that reads a catalogue; between two runs there is one."""
    ran = harvest.ran_at.isoformat() if harvest.ran_at else "never"
    key = f"{JOB}:{harvest.public_id}:{harvest.version}:{ran}"
    enqueue(JOB, {"harvest": str(harvest.public_id)}, at=at, key=key)


def lock_harvest(harvest_id: int, expected_version: int | None) -> Harvest:
    """Lock a harvest with its provider at hand. Raises DomainError(not_found, precondition_failed)."""
    rows = Harvest.objects.select_related("provider__organization").filter(pk=harvest_id)
    return lifecycles.lock(rows, expected_version=expected_version)


def _put(harvest: Harvest, facts: Facts, at: datetime) -> dict[str, object]:
    check_codes(facts, {"language": "languages"})
    changes: dict[str, Any] = put(harvest, facts, COLUMNS)
    errors: list[FieldError] = []
    if harvest.url and not is_callable_url(harvest.url):
        errors.append(FieldError("/url", "invalid", _("A public https address, without user name or fragment.")))
    if harvest.every_hours and not LEAST_HOURS <= harvest.every_hours <= MOST_HOURS:
        detail = _("0 (only when asked), or from %(least)s to %(most)s hours.")
        params = {"least": LEAST_HOURS, "most": MOST_HOURS}
        errors.append(FieldError("/every_hours", "out_of_range", detail, params=params))
    if harvest.every_hours and not harvest.url:
        errors.append(FieldError("/url", "missing", _("What is read on schedule has an address.")))
    refuse(errors)
    if "active" in changes and harvest.active:
        harvest.failures, harvest.problem = 0, ""
    if changes or harvest._state.adding:  # noqa: SLF001  Django's word for "not stored yet"
        harvest.next_at = at if harvest.active and harvest.every_hours else None
    return changes


def next_run(harvest: Harvest, *, at: datetime) -> datetime | None:
    """Give when a harvest is due again."""
    scheduled = harvest.active and harvest.every_hours and harvest.url
    return at + timedelta(hours=harvest.every_hours) if scheduled else None
