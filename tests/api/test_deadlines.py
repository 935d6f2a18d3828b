"""A request that takes too long is ended in the database, on both engines, and answered 503 with Retry-After."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from marketplace.api import deadlines
from marketplace.api.deadlines import Deadline
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.start import RootView
from tests.kit.api import ApiClient, check_problem

# Computes for minutes on either engine, in one statement.
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000000000) SELECT count(*) FROM n WHERE x < 0"


@pytest.fixture
def limited(db: None, settings: Settings) -> Iterator[BaseDatabaseWrapper]:
    """A connection as web processes have it, beside the one of the test."""
    settings.WEB_LOCK_SECONDS, settings.WEB_STATEMENT_SECONDS, settings.WEB_REQUEST_SECONDS = 0.2, 0.3, 0.4
    other: Any = connections.create_connection("default")
    deadlines.limit_connections()
    try:
        yield other
    finally:
        connection_created.disconnect(dispatch_uid="web limits")
        other.close()


def ended_after(limited: BaseDatabaseWrapper, sql: str) -> float:
    """Run a statement inside a request that has its deadline; give the seconds until it was ended."""

    def serve(_: HttpRequest) -> HttpResponse:
        with limited.cursor() as cursor:
            cursor.execute(sql)
        raise AssertionError("it was not ended")

    began = time.monotonic()
    with pytest.raises(OperationalError):
        Deadline(serve)(RequestFactory().get("/"))
    return time.monotonic() - began


def test_a_statement_that_computes_without_end_is_ended(limited: BaseDatabaseWrapper) -> None:
    assert ended_after(limited, ENDLESS) < 10
    with limited.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,), "the connection goes on, and outside of a request nothing is late"


@pytest.mark.postgres
def test_a_wait_for_a_lock_is_ended(limited: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:  # the transaction of the test holds it
        cursor.execute("LOCK TABLE django_content_type IN ACCESS EXCLUSIVE MODE")
    assert ended_after(limited, "SELECT count(*) FROM django_content_type") < 10


@pytest.mark.postgres
def test_web_connections_have_all_three_limits(limited: BaseDatabaseWrapper) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with limited.cursor() as cursor:
        found = [cursor.execute(f"SHOW {name}").fetchone()[0] for name in names]
    assert found == ["200ms", "300ms", "400ms"]


@pytest.mark.django_db
def test_after_the_deadline_no_statement_is_begun(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(self: RootView, request: Any) -> Any:
        time.sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    monkeypatch.setattr(RootView, "get", slow)
    settings.WEB_REQUEST_SECONDS = 0.01
    answer = ApiClient().get("")
    body = check_problem(answer, C.SERVICE_UNAVAILABLE)
    assert int(answer["Retry-After"]) >= 1
    assert body["request_id"] == answer["X-Request-ID"]
    assert not deadlines.is_late(), "the deadline ends with the request"


@pytest.mark.django_db
def test_a_database_that_fails_outside_of_views_is_503_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Any, request: HttpRequest) -> HttpResponse:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("marketplace.api.limits.Sizes.__call__", away)
    api = ApiClient()
    api.client.raise_request_exception = False
    check_problem(api.get("/nothing"), C.SERVICE_UNAVAILABLE)


def test_limits_come_one_after_the_other(settings: Settings) -> None:
    assert settings.WEB_LOCK_SECONDS < settings.WEB_STATEMENT_SECONDS < settings.WEB_REQUEST_SECONDS < 30
