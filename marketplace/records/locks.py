"""Being the only writer of something, over all processes."""

from django.db import connection


def is_only_writer(lock: int) -> bool:
    """Take the advisory lock with this number until the end of the transaction; False where another process has it.

    On SQLite the transaction itself is the only writer (BEGIN IMMEDIATE).
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [lock])
        row = cursor.fetchone()
    return bool(row and row[0])
