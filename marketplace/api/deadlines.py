"""How long a web request may take: one deadline for its work with the database, and limits in the database itself.

PostgreSQL ends statements, waits for locks and forgotten transactions by its own timeouts. SQLite has none but the busy
timeout; there the deadline interrupts a statement that computes. What is ended is rolled back and answered 503 with
Retry-After. What never asks the database again is ended by gunicorn (WEB_TIMEOUT_SECONDS).
"""

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse

SQLITE_STEPS = 100_000  # of its virtual machine between two looks at the clock: some milliseconds
_ends_at: ContextVar[float | None] = ContextVar("ends_at", default=None)  # on the monotonic clock


class DeadlinePassedError(OperationalError):
    """The request has taken too long; nothing of it is kept."""


def is_late() -> bool:
    """Tell whether the request being served should have ended."""
    ends_at = _ends_at.get()
    return ends_at is not None and time.monotonic() > ends_at


class Deadline:
    """Give each request its time; its first statement after that is refused."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request."""
        token = _ends_at.set(time.monotonic() + settings.WEB_REQUEST_SECONDS)
        try:
            with connection.execute_wrapper(_in_time):
                return self.get_response(request)
        finally:
            _ends_at.reset(token)


def _in_time(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if is_late():
        raise DeadlinePassedError("the deadline of the request has passed")
    return execute(sql, params, many, context)


def limit_connections() -> None:
    """Limit every database connection that this process opens from now on; web processes call it, workers do not."""
    connection_created.connect(limit_connection, dispatch_uid="web limits")


def limit_connection(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Set the limits of one connection."""
    if connection.vendor == "postgresql":
        limits = {
            "statement_timeout": settings.WEB_STATEMENT_SECONDS,
            "lock_timeout": settings.WEB_LOCK_SECONDS,
            "idle_in_transaction_session_timeout": settings.WEB_REQUEST_SECONDS,
        }
        with connection.cursor() as cursor:
            for name, seconds in limits.items():
                cursor.execute("SELECT set_config(%s, %s, false)", [name, f"{seconds * 1000:.0f}"])
            cursor.execute("SET jit = off")  # compiling takes longer than any answer of the web may
    else:
        connection.connection.set_progress_handler(is_late, SQLITE_STEPS)
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {settings.WEB_LOCK_SECONDS * 1000:.0f}")
