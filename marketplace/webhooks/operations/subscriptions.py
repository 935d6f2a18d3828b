"""What people and systems decide about the webhooks of their organization."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.models import Organization
from marketplace.accounts.roles import Permission
from marketplace.events import queries as events
from marketplace.events.catalogue import event_types, resources
from marketplace.events.patterns import matches
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import lock
from marketplace.webhooks.addresses import is_allowed
from marketplace.webhooks.models import DisabledReason, SigningSecret, Webhook
from marketplace.webhooks.queries import next_due_at
from marketplace.webhooks.signing import new_secret, seal
from marketplace.webhooks.transport import is_callable_url

MOST_OF_ONE = 20  # webhooks of an organization
MOST_SECRETS = 5  # that sign at the same time
OVERLAP = timedelta(hours=24)


@transaction.atomic
def create_webhook(
    *,
    actor: Actor,
    at: datetime,
    organization: str,
    url: str,
    name: str = "",
    types: Sequence[str] = (),
    resources: Sequence[str] = (),
    resource_ids: Sequence[UUID] = (),
) -> tuple[Webhook, str]:
    """Set up a webhook of an organization; gives it and the secret, which is shown this once. It begins at the end of the feed.

    Raises DomainError(permission_denied, insufficient_scope, rule_broken, unknown_reference).
    """
    owner = accounts.organization_by_code(organization)
    _check_right(actor, owner.pk, at)
    _check_facts(url, types, resources)
    Organization.objects.select_for_update().get(pk=owner.pk)  # two at once are counted one after the other
    if Webhook.objects.filter(organization=owner).count() >= MOST_OF_ONE:
        detail = gettext_noop("An organization has at most %(most)s webhooks.")
        raise rule_broken("/organization", "too_many", detail, most=MOST_OF_ONE)
    webhook = Webhook.objects.create(
        organization=owner,
        url=url,
        name=name,
        types=list(types),
        resources=list(resources),
        resource_ids=[str(key) for key in resource_ids],
        starts_after=events.head(),
        created_at=at,
        updated_at=at,
    )
    secret = _add_secret(webhook, at)
    note(webhook, "created", actor=actor, at=at, changes=_told(webhook))
    return webhook, secret


@transaction.atomic
def change_webhook(
    *, actor: Actor, at: datetime, webhook_id: int, expected_version: int | None, **facts: Any
) -> Webhook:
    """Change address, name or choice of events; what waits goes to the new address. Raises as ``create_webhook``."""
    webhook = _locked(actor, at, webhook_id, expected_version)
    before, former = _told(webhook), webhook.url
    for column, value in facts.items():
        setattr(webhook, column, [str(key) for key in value] if column == "resource_ids" else value)
    _check_facts(webhook.url, webhook.types, webhook.resources)
    if webhook.url != former:
        webhook.paused_until = None  # another receiver need not wait for what the former one did
    after = _told(webhook)
    _save(webhook, at)
    changes = {name: [before[name], value] for name, value in after.items() if before[name] != value}
    note(webhook, "changed", actor=actor, at=at, changes=changes)
    return webhook


@transaction.atomic
def delete_webhook(*, actor: Actor, at: datetime, webhook_id: int, expected_version: int | None) -> None:
    """Remove a webhook with its log; nothing is sent any more. Raises DomainError(permission_denied, precondition_failed)."""
    webhook = _locked(actor, at, webhook_id, expected_version)
    note(webhook, "deleted", actor=actor, at=at)
    webhook.delete()


@transaction.atomic
def disable_webhook(*, actor: Actor, at: datetime, webhook_id: int) -> Webhook:
    """Switch a webhook off; what waits stays until it is too old. Raises DomainError(permission_denied)."""
    webhook = _locked(actor, at, webhook_id)
    if webhook.active:
        switch_off(webhook, DisabledReason.OWNER, actor=actor, at=at)
    return webhook


def switch_off(webhook: Webhook, reason: DisabledReason, *, actor: Actor, at: datetime) -> None:
    """Switch a locked webhook off, for a reason."""
    webhook.active, webhook.disabled_at, webhook.disabled_reason = False, at, reason.value
    _save(webhook, at)
    note(webhook, "disabled", actor=actor, at=at, data={"reason": reason.value}, reason_code=reason.value)


@transaction.atomic
def enable_webhook(*, actor: Actor, at: datetime, webhook_id: int) -> Webhook:
    """Switch a webhook on again: what waited goes on, what became true meanwhile is to be had by replay.

    Raises DomainError(permission_denied).
    """
    webhook = _locked(actor, at, webhook_id)
    if not webhook.active:
        webhook.active, webhook.disabled_at, webhook.disabled_reason = True, None, ""
        webhook.failing_since, webhook.failures, webhook.paused_until = None, 0, None
        webhook.starts_after, webhook.due_at = events.head(), next_due_at(webhook)
        _save(webhook, at)
        note(webhook, "enabled", actor=actor, at=at)
    return webhook


@transaction.atomic
def rotate_secret(*, actor: Actor, at: datetime, webhook_id: int, overlap: timedelta = OVERLAP) -> tuple[Webhook, str]:
    """Make a new secret, shown this once; until the end of ``overlap`` the former ones sign beside it.

    Raises DomainError(permission_denied), and DomainError(rule_broken) where too many sign already.
    """
    webhook = _locked(actor, at, webhook_id)
    webhook.secrets.filter(ends_at__lte=at).delete()
    if overlap and webhook.secrets.count() >= MOST_SECRETS:
        detail = gettext_noop("%(most)s secrets sign already; wait until one ends, or rotate without overlap.")
        raise rule_broken("/overlap_hours", "too_many", detail, most=MOST_SECRETS)
    end = at + overlap
    webhook.secrets.filter(ends_at__isnull=True).update(ends_at=end)
    webhook.secrets.filter(ends_at__gt=end).update(ends_at=end)
    webhook.secrets.filter(ends_at__lte=at).delete()
    secret = _add_secret(webhook, at)
    _save(webhook, at)
    note(webhook, "secret_rotated", actor=actor, at=at, changes={"others_end_at": ["", end.isoformat()]})
    return webhook, secret


# --- shared by these and by the other modules -----------------------------------------------------------------------
def _check_right(actor: Actor, organization_id: int, at: datetime) -> None:
    """Check both rights, for all countries: whoever may not read events may not have them brought either."""
    for permission in (Permission.WEBHOOKS_MANAGE, Permission.EVENTS_READ):
        permissions.check(actor, permission, at=at, organization_id=organization_id, country=permissions.EVERY_COUNTRY)


def _locked(actor: Actor, at: datetime, webhook_id: int, expected_version: int | None = None) -> Webhook:
    webhook = lock(
        Webhook.objects.filter(pk=webhook_id).select_related("organization"), expected_version=expected_version
    )
    _check_right(actor, webhook.organization_id, at)
    return webhook


locked_for = _locked


def _save(webhook: Webhook, at: datetime) -> None:
    webhook.version, webhook.updated_at = webhook.version + 1, at
    webhook.save()


def _add_secret(webhook: Webhook, at: datetime) -> str:
    secret = new_secret()
    SigningSecret.objects.create(webhook=webhook, sealed=seal(secret), created_at=at)
    return secret


def _told(webhook: Webhook) -> dict[str, object]:
    """Give what the audit trail keeps: never the path of the address, which may hold a key."""
    host = urlsplit(webhook.url).netloc
    return {
        "host": host,
        "name": webhook.name,
        "types": list(webhook.types),
        "resources": list(webhook.resources),
        "resource_ids": list(webhook.resource_ids),
    }


def _check_facts(url: str, types: Sequence[str], kinds: Sequence[str]) -> None:
    wrong = [] if _leads_outside(url) else [FieldError("/url", "address_forbidden", FORBIDDEN)]
    if wrong:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=wrong)
    known = event_types()
    unknown = [
        FieldError(f"/types/{index}", "unknown_reference", UNKNOWN, tuple(known), {"value": pattern})
        for index, pattern in enumerate(types)
        if not any(matches(pattern, name) for name in known)
    ]
    unknown += [
        FieldError(f"/resources/{index}", "unknown_reference", UNKNOWN, tuple(resources()), {"value": kind})
        for index, kind in enumerate(kinds)
        if kind not in resources()
    ]
    if unknown:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=unknown)


FORBIDDEN = gettext_noop("Calls go to public https addresses only, without user name, password or fragment.")
UNKNOWN = gettext_noop("`%(value)s` is not known here.")


def _leads_outside(url: str) -> bool:
    """Tell whether the address may be called as far as it can be told without a look-up, which comes with each call."""
    if not is_callable_url(url):
        return False
    try:
        return is_allowed(ip_address(urlsplit(url).hostname or ""))
    except ValueError:
        return True  # a name
