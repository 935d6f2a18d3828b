"""The demo data, loaded once for a module as on the demo day; what a test changes is taken back with the module."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from marketplace.demo import source
from marketplace.demo.loading import load_demo
from tests.kit.copies import copied

load = copied(load_demo)
LOADED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return source.read()


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[datetime]:
    with django_db_blocker.unblock(), transaction.atomic():
        load(at=LOADED_AT)
        yield LOADED_AT
        transaction.set_rollback(True)


@pytest.fixture
def taken_back(loaded: datetime) -> Iterator[datetime]:
    """What the test writes is gone after it."""
    with transaction.atomic():
        yield loaded
        transaction.set_rollback(True)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
