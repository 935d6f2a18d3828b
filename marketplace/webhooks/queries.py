"""Reads of the webhooks room."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from marketplace.accounts import permissions, reach
from marketplace.accounts.actors import Actor, Right
from marketplace.accounts.models import Organization
from marketplace.events import queries as events
from marketplace.events.models import OutboxEvent
from marketplace.events.patterns import Choice
from marketplace.webhooks.models import Delivery, DeliveryStatus, DisabledReason, SigningSecret, Webhook
from marketplace.webhooks.signing import unseal

PENDING = DeliveryStatus.PENDING


def webhooks_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Webhook]:
    """Give the webhooks of the organizations of which the actor is a member; all of them to the secretariat.

    They bring, and their log says, all that the organization is told: no membership limited to countries or programmes
    shows them.
    """
    rows = Webhook.objects.all()
    if permissions.is_secretariat(actor, at):
        return rows
    return rows.filter(organization_id__in=permissions.whole_organization_ids(actor, at))


def deliveries() -> QuerySet[Delivery]:
    """Give all deliveries with their events; the webhook in the path says whose may be seen."""
    return Delivery.objects.select_related("event")


# --- what an organization may see -----------------------------------------------------------------------------------
def rights(organizations: Collection[Organization], at: datetime) -> dict[int, Right]:
    """Give what systems of the organizations may at ``at``, by primary key."""
    return reach.rights_of_organizations(organizations, at.date())


def events_for(right: Right) -> QuerySet[OutboxEvent]:
    """Give the published events that a system of an organization finds in its feed."""
    return events.visible_events([events.Reach(right.descendant_ids, right.in_group, right.is_group_wide)])


def visible_among(keys: Collection[int], *, organization: Organization, at: datetime) -> set[int]:
    """Give those of the events (primary keys) that the organization may see now."""
    right = rights([organization], at)[organization.pk]
    return set(events_for(right).filter(pk__in=keys).values_list("pk", flat=True)) if keys else set()


def choice_of(webhook: Webhook) -> Choice:
    """Give which events a webhook asks for."""
    return Choice(webhook.types, webhook.resources, frozenset(UUID(text) for text in webhook.resource_ids))


# --- what is to be sent ---------------------------------------------------------------------------------------------
def sendable(webhook: Webhook, *, at: datetime) -> QuerySet[Delivery]:
    """Give what may be sent at ``at``, in the order of the feed.

    What comes after something of the same thing that has to wait waits as well: order is kept within each thing.
    """
    waits = Delivery.objects.filter(
        webhook=webhook, status=PENDING, lane=OuterRef("lane"), sequence__lt=OuterRef("sequence"), due_at__gt=at
    )
    pending = Delivery.objects.filter(webhook=webhook, status=PENDING, due_at__lte=at).exclude(Exists(waits))
    return pending.select_related("event").order_by("sequence", "id")


def next_due_at(webhook: Webhook) -> datetime | None:
    """Give when the first pending delivery may be tried; None where nothing waits.

    What waits for something earlier of its thing does not count: it would be looked for again and again.
    """
    later = Delivery.objects.filter(
        webhook=webhook,
        status=PENDING,
        lane=OuterRef("lane"),
        sequence__lt=OuterRef("sequence"),
        due_at__gt=OuterRef("due_at"),
    )
    pending = Delivery.objects.filter(webhook=webhook, status=PENDING).exclude(Exists(later))
    found: datetime | None = pending.aggregate(due=Min("due_at"))["due"]
    return found


def live_secrets(webhook: Webhook, *, at: datetime) -> list[str]:
    """Give the secrets to sign with at ``at``, the newest first; those whose key is gone are left out.

    Raises ValueError where none can be read: nothing may be sent unsigned.
    """
    rows = SigningSecret.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), webhook=webhook).order_by("-pk")
    found = []
    for row in rows:
        with suppress(ValueError):
            found.append(unseal(row.sealed))
    if not found:
        raise ValueError(
            f"no secret of webhook {webhook.public_id} can be read: list its SECRET_KEY or rotate the secret"
        )
    return found


def turn_of(payload: Mapping[str, Any]) -> Webhook | None:
    """Give the webhook whose turn a job is; None where the job is out of date, or the webhook off or gone."""
    rows = Webhook.objects.filter(public_id=UUID(payload["webhook"]), turn=payload["turn"], active=True)
    return rows.select_related("organization").first()


def turn_key(webhook: Webhook) -> str:
    """Name the job of the present turn."""
    return f"webhook:{webhook.public_id}:{webhook.turn}"


# --- how it goes ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Statistics:
    """How the webhooks of the installation are."""

    active: int
    failing: int  # of the active ones
    failing_since: datetime | None  # the longest of them
    switched_off: int  # by us, because nothing got through
    pending: int
    oldest_pending: datetime | None


def statistics() -> Statistics:
    """Count webhooks and what waits for them."""
    active = Webhook.objects.filter(active=True)
    failing = active.filter(failing_since__isnull=False)
    pending = Delivery.objects.filter(status=PENDING, webhook__active=True)
    return Statistics(
        active=active.count(),
        failing=failing.count(),
        failing_since=failing.aggregate(first=Min("failing_since"))["first"],
        switched_off=Webhook.objects.filter(active=False).exclude(disabled_reason=DisabledReason.OWNER).count(),
        pending=pending.count(),
        oldest_pending=pending.aggregate(first=Min("created_at"))["first"],
    )
