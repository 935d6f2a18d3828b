"""A kept connection to PostgreSQL: asked whether it answers when there is reason to, and replaced when it is gone."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import connection
from django.db.backends.postgresql import base as django_backend

from marketplace.records.postgresql.base import FRESH_SECONDS
from tests.work.children import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """Another connection to the same server."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters, autocommit=True) as found:
        yield found


def asked() -> int:
    """Ask three times whether the connection is usable; how often that asked the server."""
    with patch.object(django_backend.DatabaseWrapper, "is_usable", autospec=True, return_value=True) as question:
        assert all(connection.is_usable() for _ in range(3))
    return int(question.call_count)


def test_fresh_connection_is_not_asked_and_one_that_was_quiet_is_asked_once() -> None:
    connection.ensure_connection()
    connection.answered_at += 1  # type: ignore[attr-defined]
    assert asked() == 0
    connection.answered_at -= FRESH_SECONDS + 1  # type: ignore[attr-defined]
    assert asked() == 1


def test_connection_on_which_something_failed_is_asked_each_time() -> None:
    connection.ensure_connection()
    connection.errors_occurred = True
    assert asked() == 3
    connection.errors_occurred = False


def test_connection_that_the_server_ended_is_replaced_before_it_is_used(other: psycopg.Connection) -> None:
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    other.execute("SELECT pg_terminate_backend(%s)", [pid])
    wait_until(lambda: not connection.is_usable(), seconds=10)
    connection.settings_dict["CONN_HEALTH_CHECKS"] = True
    checked: Any = connection
    checked.health_check_enabled, checked.health_check_done = True, False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.connection.info.backend_pid != pid


def test_closed_connection_is_not_usable() -> None:
    connection.ensure_connection()
    connection.connection.close()
    assert not connection.is_usable()
    connection.close()
