"""An import on its way: in batches that commit with the cursor, or whole in one transaction.

Partial: each batch is one transaction, which also moves ``rows_done`` on the locked import. A process that is killed
loses the batch that was not committed, and the next attempt goes on behind the last one that was: no row is lost, none
written twice, whoever else believes to be at it. Atomic and dry run: one transaction, kept or taken back as a whole.
Either way rows are judged and stamped by the clock of their own batch, not by that of the attempt's start: it may be
ATTEMPT_SECONDS ago (see `stamping`).
"""

import gc
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import IO, Any, cast

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone, translation

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import ServiceClient, User
from marketplace.bulk.judging import Judge, Judged, kept, problem_of
from marketplace.bulk.models import OPEN, Import, ImportMode, ImportRow, ImportStatus, RowOutcome
from marketplace.bulk.operations import end
from marketplace.bulk.reading import Row, count_rows, read_rows, refuse_file
from marketplace.bulk.stamping import Clock, Stamps
from marketplace.bulk.targets import targets
from marketplace.files import storage
from marketplace.kernel.errors import DomainError
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from marketplace.work.registry import LeaseLost, Progress

BATCH = 500
COUNTS = {
    RowOutcome.CREATED: "created",
    RowOutcome.CHANGED: "changed",
    RowOutcome.UNCHANGED: "unchanged",
    RowOutcome.REFUSED: "refused",
}


class _Undone(Exception):  # noqa: N818  it is news: what was tried is taken back
    pass


def actor_of(one: Import) -> Actor:
    """Make the actor in whose name rows are written: the caller, with the rights of now; nobody, if there is none any more."""
    kind, _colon, public_id = one.requested_by.partition(":")
    scopes = None if one.scopes is None else frozenset(one.scopes)
    if kind == "user":
        user = User.objects.filter(public_id=public_id, is_active=True).first()
        return Actor.for_user(user, scopes=scopes) if user else Actor.anonymous()
    client = ServiceClient.objects.select_related("organization").filter(public_id=public_id, active=True).first()
    return Actor.for_client(client, scopes=scopes, acting_for=one.acting_for) if client else Actor.anonymous()


def is_whole(one: Import) -> bool:
    """Tell whether an import is carried out in one transaction."""
    return one.dry_run or one.mode == ImportMode.ATOMIC


# --- the beginning ------------------------------------------------------------------------------------------------
def begin(one: Import, *, at: datetime) -> bool:
    """Count the rows of an import and say that it runs; tell whether there is anything to do."""
    if one.rows_total is None:
        try:
            total = _counted(one)
        except DomainError as error:
            refuse(one, error, at=at)
            return False
        Import.objects.filter(pk=one.pk).update(rows_total=total, passed_over=one.passed_over)
    # An import whose job had died, and was revived, runs again.
    started = Import.objects.filter(pk=one.pk, status__in=[*OPEN, ImportStatus.FAILED])
    return bool(started.update(status=ImportStatus.RUNNING, finished_at=None, updated_at=at))


def _counted(one: Import) -> int:
    total = count_rows(storage.path_of(one.upload.name), format=one.format)
    limit = settings.IMPORT_ROWS_UNDER_LOCK
    if is_whole(one) and connection.vendor == "sqlite" and total > limit:
        detail = _(
            "%(rows)s rows in one transaction are too many for this database; at most %(limit)s. Use mode partial."
        )
        raise refuse_file("too_many_rows", detail, rows=total, limit=limit)
    for row in islice(_rows(one), 1):  # the header is judged before anything is written
        one.passed_over = list(row.passed_over)
    return total


def refuse(one: Import, error: DomainError, *, at: datetime) -> None:
    """End an import whose file cannot be read."""
    form = targets()[one.target].form()
    with transaction.atomic(), translation.override(one.language):
        row = lifecycles.lock(Import.objects.filter(pk=one.pk))
        if not row.is_over:
            row.problems = [problem_of(problem, form) for problem in error.errors]
            end(row, ImportStatus.REFUSED, "finished", actor=actor_of(row), at=at)


def _rows(one: Import) -> Iterator[Row]:
    path = storage.path_of(one.upload.name)
    return read_rows(path, format=one.format, form=targets()[one.target].form, is_export=one.from_export)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH)):
        yield batch


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector away for the time of a batch: it would walk what lives a dozen times for what soon goes by itself."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _count(one: Import, judged: Sequence[Judged]) -> None:
    one.rows_done += len(judged)
    for found in judged:
        name = COUNTS[found.saved.outcome]
        setattr(one, name, getattr(one, name) + 1)


