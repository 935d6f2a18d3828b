"""Reading ahead: what a process keeps in memory for its jobs is read before the first of them, and again when it is idle.

A job that finds it cold or out of date reads it itself; this only spares the one who waits for that job.
"""

import time

import structlog
from django.utils import timezone

from marketplace.work import registry
from marketplace.work.loop import DATABASE_AWAY, Clock

log = structlog.get_logger(__name__)
EVERY_SECONDS = 2.0  # at most so often: many changes in a row are read once


class Warmth:
    """Does the listed warm-ups in turn; one that fails does not keep the others from theirs, nor the jobs."""

    def __init__(self) -> None:
        self._next = 0.0

    def keep(self, *, clock: Clock = timezone.now) -> None:
        """Bring all up to date, unless that was done a moment ago. Raises where the database is away, as the loop expects."""
        if time.monotonic() < self._next:
            return
        for warm_up in registry.warm_ups():
            self._do(warm_up, clock)
        self._next = time.monotonic() + EVERY_SECONDS

    def _do(self, warm_up: registry.WarmUp, clock: Clock) -> None:
        try:
            warm_up.run(at=clock())
        except DATABASE_AWAY:
            raise
        except Exception:
            log.exception("warm_up.failed", warm_up=warm_up.name)
