"""The demo data, loaded once for a module as on the demo day; what a test changes is taken back with the module."""

import builtins
import io
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from marketplace.demo import source
from marketplace.demo.loading import load_demo

LOADED_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return source.read()


@pytest.fixture(scope="module")
def opened() -> set[Path]:
    """Every file that was opened by name while the data was loaded."""
    return set()


@pytest.fixture(scope="module")
def loaded(django_db_setup: None, django_db_blocker: DjangoDbBlocker, opened: set[Path]) -> Iterator[datetime]:
    with django_db_blocker.unblock(), transaction.atomic():
        with pytest.MonkeyPatch.context() as patch:
            usual = io.open

            def noted(file: Any, *args: Any, **options: Any) -> Any:
                if isinstance(file, str | Path):
                    opened.add(Path(file).resolve())
                return usual(file, *args, **options)

            patch.setattr(io, "open", noted)
            patch.setattr(builtins, "open", noted)
            load_demo(at=LOADED_AT)
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
