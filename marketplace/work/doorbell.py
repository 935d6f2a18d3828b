"""Waking those who wait: NOTIFY travels with the commit on PostgreSQL; on SQLite they look again after a moment."""

import threading

import psycopg
import structlog
from django.db import connection

log = structlog.get_logger(__name__)
CHANNEL = "marketplace_work"
POLL_SECONDS = 0.2  # SQLite has nothing to listen to
NOT_FOR_LISTENING = ("cursor_factory", "context", "prepare_threshold")  # what Django sets for its own cursors


def ring() -> None:
    """Wake the waiting processes once the current transaction commits; nothing to do on SQLite."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _open_ear() -> psycopg.Connection:
    parameters = {k: v for k, v in connection.get_connection_params().items() if k not in NOT_FOR_LISTENING}
    ear = psycopg.connect(**parameters, autocommit=True)
    ear.execute(f"LISTEN {CHANNEL}")
    return ear


class Doorbell:
    """Waits for ``ring`` on a direct connection of its own (a pooler would lose LISTEN)."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._listens = connection.vendor == "postgresql"
        self._ear: psycopg.Connection | None = None

    def wait(self, seconds: float) -> None:
        """Return when rung, when asked to stop, or after ``seconds`` at the latest."""
        if not self._listens:
            self._stop.wait(min(seconds, POLL_SECONDS))
            return
        try:
            if self._ear is None:
                self._ear = _open_ear()
                return  # what was rung before LISTEN went unheard: look once more
            for _ in self._ear.notifies(timeout=seconds, stop_after=1):
                break
        except psycopg.Error:  # the database is away: poll until it is back
            log.warning("doorbell.lost", exc_info=True)
            self.close()
            self._stop.wait(seconds)

    def close(self) -> None:
        """Hang up."""
        if self._ear is not None:
            self._ear.close()
            self._ear = None
