"""What can be imported: apps list their shapes and operations in a module `bulk` or `api.bulk`.

A target has no rules of its own: a row is read by the very serializer of the single write and carried out by the very
operation, one by one (`one_by_one`) or by a batched form of it that shares its rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.module_loading import autodiscover_modules

from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import Entry, listening
from marketplace.accounts.roles import Permission
from marketplace.api.problems import as_domain_error
from marketplace.api.serializers import StrictSerializer
from marketplace.bulk.models import RowOutcome
from marketplace.kernel.errors import DomainError, rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.records.lookups import sole

Arguments = Mapping[str, Any]
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one row: created, changed or left as it was, with what the trail says; or why it was refused."""

    outcome: RowOutcome
    changes: Mapping[str, object] = field(default_factory=dict)
    error: DomainError | None = None


class Save(Protocol):
    """Writes rows in the caller's transaction, in their order; refuses single rows without harm to the others."""

    def __call__(self, rows: Sequence[Arguments], *, actor: Actor, at: datetime) -> list[Saved]: ...


@dataclass(frozen=True, slots=True)
class Target:
    """One resource. ``key`` is the field by which a row finds the record that it is about.

    A row of an export finds it by its id, where ``change`` takes such rows (arguments and ``id``).
    """

    name: str
    form: type[StrictSerializer]
    permission: Permission
    key: str
    save: Save
    change: Save | None = None


_targets: dict[str, Target] = {}


def list_target(target: Target) -> None:
    """List a target. Raises ValueError where the name is taken."""
    if target.name in _targets:
        raise ValueError(f"{target.name} is listed already")
    _targets[target.name] = target


@cache
def targets() -> Mapping[str, Target]:
    """Give all targets by name, sorted."""
    autodiscover_modules("bulk", "api.bulk")
    return dict(sorted(_targets.items()))


def refused(exc: Exception) -> Saved | None:
    """Give the outcome of a row whose operation raised; None for what nobody foresaw."""
    error = as_domain_error(exc)
    return None if error is None or error.kind.status >= 500 else Saved(RowOutcome.REFUSED, error=error)


def record_with(id: str, visible: QuerySet[M]) -> M:  # noqa: A002  as lists call it
    """Give the record that a row of an export is about. Raises DomainError(unknown_reference) where it is not visible."""
    try:
        found = sole(visible.filter(public_id=UUID(id)))
    except ValueError:
        found = None
    if found is None:
        raise unknown_reference("/id", id)
    return found


def check_same(said: Mapping[str, Any], known: Mapping[str, Sequence[str]]) -> None:
    """Refuse a row that finds a record by its id and names it otherwise than it may be named. Raises DomainError(rule_broken)."""
    for name, names in known.items():
        if said.get(name) and said[name] not in names:
            detail = _("The record with this id has `%(value)s` here, which stays.")
            raise rule_broken(f"/{name}", "other_record", detail, value=names[0])


def one_by_one(operation: Callable[..., Any], resource: str) -> Save:
    """Make the `Save` that calls ``operation`` for each row, in a savepoint of its own.

    What it noted of ``resource`` tells what became of the row: nothing means unchanged.
    """

    def each(rows: Sequence[Arguments], *, actor: Actor, at: datetime) -> list[Saved]:
        return [_saved(operation, resource, row, actor, at) for row in rows]

    return each


def _saved(operation: Callable[..., Any], resource: str, row: Arguments, actor: Actor, at: datetime) -> Saved:
    try:
        with listening() as heard, transaction.atomic():
            operation(actor=actor, at=at, **row)
    except Exception as exc:
        found = refused(exc)
        if found is None:
            raise
        return found
    return outcome_of(heard, resource)


def outcome_of(heard: Sequence[Entry], resource: str) -> Saved:
    """Say what the entries of the trail mean for the record that the row is about."""
    own = [entry for entry in heard if entry.record.resource == resource]
    changes = {name: change for entry in own for name, change in entry.changes.items()}
    if any(entry.action == "created" for entry in own):
        return Saved(RowOutcome.CREATED, changes)
    return Saved(RowOutcome.CHANGED if own else RowOutcome.UNCHANGED, changes)
