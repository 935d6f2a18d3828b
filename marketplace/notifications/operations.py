"""Telling people, and their saying that they have read it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.kernel.lifecycle import Party
from marketplace.lifecycles.registry import model_of
from marketplace.notifications import mailing, recipients
from marketplace.notifications.models import Notification
from marketplace.notifications.queries import notifications_of
from marketplace.notifications.recipients import Recipient
from marketplace.notifications.subjects import Subject
from marketplace.records.models import LifecycleRecord, Record
from marketplace.vocabularies import queries as vocabularies

REMINDED = "reminder_due"  # what the deadline clock calls its events
OVERDUE = "overdue"


@runtime_checkable
class Owed(Protocol):
    """What has an open step: whatever has a life cycle."""

    step: str
    waiting_for: str
    due_at: datetime | None


@transaction.atomic
def notify(
    people: Iterable[Recipient],
    *,
    subject: Subject,
    about: Record,
    at: datetime,
    event_id: UUID | None = None,
    event_type: str = "",
) -> int:
    """Tell each of ``people`` about ``about`` and its open step; telling again after the same event adds nothing.

    Returns how many rows were asked for. The text is made when it is read; who wants it by e-mail at once is written to.
    """
    rows = [
        Notification(
            recipient=person.user,
            organization=person.organization,
            subject=subject.value,
            **_step_of(about),
            event_id=event_id,
            event_type=event_type,
            about_resource=about.resource,
            about_id=about.public_id,
            about_reference=about.reference_text,
            created_at=at,
            updated_at=at,
        )
        for person in people
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    mailing.queue(rows, at=at)
    return len(rows)


def _step_of(about: Record) -> dict[str, Any]:
    """Give the columns of the open step; none for what has no life cycle."""
    if not isinstance(about, Owed):
        return {}
    return {"step": about.step, "party": about.waiting_for, "due_at": about.due_at}


def tell_of_step(*, event_id: UUID, event_type: str, resource: str, resource_id: UUID, state: str, at: datetime) -> int:
    """Tell whom it concerns that a step opened, is due soon or is overdue; returns how many were told.

    Nobody is told of what is no longer so: the record has left ``state``, or waits for nobody.
    """
    record = model_of(resource)._default_manager.filter(public_id=resource_id).first()
    if record is None or record.state != state or not record.step:
        return 0
    word = event_type.rpartition(".")[2]
    told = 0
    for subject, people in _who_is_told(record, word, at):
        told += notify(people, subject=subject, about=record, at=at, event_id=event_id, event_type=event_type)
    return told


def _who_is_told(record: LifecycleRecord, word: str, at: datetime) -> list[tuple[Subject, list[Recipient]]]:
    owing = Party(record.waiting_for)
    if word == REMINDED:
        level = vocabularies.service_level(record.step)
        parties = [Party(party) for party in level.remind] or [owing]
        return [(Subject.STEP_REMINDER, [person for party in parties for person in _of(record, party, at)])]
    if word == OVERDUE:
        level = vocabularies.service_level(record.step)
        above = recipients.of_secretariat(recipients.ESCALATION_ROLES.get(level.escalate_to, ()), at)
        heads = {person.user.pk for person in above}
        below = [person for person in _of(record, owing, at) if person.user.pk not in heads]
        return [(Subject.STEP_OVERDUE, below), (Subject.STEP_ESCALATED, above)]
    return [(Subject.STEP_OPENED, _of(record, owing, at))]


def _of(record: LifecycleRecord, party: Party, at: datetime) -> list[Recipient]:
    return recipients.of_party(record, party, at)


@transaction.atomic
def mark_read(*, actor: Actor, at: datetime, ids: Iterable[UUID] | None = None) -> int:
    """Mark the actor's notices with these public ids (all of them when None) as read; returns how many were unread.

    Ids of others' notices are passed over: nobody learns whether they exist.
    """
    unread = notifications_of(actor).filter(read_at__isnull=True)
    if ids is not None:
        unread = unread.filter(public_id__in=list(ids))
    return Notification.objects.filter(pk__in=list(unread.values_list("pk", flat=True))).update(
        read_at=at, updated_at=at
    )
