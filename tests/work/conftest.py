"""Fixtures of the work room's tests."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings

from tests.work.jobs import forget_test_jobs, list_test_jobs

# Of the Redis server, one for each xdist worker, so that a test never meets another's messages.
OWN_DATABASE = 9 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 6


@pytest.fixture(autouse=True)
def listed_jobs() -> Iterator[None]:
    list_test_jobs()
    yield
    forget_test_jobs()


@pytest.fixture
def broker() -> Iterator[str]:
    """The URL of an empty Redis database of the test's own."""
    server = urlsplit(settings.REDIS_URL)
    url = f"{server.scheme}://{server.netloc}/{OWN_DATABASE}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
