"""Whose turn it is to be called: events spread over webhooks, turns begun and ended.

A webhook has one turn at a time, each a job of the work table. What is sent comes from committed rows and what came of it
is written with the job's completion: a worker killed in between sends it again, under the same `webhook-id`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import ROLES, Permission
from marketplace.events import queries as events
from marketplace.events.models import OutboxEvent
from marketplace.notifications import operations as notifications
from marketplace.notifications import recipients
from marketplace.notifications.subjects import Subject
from marketplace.records.locks import is_only_writer
from marketplace.webhooks import queries
from marketplace.webhooks.models import (
    Attempt,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    SigningSecret,
    Spread,
    Webhook,
)
from marketplace.webhooks.operations.sending import deliver
from marketplace.webhooks.operations.subscriptions import switch_off
from marketplace.webhooks.transport import GONE, Result
from marketplace.work import operations as work
from marketplace.work.queries import under_way

JOB = "webhooks.deliver"
SPREAD_LOCK = 0x67_6D_67_77_62_68  # "gmgwbh"; one advisory lock for the whole database
SPREAD_AT_ONCE = 500  # events
TURNS_AT_ONCE = 100
DEAD_WAITS = timedelta(minutes=15)  # a turn that died is looked at by a person first, then begun again
LONGEST_PAUSE = 6 * 3600.0  # seconds between the attempts of one delivery
LONGEST_REST = 300.0  # seconds for which a receiver that takes nothing is left alone
FAILING_FOR, FAILURES = timedelta(days=3), 10  # after both, a webhook is switched off
KEPT = timedelta(days=30)  # finished deliveries in the log
SYSTEM = Actor.system("webhooks")


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one delivery in a turn: the call, or the word for why there was none."""

    delivery_id: int
    replays: int  # at the time: a replay asked for meanwhile is still to come
    at: datetime
    request_id: UUID
    result: Result | None = None
    instead: DeliveryStatus | None = None  # withheld or failed, without a call


# --- before a turn --------------------------------------------------------------------------------------------------
def attend(*, at: datetime) -> int:
    """Spread what was published since over the webhooks, and begin the turns that are due; return how much there was."""
    return spread(at=at) + begin_turns(at=at)


def spread(*, at: datetime) -> int:
    """Queue the events published since for each webhook that asks for them and may see them; return how many events."""
    head = events.head()
    if head <= _position():  # a read: an idle look takes no lock
        return 0
    with transaction.atomic():
        if not is_only_writer(SPREAD_LOCK):
            return 0
        row, _ = Spread.objects.get_or_create(pk=Spread.THE_ROW)
        # The events were read before the webhooks: one that is set up meanwhile begins after them.
        first = Webhook.objects.filter(active=True).aggregate(first=Min("starts_after"))["first"]
        begin = head if first is None else max(row.sequence, first)
        found = list(events.published_between(begin, head)[:SPREAD_AT_ONCE])
        _spread(found, at)
        row.sequence = max(row.sequence, found[-1].sequence or 0 if found else min(begin, head))
        row.save()
    return len(found)


def _position() -> int:
    return Spread.objects.filter(pk=Spread.THE_ROW).values_list("sequence", flat=True).first() or 0


def _spread(found: Sequence[OutboxEvent], at: datetime) -> None:
    webhooks = list(Webhook.objects.filter(active=True).select_related("organization")) if found else []
    rights = queries.rights({webhook.organization for webhook in webhooks}, at)
    keys = [event.pk for event in found]
    visible = {
        pk: set(queries.events_for(right).filter(pk__in=keys).values_list("pk", flat=True))
        for pk, right in rights.items()
    }
    woken = []
    for webhook in webhooks:
        choice, mine = queries.choice_of(webhook), visible[webhook.organization_id]
        wanted = [
            event
            for event in found
            if event.pk in mine and (event.sequence or 0) > webhook.starts_after and choice.wants(event)
        ]
        if deliver(webhook, wanted, at):
            woken.append(webhook.pk)
    Webhook.objects.filter(pk__in=woken).update(due_at=at)


def begin_turns(*, at: datetime) -> int:
    """Begin a turn of each webhook for which something is due and none is under way; return how many."""
    due = Webhook.objects.filter(active=True, due_at__lte=at).exclude(paused_until__gt=at)
    if not _idle(due.order_by("due_at")[:TURNS_AT_ONCE], at):
        return 0
    with transaction.atomic():
        rows = due.select_for_update(skip_locked=True, of=("self",)).order_by("due_at")[:TURNS_AT_ONCE]
        idle = _idle(rows, at)
        for webhook in idle:
            begin_turn(webhook, at)
    return len(idle)


def _idle(rows: Iterable[Webhook], at: datetime) -> list[Webhook]:
    found = list(rows)
    keys = [queries.turn_key(webhook) for webhook in found if webhook.is_in_turn]
    busy = under_way(keys, at=at, dead_within=DEAD_WAITS) if keys else set()
    return [webhook for webhook in found if queries.turn_key(webhook) not in busy]


def begin_turn(webhook: Webhook, at: datetime) -> None:
    """Begin the next turn of a locked webhook; the job of the one before it, should it still be about, does nothing."""
    webhook.turn, webhook.is_in_turn = webhook.turn + 1, True
    webhook.save(update_fields=["turn", "is_in_turn"])
    payload = {"webhook": str(webhook.public_id), "turn": webhook.turn}
    work.enqueue(JOB, payload, at=at, key=queries.turn_key(webhook))


