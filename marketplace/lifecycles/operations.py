"""The one writer of `state`: every life cycle of the product moves through `transition`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from django.db.models import F, QuerySet

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import Entry, note, note_many
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.lifecycle import Lifecycle, Party, Step, Transition
from marketplace.kernel.periods import add_working_days, working_days_between
from marketplace.records.lookups import sole
from marketplace.records.models import EventScope, LifecycleRecord, Record
from marketplace.vocabularies import queries as vocabularies

R = TypeVar("R", bound=Record)
BATCH = 500  # rows in one statement


def lock(rows: "QuerySet[R]", *, expected_version: int | None = None) -> R:
    """Lock the one row of ``rows`` to the end of the transaction and check its aggregate's version.

    SQLite has no row locks: there every transaction is IMMEDIATE and holds the whole database.
    Raises DomainError(not_found), or DomainError(precondition_failed) when the caller read an older version.
    """
    row = sole(rows.select_for_update(of=("self",)))
    if row is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    check_version(row, expected_version)
    return row


def check_version(record: Record, expected_version: int | None) -> None:
    """Raise DomainError(precondition_failed) when the caller read another version of the aggregate; None checks nothing."""
    actual = record.root.version
    if expected_version is not None and expected_version != actual:
        raise DomainError(ErrorCode.PRECONDITION_FAILED, expected=expected_version, actual=actual)


def _nothing() -> None:
    """Write nothing."""


def create(
    record: LifecycleRecord,
    *,
    actor: Actor,
    at: datetime,
    changes: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
    bump_root: bool = False,
    due_at: datetime | None = None,
    parts: Sequence[Record] = (),
    sides: Callable[[], None] = _nothing,
) -> None:
    """Insert ``record`` in the initial state of its table, with its first step, audit record and event.

    ``due_at`` replaces the working days of the service level. ``parts`` are records of one model that begin with it: they
    are inserted after it, as `create_many` would. ``sides`` writes the rows by which it is known who is told of it.
    """
    _begin(record, at=at, due_at=due_at)
    record.save(force_insert=True)
    sides()
    if bump_root:
        _bump(record.root, at)
    entry = Entry(record, "created", changes=dict(changes or {}), data=dict(data or {}), to_state=record.state)
    note_many([entry, *_inserted(parts, at=at)], actor=actor, at=at)


def create_many(records: Sequence[Record], *, actor: Actor, at: datetime) -> None:
    """Insert records of one model, each as `create` would, in a few statements; no other record's version counts them.

    Raises IntegrityError for all of them where one breaks a constraint.
    """
    note_many(_inserted(records, at=at), actor=actor, at=at)


def _inserted(records: Sequence[Record], *, at: datetime) -> list[Entry]:
    for record in records:
        _begin(record, at=at)
    if records:
        type(records[0])._default_manager.bulk_create(records, batch_size=BATCH)
    return [Entry(record, "created", to_state=getattr(record, "state", "")) for record in records]


def _begin(record: Record, *, at: datetime, due_at: datetime | None = None) -> None:
    record.created_at = record.updated_at = at
    if isinstance(record, LifecycleRecord):
        record.state = record.lifecycle.initial
        _open_step(record, at=at, due_at=due_at)


def find_transition(record: LifecycleRecord, verb: str) -> Transition:
    """Find the row of the table, or raise DomainError(wrong_state) naming the open actions."""
    row = record.lifecycle.find(record.state, verb)
    if row is None:
        raise wrong_state(record, verb)
    return row


def wrong_state(record: LifecycleRecord, verb: str) -> DomainError:
    """Make the refusal that names the actions open in the present state."""
    open_verbs = tuple(sorted(t.verb for t in record.lifecycle.open_transitions(record.state)))
    return DomainError(
        ErrorCode.WRONG_STATE,
        verb=verb,
        state=record.state,
        allowed=", ".join(open_verbs) or "-",
        allowed_actions=open_verbs,
        resource=record.resource,
    )


def transition(
    record: LifecycleRecord,
    verb: str,
    *,
    actor: Actor,
    at: datetime,
    target: str | None = None,
    reason_code: str = "",
    reason_text: str = "",
    changes: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
    step_days: int | None = None,
    due_at: datetime | None = None,
    columns: tuple[str, ...] = (),
) -> None:
    """Move a locked record along its table and leave an audit record and an outbox event in the same transaction.

    ``target`` chooses among several targets (the first is the usual one). ``step_days`` or ``due_at`` replace the
    working days of the service level for the step that opens. ``columns`` that the caller has set are saved with the
    state, in the one statement that the constraints look at. Permissions are the caller's to check first.
    Raises DomainError(wrong_state) naming the open actions.
    """
    row = find_transition(record, verb)
    source, goal = record.state, target or row.targets[0]
    if goal not in row.targets:
        raise ValueError(f"{record.resource}: {verb} does not lead to {goal}")
    if row.pauses:
        _keep_balance(record, at)
    record.state = goal
    _open_step(record, at=at, days=step_days, due_at=due_at, resume=row.resumes, same=source == goal, step=row.step)
    _save(record, at, columns=columns)
    note(
        record,
        verb,
        event=row.event,
        actor=actor,
        at=at,
        from_state=source,
        to_state=goal,
        reason_code=reason_code,
        reason_text=reason_text,
        changes=changes,
        data={"reason_code": reason_code, **(data or {})} if reason_code else data,
    )


def record_change(
    record: Record,
    action: str,
    *,
    actor: Actor,
    at: datetime,
    changes: Mapping[str, object] | None = None,
    event: str | None = None,
    data: Mapping[str, object] | None = None,
    reason_code: str = "",
    reason_text: str = "",
    until_now: EventScope | None = None,
) -> None:
    """Save a change that leaves the state as it is: version counts, audit record and event are written.

    ``until_now`` is the scope of the record's events before the change, where that narrows it: who loses sight of the
    record is told so by this event.
    """
    _save(record, at, everything=True)
    note(
        record,
        action,
        event=event,
        actor=actor,
        at=at,
        changes=changes,
        data=data,
        reason_code=reason_code,
        reason_text=reason_text,
        until_now=until_now,
    )


def insert(
    record: Record,
    *,
    actor: Actor,
    at: datetime,
    changes: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    """Insert a record without a life cycle, with audit record and event; a part counts on its aggregate's version."""
    record.created_at = record.updated_at = at
    record.save(force_insert=True)
    if record.root is not record:
        _bump(record.root, at)
    note(record, "created", actor=actor, at=at, changes=changes, data=data)


