"""One attempt under guard: its lease renewed, its time limited, its process ended where nothing else helps.

A job does its work in the main thread of its process. Beside it a thread looks at the clock: it renews the lease while
the preparation runs, interrupts the job at its time limit or when a shutdown has waited long enough, and ends the whole
process where the interruption does not come through (a loop in native code, an exception swallowed). The job of an
ended process is given back by the sweep, and the attempt counts: a job that hangs dies like one that fails.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType, TracebackType
from typing import Protocol, Self

import structlog
from django.db import Error as AnyDatabaseError
from django.db import connection

from marketplace.work import operations
from marketplace.work.registry import Claim, JobKind, LeaseLost, OutOfTime, ShuttingDown

log = structlog.get_logger(__name__)
INTERRUPT = signal.SIGALRM
TICK_SECONDS = 0.5
SHUTDOWN_SECONDS = 10.0  # for the job under way to end by itself when the process is to stop
GRACE_SECONDS = 25.0  # for an interruption to come through; SQLite may wait for its lock for 20


class Flag(Protocol):
    """Something that is set or not: a `threading.Event`, or one byte shared with other processes."""

    def is_set(self) -> bool: ...


class Guard:
    """Guards one attempt inside a ``with`` block; raises OutOfTime or ShuttingDown in the middle of it."""

    def __init__(self, claim: Claim, kind: JobKind, *, clock: Callable[[], datetime], stop: Flag) -> None:
        self._claim = claim
        self._kind = kind
        self._clock = clock
        self._stop = stop
        self._over = threading.Event()
        self._renews = threading.Event()
        self._lost = False
        self._verdict: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name=f"guard-{claim.job_id}", daemon=True)
        self._can_interrupt = threading.current_thread() is threading.main_thread()  # signals reach no other thread

    def __enter__(self) -> Self:
        """Begin to watch."""
        if self._can_interrupt:
            self._before = signal.signal(INTERRUPT, self._interrupted)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Watch no longer."""
        self._over.set()
        if self._can_interrupt:
            signal.signal(INTERRUPT, self._before)
        self._thread.join()

    @contextmanager
    def renewing(self) -> Iterator[None]:
        """Keep the lease alive inside a ``with`` block.

        The effect needs none of it: there the row is locked (PostgreSQL) or the whole database is (SQLite).
        """
        self._renews.set()
        try:
            yield
        finally:
            self._renews.clear()

    # --- in the main thread ---
    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._verdict is not None and not self._over.is_set():
            raise self._verdict

    # --- in the thread ---
    def _watch(self) -> None:
        began = renewed = time.monotonic()
        stopping_since = None
        tick = min(TICK_SECONDS, self._kind.lease_seconds / 3)
        try:
            while not self._over.wait(tick):
                now = time.monotonic()
                if self._renews.is_set() and now >= renewed + self._kind.lease_seconds / 3:
                    self._renew()
                    renewed = now
                if stopping_since is None and self._stop.is_set():
                    stopping_since = now
                self._judge(now, began, stopping_since)
        finally:
            connection.close()

    def _renew(self) -> None:
        if self._lost:
            return
        try:
            operations.heartbeat(self._claim, at=self._clock())
        except LeaseLost:
            self._lost = True  # the effect will find out
        except AnyDatabaseError:  # busy or away: the next beat may come through, and the fence guards the effect
            log.warning("job.heartbeat_missed", job=str(self._claim.public_id))

    def _judge(self, now: float, began: float, stopping_since: float | None) -> None:
        limit = self._kind.time_limit_seconds
        if now > began + limit + GRACE_SECONDS or (
            stopping_since is not None and now > stopping_since + SHUTDOWN_SECONDS + GRACE_SECONDS
        ):
            self._end_process()
        elif now > began + limit:
            self._interrupt(OutOfTime(f"stopped after {limit} s, the time limit of its kind"))
        elif stopping_since is not None and now > stopping_since + SHUTDOWN_SECONDS:
            self._interrupt(ShuttingDown())

    def _interrupt(self, verdict: Exception) -> None:
        if self._can_interrupt and self._verdict is None:
            self._verdict = verdict
            signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPT)

    def _end_process(self) -> None:
        if self._can_interrupt:
            log.error("job.process_ended", job=str(self._claim.public_id), kind=self._claim.kind)
            os.kill(os.getpid(), signal.SIGKILL)