# --- after a turn ---------------------------------------------------------------------------------------------------
def end_turn(*, webhook_id: UUID, turn: int, sent: Sequence[Sent], at: datetime) -> None:
    """Write what came of a turn, in the transaction of its job; begin the next one where something is due at once.

    Nothing happens where the webhook is gone or another turn has begun: that one sends what is still pending.
    """
    rows = Webhook.objects.filter(public_id=webhook_id, turn=turn).select_related("organization")
    webhook = rows.select_for_update(of=("self",)).first()
    if webhook is None:
        return
    _write(webhook, sent)
    _judge(webhook, sent, at)
    webhook.is_in_turn, webhook.due_at = False, queries.next_due_at(webhook)
    webhook.save(update_fields=["is_in_turn", "due_at", "succeeded_at", "failing_since", "failures", "paused_until"])
    rests = webhook.paused_until is not None and webhook.paused_until > at
    if webhook.active and webhook.due_at is not None and webhook.due_at <= at and not rests:
        begin_turn(webhook, at)


def _write(webhook: Webhook, sent: Sequence[Sent]) -> None:
    locked = Delivery.objects.filter(webhook=webhook, pk__in=[one.delivery_id for one in sent]).select_for_update()
    rows = {row.pk: row for row in locked.order_by("pk")}
    calls = []
    for one in sent:
        row = rows[one.delivery_id]
        if one.result is not None:
            row.attempts += 1
            calls.append(_attempt(row, one, one.result))
        if row.status == DeliveryStatus.PENDING and row.replays == one.replays:
            _settle(row, one)
    Attempt.objects.bulk_create(calls)
    Delivery.objects.bulk_update(
        rows.values(), ["attempts", "tries", "status", "due_at", "finished_at"], batch_size=100
    )


def _attempt(row: Delivery, one: Sent, result: Result) -> Attempt:
    return Attempt(
        delivery=row,
        number=row.attempts,
        request_id=one.request_id,
        at=one.at,
        duration_ms=result.duration_ms,
        status=result.status,
        problem=result.problem,
    )


def _settle(row: Delivery, one: Sent) -> None:
    """Say where a delivery stands now: over, or due again."""
    if one.result is not None and not one.result.is_taken:
        row.tries += 1
        row.due_at = one.at + pause(row.tries, row.pk)
        if row.due_at <= row.give_up_at:
            return
    row.status = one.instead or (
        DeliveryStatus.DELIVERED if one.result and one.result.is_taken else DeliveryStatus.FAILED
    )
    row.finished_at = one.at


def pause(tries: int, key: int) -> timedelta:
    """Compute the time between a failed attempt (1 is the first) and the next: doubling, capped, spread by up to a quarter."""
    seconds = min(settings.WEBHOOK_RETRY_SECONDS * 2 ** min(tries - 1, 20), LONGEST_PAUSE)
    return timedelta(seconds=seconds * (1 + _spread_of(key + tries) / 4))


def _spread_of(key: int) -> float:
    """Give a number from 0 to 1 that follows from the key, so that what failed together does not return together."""
    return (key * 2_654_435_761 % 2**32) / 2**32  # Knuth's multiplicative hash


def _judge(webhook: Webhook, sent: Sequence[Sent], at: datetime) -> None:
    """Count failures in a row, leave a receiver that takes nothing alone for a while, and switch off one that is gone."""
    results = [one.result for one in sent if one.result is not None]
    for result in results:
        if result.is_taken:
            webhook.succeeded_at, webhook.failing_since, webhook.failures, webhook.paused_until = at, None, 0, None
        else:
            webhook.failing_since, webhook.failures = webhook.failing_since or at, webhook.failures + 1
    if results and not any(result.is_taken for result in results):
        rest = min(settings.WEBHOOK_RETRY_SECONDS * 2 ** min(webhook.failures - 1, 20), LONGEST_REST)
        webhook.paused_until = at + timedelta(seconds=rest * (1 + _spread_of(webhook.pk + webhook.failures) / 4))
    if not webhook.active or webhook.failing_since is None:
        return
    if results and results[-1].status == GONE:
        _switch_off(webhook, DisabledReason.GONE, at)
    elif webhook.failures >= FAILURES and at - webhook.failing_since >= FAILING_FOR:
        _switch_off(webhook, DisabledReason.FAILING, at)


def _switch_off(webhook: Webhook, reason: DisabledReason, at: datetime) -> None:
    """Switch a webhook off and tell those of its organization who can do something about it."""
    switch_off(webhook, reason, actor=SYSTEM, at=at)
    roles = [role for role, allowed in ROLES.items() if Permission.WEBHOOKS_MANAGE in allowed]
    people = recipients.of_organization(webhook.organization_id, roles, at)
    notifications.notify(people, subject=Subject.WEBHOOK_DISABLED, about=webhook, at=at, event_type="webhook.disabled")


# --- housekeeping ---------------------------------------------------------------------------------------------------
def purge(*, at: datetime) -> int:
    """Delete deliveries that ended more than 30 days ago, at most 5,000, and secrets that sign no more; return how many."""
    SigningSecret.objects.filter(ends_at__lte=at).delete()
    over = Delivery.objects.filter(finished_at__lt=at - KEPT).order_by("finished_at")
    keys = list(over.values_list("pk", flat=True)[:5_000])
    Delivery.objects.filter(pk__in=keys).delete()
    return len(keys)
