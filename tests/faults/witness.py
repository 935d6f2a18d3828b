"""Read-only SQL for what the API shows to nobody: private events, the request id of each event, holds on seats.

The tables are named here and nowhere else in the kit. Each connection is opened so that it cannot write.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg

Row = dict[str, Any]

OUTBOX = """
SELECT sequence, public_id, type, resource, resource_id, version, audience, request_id
FROM events_outboxevent ORDER BY id
"""
HOLDS = """
SELECT hold.state, hold.quantity, session.public_id AS session, win.public_id AS win
FROM providers_capacityhold AS hold
LEFT JOIN providers_session AS session ON session.id = hold.session_id
LEFT JOIN providers_capacitywindow AS win ON win.id = hold.window_id
"""
KEYS = "SELECT route, key, COUNT(*) AS rows FROM api_idempotencykey GROUP BY actor, route, key HAVING COUNT(*) > 1"


def look(database_url: str) -> dict[str, list[Row]]:
    """Give the rows of every question, ids as text."""
    rows = _postgres(database_url) if database_url.startswith("postgres") else _sqlite(database_url)
    return {"outbox": rows(OUTBOX), "holds": rows(HOLDS), "keys": rows(KEYS)}


def _postgres(url: str) -> Callable[[str], list[Row]]:
    def rows(question: str) -> list[Row]:
        with psycopg.connect(url, options="-c default_transaction_read_only=on") as connection:
            cursor = connection.execute(question.encode())
            names = [column.name for column in cursor.description or ()]
            return [_row(names, values) for values in cursor]

    return rows


def _sqlite(url: str) -> Callable[[str], list[Row]]:
    def rows(question: str) -> list[Row]:
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(question)
            names = [column[0] for column in cursor.description]
            return [_row(names, values) for values in cursor]

    return rows


def _row(names: list[str], values: tuple[Any, ...]) -> Row:
    return {name: _plain(value) for name, value in zip(names, values, strict=True)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    text = str(value)
    return text.replace("-", "") if len(text) == 36 and text.count("-") == 4 else text
