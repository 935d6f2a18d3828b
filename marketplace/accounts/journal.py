"""The pair that every change leaves behind in its own transaction: one audit record, one outbox event (domain rule 3)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.audit import operations as audit
from marketplace.audit.operations import Act
from marketplace.events import operations as events
from marketplace.events.operations import News
from marketplace.records.models import EventScope, Record


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one record, as `note` is told of it.

    ``until_now`` is who might learn of the record before a change that narrows this: they learn of it, as the last thing.
    """

    record: Record
    action: str
    event: str | None = None
    changes: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    from_state: str = ""
    to_state: str = ""
    reason_code: str = ""
    reason_text: str = ""
    until_now: EventScope | None = None


_listeners: ContextVar[tuple[list[Entry], ...]] = ContextVar("listeners", default=())


@contextmanager
def listening() -> Iterator[list[Entry]]:
    """Give the list of what is noted inside a ``with`` block: what the trail will say, for whoever wants to say it at once."""
    heard: list[Entry] = []
    token = _listeners.set((*_listeners.get(), heard))
    try:
        yield heard
    finally:
        _listeners.reset(token)


def note(
    record: Record,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    event: str | None = None,
    changes: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
    from_state: str = "",
    to_state: str = "",
    reason_code: str = "",
    reason_text: str = "",
    until_now: EventScope | None = None,
) -> None:
    """Write the audit record and the outbox event of one change to ``record``; ``event`` defaults to resource.action."""
    told = dict(changes or {}), dict(data or {})
    entry = Entry(record, action, event, *told, from_state, to_state, reason_code, reason_text, until_now)
    note_many([entry], actor=actor, at=at)


def note_many(entries: Sequence[Entry], *, actor: Actor, at: datetime) -> None:
    """Write the pairs of several changes, each as `note` would, in a few statements.

    Test data leaves none: what is in no trail and no outbox reaches no feed, no handler, no letter and no webhook.
    """
    entries = [entry for entry in entries if not getattr(entry.record.root, "is_test", False)]
    if not entries:
        return
    for heard in _listeners.get():
        heard.extend(entries)
    acts, news = [_act(entry, actor, at) for entry in entries], [_news(entry, actor, at) for entry in entries]
    if len(entries) > 1:
        audit.record_many(acts)
        events.emit_many(news)
        return
    audit.record_one(acts[0])
    events.emit_one(news[0])


def _act(entry: Entry, actor: Actor, at: datetime) -> Act:
    record = entry.record
    return Act(
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.public_id,
        actor_label=actor.label,
        acting_for=actor.on_behalf_of,
        organization_code=record.organization_for_audit,
        resource=record.resource,
        resource_id=record.public_id,
        reference=record.reference_text,
        action=entry.action,
        from_state=entry.from_state,
        to_state=entry.to_state,
        reason_code=entry.reason_code,
        reason_text=entry.reason_text,
        changes=dict(entry.changes),
    )


def _news(entry: Entry, actor: Actor, at: datetime) -> News:
    record, scope = entry.record, entry.record.event_scope(at=at).or_wider(entry.until_now)
    state = {"from_state": entry.from_state, "state": entry.to_state} if entry.to_state else {}
    return News(
        type=entry.event or f"{record.resource}.{entry.action}",
        resource=record.resource,
        resource_id=record.public_id,
        reference=record.reference_text,
        version=record.version,
        audience=scope.audience,
        organization_ids=scope.organization_ids,
        organization_id=scope.organization_id,
        programme=scope.programme,
        countries=scope.countries,
        data={**record.event_data(), **state, **entry.data},
        at=at,
        actor=actor.label,
    )
