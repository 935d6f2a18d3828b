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
from marketplace.work.registry import Claim, GiveUp, JobKind, LeaseLost, Progress, ShuttingDown

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
IDLE_SECONDS = 1.0  # how long to wait for the doorbell before looking again: retries and schedules ring nobody
DATABASE_AWAY = (OperationalError, InterfaceError)
DATABASE_AWAY_SECONDS = 1.0
NEVER = threading.Event()  # nobody sets it


# --- jobs -----------------------------------------------------------------------------------------------------------


def run_one(*, worker: str, clock: Clock = timezone.now, stop: threading.Event = NEVER) -> bool:
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


def _carry_out(claim: Claim, *, clock: Clock, stop: threading.Event) -> None:
    try:
        _attempt(claim, registry.job_kind(claim.kind), clock=clock, stop=stop)
    except LeaseLost:
        log.warning("job.lost")
    except ShuttingDown:
        operations.release(claim, at=clock())
        log.info("job.released")
    except Exception as error:
        state = operations.fail(
            claim, error=f"{type(error).__name__}: {error}", at=clock(), final=isinstance(error, GiveUp)
        )
        log.exception("job.failed", state=state)
    else:
        log.info("job.done")


def _attempt(claim: Claim, kind: JobKind, *, clock: Clock, stop: threading.Event) -> None:
    prepared: Any = None
    if kind.prepare is not None:
        with _kept_alive(claim, kind, clock=clock):
            prepared = kind.prepare(claim.payload, at=clock(), progress=_progress(claim, clock=clock, stop=stop))
    with transaction.atomic():
        operations.hold(claim)
        at = clock()
        kind.effect(claim.payload, at=at, prepared=prepared, claim=claim)
        operations.complete(claim, at=at)


def _progress(claim: Claim, *, clock: Clock, stop: threading.Event) -> Progress:
    def tell(done: int, total: int, note: str = "") -> None:
        if stop.is_set():
            raise ShuttingDown
        operations.heartbeat(claim, at=clock(), progress={"done": done, "total": total, "note": note})

    return tell


@contextmanager
def _kept_alive(claim: Claim, kind: JobKind, *, clock: Clock) -> Iterator[None]:
    """Renew the lease from a thread while the preparation runs, up to the kind's time limit.

    The effect needs no renewal: there the row is locked (PostgreSQL) or the whole database is (SQLite).
    """
    done = threading.Event()

    def renew() -> None:
        give_up_at = time.monotonic() + kind.time_limit_seconds
        try:
            while not done.wait(kind.lease_seconds / 3) and time.monotonic() < give_up_at:
                try:
                    operations.heartbeat(claim, at=clock())
                except (
                    AnyDatabaseError
                ):  # busy or away: the next beat may come through, and the fence guards the effect
                    log.warning("job.heartbeat_missed", job=str(claim.public_id))
        except LeaseLost:
            return  # the effect will find out
        finally:
            connection.close()

    thread = threading.Thread(target=renew, name=f"lease-{claim.job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def run_until_idle(
    *,
    worker: str,
    clock: Clock = timezone.now,
    stop: threading.Event = NEVER,
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
    tried = 0
    while tried < max_jobs:
        found = Housekeeper().attend(at=clock())
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

    def leave(self) -> None:
        """Take leave; a database that is away is no reason to stay."""
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


@contextmanager
def housekeeping(*, presence: Presence, stop: threading.Event, clock: Clock = timezone.now) -> Iterator[None]:
    """Beat and keep house in a thread beside what the block does: a long job must not keep the feed waiting.

    Goes on until the block has ended, so that the last job ends in an orderly house. When the thread breaks, ``stop``
    is set and the error raised at the end of the block.
    """
    over = threading.Event()
    broken: list[Exception] = []
    housekeeper = Housekeeper()

    def turn() -> int:
        presence.beat(at=clock())
        return housekeeper.attend(at=clock())

    def keep() -> None:
        try:
            run_forever(turn=turn, stop=over)
            presence.leave()
        except Exception as error:
            log.exception("housekeeping.broken")
            broken.append(error)
            stop.set()
        finally:
            connection.close()

    thread = threading.Thread(target=keep, name="housekeeping", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if broken:
        raise broken[0]
