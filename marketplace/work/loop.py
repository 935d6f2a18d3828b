"""The one loop that does jobs and keeps house: in the embedded worker, in Celery's tasks, in the dispatcher, in tests."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from django.db import Error as AnyDatabaseError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from marketplace.work import operations, registry
from marketplace.work.context import Origin, originating
from marketplace.work.doorbell import Doorbell
from marketplace.work.guard import Flag, Guard
from marketplace.work.registry import Claim, GiveUp, JobKind, LeaseLost, OutOfTime, Progress, ShuttingDown

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
IDLE_SECONDS = 1.0  # how long to wait for the doorbell before looking again: retries and schedules ring nobody
DATABASE_AWAY = (OperationalError, InterfaceError)
DATABASE_AWAY_SECONDS = 1.0
BEAT_LOOK_SECONDS = 0.5
NEVER = threading.Event()  # nobody sets it


# --- jobs -----------------------------------------------------------------------------------------------------------


def run_one(*, worker: str, clock: Clock = timezone.now, stop: Flag = NEVER) -> bool:
    """Claim one due job and do it; return False where there was none. A job's failure is recorded, never raised."""
    claim = operations.claim(worker=worker, at=clock())
    if claim is None:
        return False
    said = {"kind": claim.kind, "job": str(claim.public_id), "attempt": claim.attempt, "request_id": claim.request_id}
    # Whatever the job's own code logs is found by the request that it follows from.
    origin = Origin(request_id=claim.request_id)
    with originating(origin), structlog.contextvars.bound_contextvars(**said), registry.watched(claim):
        _carry_out(claim, clock=clock, stop=stop)
    return True


def _carry_out(claim: Claim, *, clock: Clock, stop: Flag) -> None:
    try:
        _attempt(claim, registry.job_kind(claim.kind), clock=clock, stop=stop)
    except LeaseLost:
        log.warning("job.lost")
    except ShuttingDown:
        _drop_interrupted_connection()
        operations.release(claim, at=clock())
        log.info("job.released")
    except Exception as error:
        if isinstance(error, OutOfTime):
            _drop_interrupted_connection()
        state = operations.fail(
            claim, error=f"{type(error).__name__}: {error}", at=clock(), final=isinstance(error, GiveUp)
        )
        log.exception("job.failed", state=state)
    else:
        log.info("job.done")


def _drop_interrupted_connection() -> None:
    """Begin on a new connection: the old one may have been interrupted in the middle of a statement."""
    if not connection.in_atomic_block:  # whoever called the loop inside a transaction wants to keep it
        connection.close()


def _attempt(claim: Claim, kind: JobKind, *, clock: Clock, stop: Flag) -> None:
    prepared: Any = None
    with Guard(claim, kind, clock=clock, stop=stop) as guard:
        if kind.prepare is not None:
            with guard.renewing():
                prepared = kind.prepare(claim.payload, at=clock(), progress=_progress(claim, clock=clock, stop=stop))
        with transaction.atomic():
            operations.hold(claim)
            at = clock()
            kind.effect(claim.payload, at=at, prepared=prepared, claim=claim)
            operations.complete(claim, at=at)


def _progress(claim: Claim, *, clock: Clock, stop: Flag) -> Progress:
    def tell(done: int, total: int, note: str = "") -> None:
        if stop.is_set():
            raise ShuttingDown
        operations.heartbeat(claim, at=clock(), progress={"done": done, "total": total, "note": note})

    return tell


def run_until_idle(
    *,
    worker: str,
    clock: Clock = timezone.now,
    stop: Flag = NEVER,
    max_jobs: int = 1_000_000,
    max_seconds: float = 3_600.0,
) -> int:
    """Do due jobs one after the other until none is left, or the bound is reached; return how many were tried."""
    give_up_at = time.monotonic() + max_seconds
    count = 0
    while count < max_jobs and not stop.is_set() and run_one(worker=worker, clock=clock, stop=stop):
        count += 1
        if time.monotonic() >= give_up_at:
            break
    return count


# --- housekeeping -----------------------------------------------------------------------------------------------------


