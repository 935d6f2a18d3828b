"""A ping, and deliveries once more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.events import queries as events
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.ids import new_public_id
from marketplace.webhooks import queries
from marketplace.webhooks.models import Delivery, DeliveryStatus, Webhook
from marketplace.webhooks.operations.subscriptions import locked_for
from marketplace.work import doorbell

RETRIED_FOR = timedelta(days=3)
PINGED_FOR = timedelta(minutes=10)  # a ping is looked at now or not at all
MOST_REPLAYED = 1_000  # deliveries in one call


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was asked for again: how many, up to which sequence, and whether more are left after it."""

    queued: int
    after: int
    more: bool


@transaction.atomic
def ping_webhook(*, actor: Actor, at: datetime, webhook_id: int) -> Delivery:
    """Queue a test call, which is in no feed. Raises DomainError(permission_denied; wrong_state where it is off)."""
    webhook = locked_for(actor, at, webhook_id)
    _check_on(webhook, "ping")
    key = new_public_id()
    delivery = Delivery.objects.create(
        public_id=key, webhook=webhook, sequence=0, lane=key, created_at=at, due_at=at, give_up_at=at + PINGED_FOR
    )
    webhook.paused_until = None  # whoever pings wants to know now
    wake(webhook, at)
    note(webhook, "pinged", actor=actor, at=at)
    return delivery


@transaction.atomic
def replay_delivery(*, actor: Actor, at: datetime, delivery_id: int) -> None:
    """Send one delivery again, under the id that it had. Raises DomainError(permission_denied, wrong_state)."""
    delivery = Delivery.objects.get(pk=delivery_id)
    webhook = locked_for(actor, at, delivery.webhook_id)
    _check_on(webhook, "replay")
    _again([delivery.pk], at)
    wake(webhook, at)
    note(webhook, "replayed", actor=actor, at=at, data={"deliveries": 1})


@transaction.atomic
def replay_since(
    *, actor: Actor, at: datetime, webhook_id: int, since: datetime | None = None, after: int = 0
) -> Replayed:
    """Send again what was published since a moment, or after a sequence: at most 1,000 of what the webhook asks for.

    What it never got, because it was set up later or was off, is among it. Raises DomainError(permission_denied,
    wrong_state), and DomainError(cursor_expired) for a sequence that the feed no longer has.
    """
    webhook = locked_for(actor, at, webhook_id)
    _check_on(webhook, "replay")
    wanted = _wanted(webhook, since, after, at)
    found = list(wanted[: MOST_REPLAYED + 1])
    chosen = found[:MOST_REPLAYED]
    known = dict(Delivery.objects.filter(webhook=webhook, event__in=chosen).values_list("event_id", "pk"))
    _again(known.values(), at)
    deliver(webhook, [event for event in chosen if event.pk not in known], at)
    wake(webhook, at)
    note(webhook, "replayed", actor=actor, at=at, data={"deliveries": len(chosen)})
    last = chosen[-1].sequence if chosen else after
    return Replayed(len(chosen), last or 0, more=len(found) > MOST_REPLAYED)


def _wanted(webhook: Webhook, since: datetime | None, after: int, at: datetime) -> QuerySet[OutboxEvent]:
    right = queries.rights([webhook.organization], at)[webhook.organization_id]
    wanted = queries.events_for(right).filter(queries.choice_of(webhook).condition(), sequence__gt=after)
    if settings.EVENT_DAYS:
        kept_since = at - timedelta(days=settings.EVENT_DAYS)
        if events.has_lost(after, kept_since=kept_since):
            raise DomainError(ErrorCode.CURSOR_EXPIRED, days=settings.EVENT_DAYS)
        wanted = wanted.filter(published_at__gte=kept_since)
    return wanted.filter(published_at__gte=since) if since is not None else wanted


def deliver(webhook: Webhook, found: Iterable[OutboxEvent], at: datetime) -> int:
    """Queue events for a webhook, once each; returns how many were asked for."""
    rows = [
        Delivery(
            webhook=webhook,
            event=event,
            sequence=event.sequence or 0,
            lane=event.resource_id,
            created_at=at,
            due_at=at,
            give_up_at=at + RETRIED_FOR,
        )
        for event in found
    ]
    Delivery.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)
    return len(rows)


def wake(webhook: Webhook, at: datetime) -> None:
    """Say that something may be sent now, on a locked webhook."""
    webhook.due_at = at
    webhook.save(update_fields=["due_at", "paused_until"])
    doorbell.ring()


def _again(keys: Iterable[int], at: datetime) -> None:
    Delivery.objects.filter(pk__in=list(keys)).update(
        status=DeliveryStatus.PENDING,
        tries=0,
        replays=F("replays") + 1,
        due_at=at,
        give_up_at=at + RETRIED_FOR,
        finished_at=None,
    )


def _check_on(webhook: Webhook, verb: str) -> None:
    if not webhook.active:
        raise DomainError(
            ErrorCode.WRONG_STATE,
            verb=verb,
            state="disabled",
            allowed="enable",
            allowed_actions=("enable",),
            resource=webhook.resource,
        )
