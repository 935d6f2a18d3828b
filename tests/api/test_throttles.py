"""Callers are counted by who they are, told what they have left, and refused when they have nothing left."""

import re
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from marketplace.accounts.addresses import client_address, network_of
from marketplace.api import throttles
from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup, token_of

POLICY = re.compile(r'^"([a-z]+)";q=([0-9]+);w=60$')
STATE = re.compile(r'^"([a-z]+)";r=([0-9]+);t=([0-9]{1,2})$')
FEW = {"anonymous": 3, "person": 4, "client": 5}


@pytest.fixture
def alone(settings: Settings) -> None:
    """Counters of this test alone: those in Redis are shared with the tests of other processes."""
    local = {**settings.CACHES["default"], "LOCATION": f"test-{time.monotonic_ns()}"}
    settings.CACHES = {**settings.CACHES, "counters": local}


@pytest.fixture
def few(alone: None, settings: Settings) -> None:
    settings.CALLS_PER_MINUTE = FEW


def left(answer: Any) -> tuple[str, int]:
    """Check both fields of the answer, and give the policy and what is left."""
    policy, state = POLICY.match(answer["RateLimit-Policy"]), STATE.match(answer["RateLimit"])
    assert policy, answer["RateLimit-Policy"]
    assert state, answer["RateLimit"]
    assert policy[1] == state[1]
    assert 1 <= int(state[3]) <= 60
    return state[1], int(state[2])


@pytest.mark.django_db
@pytest.mark.usefixtures("few")
def test_each_caller_has_calls_of_their_own(group: SmallGroup, at: datetime) -> None:
    viewer, officer = ApiClient.of(group.viewer, at), ApiClient.of(group.officer, at)
    assert [left(viewer.get("/me")) for _ in range(4)] == [("person", number) for number in (3, 2, 1, 0)]
    refused = viewer.get("/me")
    check_problem(refused, C.THROTTLED)
    assert left(refused) == ("person", 0)
    assert refused["Retry-After"] == STATE.match(refused["RateLimit"])[3]  # type: ignore[index]
    assert refused["Retry-After"] in refused.body["detail"]
    assert left(officer.get("/me")) == ("person", 3)
    assert left(ApiClient().get("")) == ("anonymous", 2)


@pytest.mark.django_db
@pytest.mark.usefixtures("few")
def test_a_second_token_gives_no_second_quota_but_the_desk_has_its_own(group: SmallGroup, at: datetime) -> None:
    for _ in range(4):
        ApiClient.of(group.viewer, at).get("/me")
    check_problem(ApiClient.of(group.viewer, at).get("/me"), C.THROTTLED)
    desk = Client()
    desk.force_login(group.viewer, backend="django.contrib.auth.backends.ModelBackend")
    assert left(desk.get("/api/v1/me")) == ("person", 3)
    assert left(desk.get("/")) == ("person", 2)


@pytest.mark.django_db
@pytest.mark.usefixtures("few")
def test_a_service_client_may_have_a_quota_of_its_own(group: SmallGroup, at: datetime) -> None:
    officer, path = ApiClient.of(group.head, at), f"/service-clients/{group.client.client_id}"
    token = token_of(group.client, at)
    assert left(ApiClient(token).get("/me")) == ("client", 4)
    version = officer.get(path)["ETag"]
    changed = officer.patch(path, {"requests_per_minute": 2}, If_Match=version)
    assert changed.body["requests_per_minute"] == 2
    assert left(ApiClient(token).get("/me")) == ("client", 0)
    check_problem(ApiClient(token).get("/me"), C.THROTTLED)


@pytest.mark.django_db
def test_a_quota_is_at_least_one_call(group: SmallGroup, at: datetime) -> None:
    officer, path = ApiClient.of(group.head, at), f"/service-clients/{group.client.client_id}"
    version = officer.get(path)["ETag"]
    for wrong in (0, -1, 10**9):
        body = check_problem(officer.patch(path, {"requests_per_minute": wrong}, If_Match=version), C.INVALID_INPUT)
        assert body["errors"][0]["pointer"] == "/requests_per_minute"


@pytest.mark.django_db
@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("path", ["/api/v1", "/api/v1/nothing", "/nothing", "/", "/api/v1/me"])
def test_whatever_strangers_call_counts_for_their_address(path: str) -> None:
    api = ApiClient()
    assert [left(api.client.get(path))[1] for _ in range(3)] == [2, 1, 0]
    refused = api.call("GET", path)
    check_problem(refused, C.THROTTLED)
    french = api.call("GET", path, headers={"Accept-Language": "fr"})
    assert french.status_code == 429
    assert french.body["detail"] != refused.body["detail"]
    page = api.client.get("/", headers={"Accept": "text/html"})
    assert (page.status_code, page["Content-Type"][:9]) == (429, "text/html")


