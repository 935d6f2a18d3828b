"""Ringing Celery when jobs are due; only the dispatcher process does this, never a request."""

import threading
import time

import structlog
from celery.exceptions import OperationalError as CeleryOperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from marketplace.work import loop, queries

log = structlog.get_logger(__name__)
BELLS = 4  # rings at a time: more than the processes of a usual pool only make empty looks
RING_EXPIRES_SECONDS = 30.0  # an old ring is worth nothing: the dispatcher rings as long as there is work
QUIET_SECONDS = 0.25  # between two rings
BROKER_AWAY_SECONDS = 15.0  # after a failed ring, before the next try
BROKER_ERRORS = (BrokerError, CeleryOperationalError, OSError)


class Ringer:
    """The dispatcher's turn in the loop: ring for due jobs, or do them one by one while the broker is away."""

    def __init__(self, *, worker: str, stop: threading.Event) -> None:
        self._worker = worker
        self._stop = stop
        self._rung_at = 0.0
        self._silent_until = 0.0

    def turn(self) -> int:
        """Ring where there is due work; return how many jobs were done here instead."""
        due = queries.due_jobs(timezone.now())[:BELLS].count()
        if not due:
            return 0
        if time.monotonic() < self._silent_until:
            return self._do_one()
        if time.monotonic() < self._rung_at + QUIET_SECONDS:
            return 0
        return 0 if self._ring(due) else self._do_one()

    def _ring(self, times: int) -> bool:
        from marketplace.work.tasks import drain  # tasks stand above the loop in the house

        try:
            for _ in range(times):
                drain.apply_async(expires=RING_EXPIRES_SECONDS)
        except BROKER_ERRORS:
            log.warning("broker.away", exc_info=True)
            self._silent_until = time.monotonic() + BROKER_AWAY_SECONDS
            return False
        self._rung_at = time.monotonic()
        return True

    def _do_one(self) -> int:
        return loop.run_until_idle(worker=self._worker, stop=self._stop, max_jobs=1)
