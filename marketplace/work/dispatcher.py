"""Ringing Celery when jobs are due; only the dispatcher does this, in a process of its own, never a request."""

import time

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
BROKER_ERRORS = (BrokerError, CeleryOperationalError, OSError)


class Ringer:
    """The bell's turn in the loop: ring for due jobs, and say in ``away`` when there is nobody to hear it."""

    def __init__(self, *, away: SharedFlag) -> None:
        self._away = away
        self._rung_at = 0.0
        self._silent_until = 0.0

    def turn(self) -> int:
        """Ring where there is due work; nothing is ever left to do at once, so 0."""
        now = time.monotonic()
        if now < self._silent_until or now < self._rung_at + QUIET_SECONDS:
            return 0
        due = queries.due_jobs(timezone.now())[:BELLS].count()
        # Whoever stands in may leave nothing to ring for: a ring without work is how the broker's return is found out.
        if due or self._away.is_set():
            self._ring(max(due, 1))
        return 0

    def _ring(self, times: int) -> None:
        from marketplace.work.tasks import drain  # tasks stand above the loop in the house

        try:
            for _ in range(times):
                drain.apply_async(expires=RING_EXPIRES_SECONDS)
        except BROKER_ERRORS:
            log.warning("broker.away", exc_info=True)
            self._away.set()
            self._silent_until = time.monotonic() + BROKER_AWAY_SECONDS
        else:
            self._away.set(False)
            self._rung_at = time.monotonic()