@pytest.mark.django_db
@pytest.mark.usefixtures("few")
def test_guessing_tokens_counts_for_the_address_and_so_does_a_wrong_method() -> None:
    guesses = [ApiClient(f"gmg_{number}_guess").get("/me") for number in range(4)]
    assert [answer.status_code for answer in guesses] == [401, 401, 401, 429]
    check_problem(ApiClient().call("PUT", "/me"), C.THROTTLED)


@pytest.mark.django_db
@pytest.mark.usefixtures("few")
def test_forwarded_addresses_are_not_believed_and_probes_not_counted() -> None:
    api = ApiClient()
    for number in range(3):
        api.get("", X_Forwarded_For=f"203.0.113.{number}")
    check_problem(api.get("", X_Forwarded_For="203.0.113.77", X_Real_IP="203.0.113.77"), C.THROTTLED)
    probes = [api.get("/health/live") for _ in range(9)]
    assert {(probe.status_code, probe.has_header("RateLimit")) for probe in probes} == {(200, False)}


@pytest.mark.django_db
def test_counting_asks_the_database_nothing(group: SmallGroup, at: datetime, settings: Settings) -> None:
    api = ApiClient.of(group.viewer, at)
    api.get("/me")

    def queries(quota: int) -> int:
        settings.CALLS_PER_MINUTE = dict.fromkeys(FEW, quota)
        with CaptureQueriesContext(connection) as found:
            assert api.get("/me").has_header("RateLimit") == bool(quota)
        return len(found)

    assert queries(1000) == queries(0)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "expected"),
    [
        (0, "203.0.113.9", "198.51.100.1", "198.51.100.1"),
        (0, "", "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "192.0.2.66, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (2, "192.0.2.66, 203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "203.0.113.9:4711", "10.0.0.1", "203.0.113.9"),
        (1, '"[2001:db8::7]:4711"', "10.0.0.1", "2001:db8::7"),
        (1, "2001:db8::7", "10.0.0.1", "2001:db8::7"),
        (1, "::ffff:203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "fe80::1%eth0", "10.0.0.1", "fe80::1"),
        (1, "unknown", "10.0.0.1", "10.0.0.1"),
        (1, "' OR 1=1 --", "10.0.0.1", "10.0.0.1"),
        (0, "", "", ""),
    ],
)
def test_the_address_is_what_our_own_proxies_say(
    proxies: int, forwarded: str, peer: str, expected: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == expected


def test_networks_of_ipv6_are_counted_together() -> None:
    assert network_of("2001:db8::7") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::7")
    assert network_of("203.0.113.9") != network_of("203.0.113.10")
    assert network_of("") == "unknown"


@pytest.mark.usefixtures("alone")
def test_a_window_ends_and_windows_of_different_callers_end_apart() -> None:
    first = throttles.count("person", "a", 10, now=1_000_000.0)
    again = throttles.count("person", "a", 10, now=1_000_000.0 + first.resets_in - 1)
    assert (first.used, again.used, again.resets_in) == (1, 2, 1)
    assert throttles.count("person", "a", 10, now=1_000_000.0 + first.resets_in).used == 1
    assert len({throttles.count("person", who, 10, now=1_000_000.0).resets_in for who in "abcdef"}) > 1


@pytest.fixture
def deaf_server() -> Iterator[int]:
    """A server that takes connections and never answers, like a frozen Redis."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("state", ["frozen", "absent"])
def test_redis_frozen_or_absent_holds_a_process_up_once(
    state: str, deaf_server: int, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    port = deaf_server if state == "frozen" else 1
    options = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
    backend = "django.core.cache.backends.redis.RedisCache"
    shared = {"BACKEND": backend, "LOCATION": f"redis://127.0.0.1:{port}/0", "OPTIONS": options}
    settings.CACHES = {**settings.CACHES, "counters": shared}
    counters = throttles.Counters()
    began = time.monotonic()
    assert [counters.add_one("k") for _ in range(200)] == list(range(1, 201))
    assert time.monotonic() - began < 2
    assert sum("shared_counters_away" in record.getMessage() for record in caplog.records) == 1
    counters.away_until = 0.0
    settings.CACHES = {
        **settings.CACHES,
        "counters": settings.CACHES["default"] | {"LOCATION": f"test-{time.monotonic_ns()}"},
    }
    assert counters.add_one("k") == 1, "the shared store is asked again once it is back"


@pytest.mark.redis
def test_processes_count_together_through_redis() -> None:
    """Two clients of the cache stand for two processes: nothing is kept but in Redis."""
    key = f"calls:test:{time.monotonic_ns()}"
    one, other = throttles.Counters(), throttles.Counters()
    found = []
    for counters in (one, other, one):
        caches["counters"].close()
        found.append(counters.add_one(key))
    assert found == [1, 2, 3]
    assert caches["default"].get(key) is None
