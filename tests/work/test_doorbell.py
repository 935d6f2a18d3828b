"""Being woken, also after the database was away. PostgreSQL only: on SQLite processes look again after a moment."""

import threading
import time

import pytest
from django.db import connection

from marketplace.work import doorbell

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def listeners() -> list[int]:
    """The server's processes that listen, by what they did last."""
    with connection.cursor() as cursor:
        listening = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = %s"
        cursor.execute(listening, [f"LISTEN {doorbell.CHANNEL}"])
        return [pid for (pid,) in cursor.fetchall()]


def seconds_until_rung(bell: doorbell.Doorbell) -> float:
    """Ring a moment after the bell begins to wait, and say how long it waited."""
    rung = threading.Timer(0.2, ring)
    rung.start()
    began = time.monotonic()
    bell.wait(20)
    rung.join()
    return time.monotonic() - began


def ring() -> None:
    try:
        doorbell.ring()
    finally:
        connection.close()


def test_bell_listens_anew_after_its_connection_was_cut() -> None:
    bell = doorbell.Doorbell(threading.Event())
    try:
        bell.wait(0)  # the first call opens the ear
        assert seconds_until_rung(bell) < 10
        [ear] = listeners()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [ear])
        bell.wait(0.1)  # notices
        bell.wait(0)  # listens anew, and looks at once: something may have been rung meanwhile
        assert listeners() not in ([], [ear])
        assert seconds_until_rung(bell) < 10
    finally:
        bell.close()