class Housekeeper:
    """Does each listed chore when its time has come again; one chore's failure does not keep the others from theirs."""

    def __init__(self) -> None:
        self._done_at: dict[str, datetime] = {}

    def attend(self, *, at: datetime) -> int:
        """Do the chores that are due at ``at``; return how much they found to do."""
        return sum(self._do(chore, at) for chore in registry.chores() if self._is_due(chore, at))

    def _is_due(self, chore: registry.Chore, at: datetime) -> bool:
        done_at = self._done_at.get(chore.name)
        return done_at is None or not done_at <= at < done_at + chore.every  # also when the clock was set back

    def _do(self, chore: registry.Chore, at: datetime) -> int:
        self._done_at[chore.name] = at
        try:
            return chore.run(at=at)
        except DATABASE_AWAY:
            raise  # the loop knows what to do when the database is away
        except Exception:
            log.exception("chore.failed", chore=chore.name)
            return 0


def settle(*, worker: str = "settle", clock: Clock = timezone.now, max_jobs: int = 100_000) -> int:
    """Keep house and do jobs until nothing is left that is due now: events, their jobs, the events of these, and so on.

    Returns how many jobs were tried. For set-up commands and tests; a retry that is due later is left alone.
    """
    tried, keeper = 0, Housekeeper()
    while tried < max_jobs:
        found = keeper.attend(at=clock())
        count = run_until_idle(worker=worker, clock=clock, max_jobs=max_jobs - tried)
        tried += count
        if not found and not count:
            break
    return tried


# --- for ever -----------------------------------------------------------------------------------------------------------


class Presence:
    """Says every few seconds that this process is alive, and takes leave at the end."""

    EVERY_SECONDS = 5.0

    def __init__(self, *, name: str, role: str, pid: int, started_at: datetime) -> None:
        self.name = name
        self._role = role
        self._pid = pid
        self._started_at = started_at
        self._next = 0.0

    def beat(self, *, at: datetime) -> None:
        """Say it when it is time again."""
        if time.monotonic() >= self._next:
            operations.beat(name=self.name, role=self._role, pid=self._pid, started_at=self._started_at, at=at)
            self._next = time.monotonic() + self.EVERY_SECONDS

    def try_to_beat(self, *, at: datetime) -> None:
        """Say it when it is time again; a database that is away is asked again at the next beat."""
        try:
            self.beat(at=at)
        except AnyDatabaseError:
            log.warning("presence.beat_failed", worker=self.name)
            connection.close()

    def leave(self) -> None:
        """Take leave; a database that is away is no reason to stay."""
        self._next = 0.0  # who comes back says so at once
        try:
            operations.say_goodbye(name=self.name)
        except AnyDatabaseError:
            log.warning("presence.leave_failed", worker=self.name)


Turn = Callable[[], int]


def run_forever(*, turn: Turn, stop: threading.Event) -> None:
    """Repeat: take a ``turn`` (keep house, do jobs, ring for others), wait for the doorbell if it found nothing; until ``stop``.

    A database that goes away and comes back is waited for; leases and fences sort out what was under way.
    """
    bell = Doorbell(stop)
    try:
        while not stop.is_set():
            try:
                found = turn()
            except DATABASE_AWAY:
                log.warning("database.away", exc_info=True)
                connection.close()
                stop.wait(DATABASE_AWAY_SECONDS)
                continue
            if not found:
                bell.wait(IDLE_SECONDS)
    finally:
        bell.close()


def keep_house(*, presence: Presence, stop: threading.Event, clock: Clock = timezone.now) -> None:
    """Keep house until ``stop``: publish, sweep, keep the schedule, and say that somebody does."""
    housekeeper = Housekeeper()

    def turn() -> int:
        presence.beat(at=clock())
        return housekeeper.attend(at=clock())

    run_forever(turn=turn, stop=stop)
    presence.leave()


@contextmanager
def beating(*, presence: Presence, clock: Clock = timezone.now, while_set: Flag | None = None) -> Iterator[None]:
    """Beat from a thread inside a ``with`` block, also while a long job runs, and take leave at its end.

    With ``while_set``, only as long as that is set: a process that only stands in for others says nothing otherwise, and
    takes leave when they are back, lest its silence be taken for its death.
    """
    over, known = threading.Event(), threading.Event()

    def look() -> None:
        if while_set is None or while_set.is_set():
            presence.try_to_beat(at=clock())
            known.set()
        elif known.is_set():
            presence.leave()
            known.clear()

    def keep() -> None:
        try:
            while not over.wait(BEAT_LOOK_SECONDS):
                look()
            presence.leave()
        finally:
            connection.close()

    look()  # before anything is claimed: the job of a dead process that nobody knew would wait for the end of its lease
    thread = threading.Thread(target=keep, name="presence", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
