"""The promises of tests/conftest.py about a run."""

import socket
from datetime import UTC, datetime
from functools import cache

import pytest
from django.core.cache import cache as shared_cache
from pytest_socket import SocketConnectBlockedError

from tests import conftest


def test_network_outside_this_machine_is_blocked() -> None:
    with (
        pytest.warns(UserWarning, match="192.0.2.1"),
        pytest.raises(SocketConnectBlockedError),
        socket.socket() as client,
    ):
        client.connect(("192.0.2.1", 80))


def test_at_is_an_aware_working_moment(at: datetime) -> None:
    assert at.tzinfo is UTC
    assert at.weekday() < 5


def test_cached_function_of_a_module_is_found() -> None:
    @cache
    def answer() -> int:
        return 42

    module = type(conftest)("planted")
    module.answer = answer  # type: ignore[attr-defined]
    for home, left in (("matching.queries.market", 0), ("matching.engine.text", 1), ("urllib.parse", 1)):
        answer.__module__ = home
        answer()
        for clear in conftest.cached_functions(module):
            clear()
        assert answer.cache_info().currsize == left, home


@pytest.mark.parametrize("turn", [1, 2])
def test_shared_cache_is_empty_at_the_start(turn: int) -> None:
    assert shared_cache.get("left-over") is None
    shared_cache.set("left-over", turn)
