"""Fixtures of the work room's tests."""

from collections.abc import Iterator

import pytest

from tests.work.jobs import forget_test_jobs, list_test_jobs


@pytest.fixture(autouse=True)
def listed_jobs() -> Iterator[None]:
    list_test_jobs()
    yield
    forget_test_jobs()
