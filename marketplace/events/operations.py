"""Writing to the outbox."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.work import doorbell
from marketplace.work.context import current_origin

BATCH = 500  # rows in one statement
LABEL_LENGTH = 200


@dataclass(frozen=True, slots=True)
class News:
    """What `emit` is told of one event; see there."""

    type: str
    resource: str
    resource_id: UUID
    version: int
    audience: str
    at: datetime
    reference: str = ""
    organization_ids: frozenset[int] = frozenset()
    organization_id: int | None = None
    programme: str | None = None
    countries: frozenset[str] | None = None
    data: dict[str, Any] | None = None
    actor: str = ""


def emit(
    *,
    type: str,  # noqa: A002  the event's own word for it
    resource: str,
    resource_id: UUID,
    reference: str = "",
    version: int,
    audience: str,
    organization_ids: Iterable[int] = (),
    organization_id: int | None = None,
    programme: str | None = None,
    countries: Iterable[str] | None = None,
    data: dict[str, Any] | None = None,
    at: datetime,
    actor: str = "",
) -> OutboxEvent:
    """Record in the caller's transaction that something became true; it is published after the commit.

    ``organization_ids`` are addressed whatever the audience; ``organization_id`` is whose thing it is, and grants
    nothing by itself. ``programme`` is the code of the one that the thing is in, empty for none, ``countries`` those that it
    is about (alpha-3), None where that decides nothing. Raises ValueError for an unknown audience.
    """
    news = News(
        type=type,
        resource=resource,
        resource_id=resource_id,
        reference=reference,
        version=version,
        audience=audience,
        organization_ids=frozenset(organization_ids),
        organization_id=organization_id,
        programme=programme,
        countries=None if countries is None else frozenset(countries),
        data=data,
        at=at,
        actor=actor,
    )
    return emit_one(news)


def emit_one(news: News) -> OutboxEvent:
    """Record an event, as `emit` does."""
    event = _row(news)
    event.save(force_insert=True)
    addressed = _addressed(event, news)
    if addressed:
        EventAudience.objects.bulk_create(addressed)
    doorbell.ring()
    return event


def emit_many(news: Sequence[News]) -> None:
    """Record several events in the caller's transaction, in their order and in a few statements; each as `emit` does it."""
    events = [_row(one) for one in news]
    OutboxEvent.objects.bulk_create(events, batch_size=BATCH)
    addressed = [row for event, one in zip(events, news, strict=True) for row in _addressed(event, one)]
    EventAudience.objects.bulk_create(addressed, batch_size=BATCH)
    doorbell.ring()


def _row(news: News) -> OutboxEvent:
    return OutboxEvent(
        type=news.type,
        resource=news.resource,
        resource_id=news.resource_id,
        resource_reference=news.reference,
        version=news.version,
        organization_id=news.organization_id,
        audience=Audience(news.audience),
        programme=news.programme,
        countries=None if news.countries is None else " ".join(["", *sorted(news.countries), ""]),
        data=news.data or {},
        actor=news.actor[:LABEL_LENGTH],
        request_id=current_origin().request_id,
        at=news.at,
    )


def _addressed(event: OutboxEvent, news: News) -> list[EventAudience]:
    return [EventAudience(event=event, organization_id=pk) for pk in sorted(news.organization_ids)]
