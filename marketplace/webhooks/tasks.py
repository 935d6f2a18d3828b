"""The jobs of the webhooks room: a turn of one webhook, and the purge of the log."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from django.utils import timezone

from marketplace.events.cloud import cloud_event, made_up_event
from marketplace.kernel.ids import new_public_id
from marketplace.webhooks import operations, queries
from marketplace.webhooks.models import Delivery, DeliveryStatus, Webhook
from marketplace.webhooks.operations import Sent
from marketplace.webhooks.signing import signed_headers
from marketplace.webhooks.transport import Caller
from marketplace.work.registry import Claim, Payload, Progress, job, periodic

MOST, MOST_SECONDS = 50, 4.0  # of one turn: then it is somebody else's
PATIENCE = 3  # failures in a row that end a turn; the first one where the turn before failed
SENDERS = 2  # turns at a time over all workers: slow receivers must not keep all of them from other work
MEDIA_TYPE = "application/cloudevents+json"
AGENT = "GMG-Training-Marketplace/1 (webhooks)"
PING = "webhook.ping"


def send_turn(payload: Payload, *, at: datetime, progress: Progress) -> list[Sent]:
    """Send what is due to one webhook, one after the other, outside of any transaction."""
    webhook = queries.turn_of(payload)
    if webhook is None:
        return []
    with Caller() as caller:
        return list(_send(webhook, caller))


def _send(webhook: Webhook, caller: Caller) -> Iterator[Sent]:
    began, now = time.monotonic(), timezone.now()
    rows = list(queries.sendable(webhook, at=now)[:MOST])
    events = [row.event_id for row in rows if row.event_id is not None]
    visible = queries.visible_among(events, organization=webhook.organization, at=now)
    keys = queries.live_secrets(webhook, at=now)
    patience = 1 if webhook.failures else PATIENCE
    blocked: set[UUID] = set()
    for row in rows:
        if not patience or time.monotonic() > began + MOST_SECONDS:
            return
        if row.lane in blocked:
            continue
        sent = _sent(webhook, row, caller, keys, is_visible=row.event_id is None or row.event_id in visible)
        if sent.result is not None and not sent.result.is_taken:
            blocked.add(row.lane)
            patience -= 1
        elif sent.result is not None:
            patience = PATIENCE
        yield sent


def _sent(webhook: Webhook, row: Delivery, caller: Caller, keys: list[str], *, is_visible: bool) -> Sent:
    now, request_id = timezone.now(), new_public_id()
    if not is_visible:
        return Sent(row.pk, row.replays, now, request_id, instead=DeliveryStatus.WITHHELD)
    if row.give_up_at <= now:
        return Sent(row.pk, row.replays, now, request_id, instead=DeliveryStatus.FAILED)
    key, body = message(webhook, row)
    headers = {
        **signed_headers(keys, message_id=key, body=body, at=now),
        "Content-Type": MEDIA_TYPE,
        "User-Agent": AGENT,
        "X-Request-ID": str(request_id),
    }
    return Sent(row.pk, row.replays, now, request_id, result=caller.call(webhook.url, body=body, headers=headers))


def message(webhook: Webhook, row: Delivery) -> tuple[str, bytes]:
    """Give the id and the body of a delivery; both are the same at each attempt and each replay."""
    if row.event is None:
        key = str(row.public_id)
        told = made_up_event(key, PING, f"webhook/{webhook.public_id}", row.created_at)
    else:
        key, told = str(row.event.public_id), cloud_event(row.event)
    return key, orjson.dumps(told)


@job(operations.JOB, prepare=send_turn, lease_seconds=30, time_limit_seconds=120, at_most=SENDERS)
def end_turn(payload: Payload, *, at: datetime, prepared: list[Sent], claim: Claim) -> None:
    """Write what came of the turn."""
    operations.end_turn(webhook_id=UUID(payload["webhook"]), turn=payload["turn"], sent=prepared, at=at)


@periodic("webhooks.purge", every=timedelta(hours=1))
@job("webhooks.purge")
def purge(payload: Payload, *, at: datetime, **_: object) -> None:
    """Delete what ended long ago."""
    operations.purge(at=at)