def _told(one: Import, judged: Sequence[Judged], judge: Judge) -> list[ImportRow]:
    """Make the rows that are kept: those refused, of a dry run also those that would change something."""
    wanted = {RowOutcome.REFUSED} | ({RowOutcome.CREATED, RowOutcome.CHANGED} if one.dry_run else set())
    from marketplace.bulk.judging import ALLOWED_KEPT

    return [
        kept(found, form=judge.form, of=one.pk, with_allowed=one.refused <= ALLOWED_KEPT)
        for found in judged
        if found.saved.outcome in wanted
    ]


# --- in batches ---------------------------------------------------------------------------------------------------
def carry_in_batches(one: Import, *, progress: Progress, clock: Clock = timezone.now) -> None:
    """Write the rows that are not written yet, batch by batch, until the end or until it was called off.

    Raises LeaseLost where another worker is at it, and DomainError for a file that breaks off.
    """
    judge, done = Judge(targets()[one.target]), one.rows_done
    total = one.rows_total or 0
    for batch in _batches(islice(_rows(one), done, None)):
        if not _carry(one.pk, batch, judge, done=done, clock=clock):
            return
        done += len(batch)
        progress(done, total)


@transaction.atomic
def _carry(import_id: int, batch: Sequence[Row], judge: Judge, *, done: int, clock: Clock) -> bool:
    one = lifecycles.lock(Import.objects.filter(pk=import_id))
    if one.status != ImportStatus.RUNNING:
        return False
    if one.rows_done != done:
        raise LeaseLost(f"import {one.public_id}: somebody else has written these rows")
    stamps = Stamps(clock)  # it looks at the clock after the lock was waited for
    with translation.override(one.language), _uncollected():
        with stamps.batch() as at:
            judged = judge.judge(batch, actor=actor_of(one), at=at)
        _count(one, judged)
        ImportRow.objects.bulk_create(_told(one, judged, judge), batch_size=BATCH)
    one.updated_at = stamps.refresh()
    one.save(update_fields=["rows_done", *COUNTS.values(), "updated_at"])
    return True


# --- whole --------------------------------------------------------------------------------------------------------
def carry_whole(one: Import, *, clock: Clock = timezone.now) -> None:
    """Write all rows or, for a dry run or with any row refused, none; keep what is to be told of them either way.

    Nothing of the import itself is locked meanwhile: calling it off is possible, and is heard between batches. Raises
    DomainError for a file that breaks off.
    """
    with tempfile.TemporaryFile() as aside:  # memory does not grow with what is told
        try:
            with transaction.atomic(), translation.override(one.language):
                _try(one, aside, clock=clock)
        except _Undone:
            pass
        row = lifecycles.lock(Import.objects.filter(pk=one.pk))
        if row.is_over:  # called off: nothing is told
            return
        _keep_told(aside)
        for name in ("rows_done", *COUNTS.values()):
            setattr(row, name, getattr(one, name))
        bad = one.refused and not one.dry_run
        end(row, ImportStatus.REFUSED if bad else ImportStatus.DONE, "finished", actor=actor_of(row), at=clock())


def _try(one: Import, aside: IO[bytes], *, clock: Clock) -> None:
    judge, stamps = Judge(targets()[one.target]), Stamps(clock)
    one.rows_done = one.created = one.changed = one.unchanged = one.refused = 0
    for batch in _batches(_rows(one)):
        if Import.objects.filter(pk=one.pk).exclude(status=ImportStatus.RUNNING).exists():
            raise _Undone
        with _uncollected(), stamps.batch() as at:
            judged = judge.judge(batch, actor=actor_of(one), at=at)
        _count(one, judged)
        for told in _told(one, judged, judge):
            values = [told.of_id, told.line, told.outcome, told.reference, told.changes, told.errors]
            aside.write(orjson.dumps(values, default=str) + b"\n")
    if one.dry_run or one.refused:
        raise _Undone
    stamps.refresh()
    # From here to the commit nobody can call it off, and whoever did before is heard.
    if lifecycles.lock(Import.objects.filter(pk=one.pk)).status != ImportStatus.RUNNING:
        raise _Undone


def _keep_told(aside: IO[bytes]) -> None:
    aside.seek(0)
    names = ("of_id", "line", "outcome", "reference", "changes", "errors")
    lines = iter(aside)
    while some := list(islice(lines, BATCH)):
        rows = [ImportRow(**dict(zip(names, cast("list[Any]", orjson.loads(line)), strict=True))) for line in some]
        ImportRow.objects.bulk_create(rows, batch_size=BATCH)


# --- the end ------------------------------------------------------------------------------------------------------
def finish(one: Import, *, at: datetime) -> None:
    """Say that an import in batches has come to its end; one that was called off stays so."""
    row = lifecycles.lock(Import.objects.filter(pk=one.pk))
    if row.status == ImportStatus.RUNNING:
        end(row, ImportStatus.DONE, "finished", actor=actor_of(row), at=at)
