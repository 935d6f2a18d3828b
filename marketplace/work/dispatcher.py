"""Ringing Celery when jobs are due; only the dispatcher does this, in a process of its own, never a request.

A ring that the broker takes proves nothing about the pool behind it: with every worker dead, Redis takes rings for ever. So
the bell also listens whether somebody of the pool stirs while work is due, and lets the stand-in work where nobody does.
The pool's answer is what it writes into the database anyway (a beat at each ring, the lease of a job under way), so that
being heard needs no broker and no result backend.
"""

import time
from datetime import timedelta

import structlog
from celery.exceptions import OperationalError as CeleryOperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from marketplace.work import queries
from marketplace.work.crew import SharedFlag

log = structlog.get_logger(__name__)
BELLS = 4  # rings at a time: more than the processes of a usual pool only make empty looks
RING_EXPIRES_SECONDS = 30.0  # an old ring is worth nothing: the dispatcher rings as long as there is work
QUIET_SECONDS = 0.25  # between two rings
BROKER_AWAY_SECONDS = 15.0  # after a failed ring, before the next try
UNHEARD_SECONDS = (
    3.0  # of due work without a sign of the pool, before somebody stands in: longer than a look at a busy one
)
UNHEARD_QUIET_SECONDS = 2.0  # between two rings that nobody hears: they pile up in the broker
LISTEN_SECONDS = 0.5  # between two looks for a sign of the pool
BROKER_ERRORS = (BrokerError, CeleryOperationalError, OSError)


class Ringer:
    """The bell's turn in the loop: ring for due jobs, and say in ``away`` when there is nobody to hear it."""

    def __init__(self, *, away: SharedFlag, patience: float = UNHEARD_SECONDS) -> None:
        self._away = away
        self._rung_at = 0.0
        self._silent_until = 0.0
        self._pool = Silence(patience)

    def turn(self) -> int:
        """Ring where there is due work; nothing is ever left to do at once, so 0."""
        now = time.monotonic()
        quiet = UNHEARD_QUIET_SECONDS if self._pool.is_long else QUIET_SECONDS
        if now < self._silent_until or now < self._rung_at + quiet:
            return 0
        due = queries.due_jobs(timezone.now())[:BELLS].count()
        # Whoever stands in may leave nothing to ring for: a ring without work is how the pool's return is found out.
        if due or self._away.is_set():
            self._ring(max(due, 1))
        else:
            self._pool.end()
        return 0

    def _ring(self, times: int) -> None:
        from marketplace.work.tasks import drain  # tasks stand above the loop in the house

        try:
            for _ in range(times if not self._pool.is_long else 1):
                drain.apply_async(expires=RING_EXPIRES_SECONDS)
        except BROKER_ERRORS:
            log.warning("broker.away", exc_info=True)
            self._away.set()
            self._silent_until = time.monotonic() + BROKER_AWAY_SECONDS
            self._pool.end()  # nobody can hear what was not rung
        else:
            self._rung_at = time.monotonic()
            self._pool.listen()
            self._away.set(self._pool.is_long)


class Silence:
    """How long the pool has given no sign although it was rung."""

    def __init__(self, patience: float) -> None:
        self.is_long = False  # longer than the patience, in seconds
        self._patience = patience
        self._since: float | None = None  # on the monotonic clock
        self._looked_at = 0.0

    def listen(self) -> None:
        """Look whether the pool has stirred since it was last quiet."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        elif now >= self._looked_at + LISTEN_SECONDS:
            self._looked_at = now
            self._judge(now - self._since)

    def _judge(self, seconds: float) -> None:
        at = timezone.now()
        if queries.pool_stirred(at, within=timedelta(seconds=self._patience)):
            if self.is_long:
                log.warning("pool.heard_again", seconds=round(seconds, 1))
            self.end()
        elif seconds >= self._patience and not self.is_long:
            self.is_long = True
            log.error("pool.unheard", seconds=round(seconds, 1))

    def end(self) -> None:
        """Begin anew: the pool was heard, or is not waited for."""
        self.is_long, self._since = False, None
