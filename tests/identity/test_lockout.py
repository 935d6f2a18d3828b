"""Too many failed tries close an account to the address they came from, for a while and in every process."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import settings
from django.test import Client

from tests.identity.test_second_factor import CODE_PAGE, code_of, set_up
from tests.kit.oauth import browser_of
from tests.kit.people import PASSWORD, SmallGroup

pytestmark = pytest.mark.django_db
TRIES = settings.AXES_FAILURE_LIMIT
WRONG, RIGHT = {"login": "focal", "password": "wrong"}, {"login": "focal", "password": PASSWORD}


@pytest.fixture(autouse=True)
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False) as traveller:
        yield traveller


def fail(times: int, **extra: str) -> Any:
    answer = None
    for _ in range(times):
        answer = Client().post("/sign-in", WRONG, **extra)  # type: ignore[arg-type]
    return answer


def test_page_says_when_to_try_again(group: SmallGroup, clock: Any) -> None:
    assert fail(TRIES - 1).status_code == 200
    locked = Client().post("/sign-in", WRONG, headers={"Accept": "text/html", "Accept-Language": "fr"})
    assert (locked.status_code, locked["Retry-After"]) == (429, "300")
    assert "5 min" in locked.content.decode()
    assert '<html lang="fr">' in locked.content.decode()
    clock.shift(timedelta(minutes=4))
    still = Client().post("/sign-in", RIGHT, headers={"Accept": "text/html"})
    assert (still.status_code, still["Retry-After"]) == (429, "60")
    clock.shift(timedelta(seconds=61))
    assert Client().post("/sign-in", RIGHT).status_code == 302


def test_others_and_other_addresses_are_not_locked(group: SmallGroup) -> None:
    assert fail(TRIES).status_code == 429
    assert Client().post("/sign-in", {"login": "outsider", "password": PASSWORD}).status_code == 302
    assert Client(REMOTE_ADDR="192.0.2.50").post("/sign-in", RIGHT).status_code == 302


def test_addresses_of_one_ipv6_network_are_counted_together(group: SmallGroup) -> None:
    for number in range(TRIES - 1):
        assert Client(REMOTE_ADDR=f"2001:db8:1:2:{number:x}::1").post("/sign-in", WRONG).status_code == 200
    locked = Client(REMOTE_ADDR="2001:db8:1:2:ffff::1").post("/sign-in", WRONG, headers={"Accept": "text/html"})
    assert (locked.status_code, locked["Retry-After"]) == (429, "300")
    assert Client(REMOTE_ADDR="2001:db8:1:2::9").post("/sign-in", RIGHT).status_code == 429
    assert list(AccessAttempt.objects.values_list("ip_address", "failures_since_start")) == [("2001:db8:1:2::", TRIES)]
    assert Client(REMOTE_ADDR="2001:db8:1:3::1").post("/sign-in", RIGHT).status_code == 302


def test_codes_from_one_ipv6_network_are_counted_together(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    browser = browser_of("officer")

    def answered(code: str, number: int) -> int:
        return browser.post(CODE_PAGE, {"code": code}, REMOTE_ADDR=f"2001:db8:1:2::{number:x}").status_code

    assert [answered(f"{number:06}", number) for number in range(TRIES)][-1] == 429
    assert answered(code_of(secret), TRIES) == 429


def test_address_written_as_ipv6_is_the_ipv4_address(group: SmallGroup) -> None:
    assert fail(TRIES, REMOTE_ADDR="192.0.2.9").status_code == 429
    assert Client(REMOTE_ADDR="::ffff:192.0.2.9").post("/sign-in", RIGHT).status_code == 429
    assert Client(REMOTE_ADDR="::ffff:192.0.2.10").post("/sign-in", RIGHT).status_code == 302


def test_server_that_knows_no_address_counts_all_the_same(group: SmallGroup) -> None:
    assert fail(TRIES, REMOTE_ADDR="").status_code == 429


def test_success_forgets_the_failures(group: SmallGroup) -> None:
    fail(TRIES - 1)
    assert Client().post("/sign-in", RIGHT).status_code == 302
    assert fail(TRIES - 1).status_code == 200


def test_forged_forwarding_header_changes_nothing(group: SmallGroup) -> None:
    for number in range(TRIES - 1):
        Client().post("/sign-in", WRONG, headers={"X-Forwarded-For": f"198.51.100.{number}"})
    last = Client().post("/sign-in", WRONG, headers={"X-Forwarded-For": "203.0.113.1"})
    assert last.status_code == 429


def test_trusted_proxy_tells_the_address(group: SmallGroup, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    headers = {"X-Forwarded-For": "10.0.0.1, 198.51.100.7"}
    answers = [Client().post("/sign-in", WRONG, headers=headers) for _ in range(TRIES)]
    assert answers[-1].status_code == 429
    other = Client().post("/sign-in", RIGHT, headers={"X-Forwarded-For": "10.0.0.1, 198.51.100.8"})
    assert other.status_code == 302


def test_api_answers_a_problem(group: SmallGroup) -> None:
    fail(TRIES)
    browser = Client(enforce_csrf_checks=True)
    csrf = browser.get("/api/v1/session").json()["csrf_token"]
    body = {"login": "focal", "password": PASSWORD}
    headers = {"X-CSRFToken": csrf, "Accept-Language": "fr"}
    answer = browser.post("/api/v1/session", body, "application/json", headers=headers)
    assert (answer.status_code, answer["Retry-After"]) == (429, "300")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "sign_in_locked"
    assert answer.json()["title"] != "Sign-in is locked"