def reschedule_step(
    record: LifecycleRecord, *, at: datetime, days: int | None = None, due_at: datetime | None = None
) -> None:
    """Give the open step of a locked record a new deadline, counted from ``at``; the caller records why."""
    _open_step(record, at=at, days=days, due_at=due_at)
    record.save(
        update_fields=["step", "waiting_for", "due_at", "remind_at", "reminded_at", "escalated_at", "step_balance"]
    )


def allowed_actions(record: LifecycleRecord, may: "Mapping[str, bool]") -> list[str]:
    """List the verbs open in the present state that the caller may use; ``may`` tells by permission code."""
    verbs = _public_verbs(record.lifecycle, record.state)
    return sorted({verb for verb, permission in verbs if permission is None or may.get(permission, False)})


_verbs: dict[tuple[str, str], tuple[tuple[str, str | None], ...]] = {}  # read off the tables once


def _public_verbs(lifecycle: Lifecycle, state: str) -> tuple[tuple[str, str | None], ...]:
    found = _verbs.get((lifecycle.name, state))
    if found is None:
        found = tuple((t.verb, t.permission) for t in lifecycle.open_transitions(state) if t.public)
        _verbs[lifecycle.name, state] = found
    return found


def _save(record: Record, at: datetime, *, everything: bool = False, columns: tuple[str, ...] = ()) -> None:
    record.updated_at = at
    record.version += 1
    if everything or not isinstance(record, LifecycleRecord):
        record.save()
    else:
        record.save(update_fields=(*record.STATE_COLUMNS, *columns))
    if record.root is not record:
        _bump(record.root, at)


def _bump(root: Record, at: datetime) -> None:
    """Count a change of a part on its aggregate, in the database and in memory."""
    type(root)._base_manager.filter(pk=root.pk).update(version=F("version") + 1, updated_at=at)
    root.version += 1
    root.updated_at = at


def _keep_balance(record: LifecycleRecord, at: datetime) -> None:
    if record.step and record.due_at is not None:
        left = max(1, working_days_between(at, record.due_at))
        record.step_balance = {**record.step_balance, record.step: left}


def _open_step(
    record: LifecycleRecord,
    *,
    at: datetime,
    days: int | None = None,
    due_at: datetime | None = None,
    resume: bool = False,
    same: bool = False,
    step: Step | None = None,
) -> None:
    """Set who owes the next step by when, from the service-level table; a state without a step waits for nobody.

    Raises ValueError for a step in a state that is none of the table's `waiting`: nobody would be told of it.
    """
    step = step or record.usual_step()
    if step is not None and record.state not in record.lifecycle.waiting:
        raise ValueError(f"{step.code} is no step of the state {record.state} of {record.lifecycle.name}")
    if same and days is None and due_at is None and step is not None and record.step == step.code:
        record.waiting_for = step.party.value
        return  # the clock of an unchanged state goes on
    record.reminded_at = record.escalated_at = None
    if step is None:
        record.step, record.waiting_for, record.due_at, record.remind_at = "", Party.NOBODY.value, None, None
        return
    level = vocabularies.service_level(step.code)
    balance = dict(record.step_balance)
    kept = balance.pop(step.code, None) if resume else None
    record.step_balance = balance
    span = days if days is not None else kept if kept is not None else level.working_days
    record.step, record.waiting_for = step.code, step.party.value
    record.due_at = due_at or add_working_days(at, span)
    before = level.remind_before
    record.remind_at = None if before is None else max(at, add_working_days(record.due_at, -before))
