"""Staff sign in with a second factor where it is required; its secrets lie encrypted, each code works once."""

import re
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings as configured
from django.db import connection
from django.test import Client

from marketplace.identity import cipher, second_factor
from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient
from tests.kit.oauth import App, browser_of
from tests.kit.people import PASSWORD, SmallGroup

pytestmark = pytest.mark.django_db
SET_UP = "/account/second-factor/totp/activate/"
CODE_PAGE = "/account/second-factor/authenticate/"


@pytest.fixture(autouse=True)
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False) as traveller:
        yield traveller


@pytest.fixture
def required(settings: Any) -> None:
    settings.REQUIRE_STAFF_MFA = True


def code_of(secret: str) -> str:
    """Do what an authenticator app does."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def confirmed(browser: Client, path: str) -> Any:
    """Open a page that asks for the password first."""
    asked = browser.get(path)
    assert asked.status_code == 302
    assert asked["Location"].startswith("/account/confirm?next=")
    again = browser.post(asked["Location"], {"password": PASSWORD})
    assert (again.status_code, again["Location"]) == (302, path), again.content.decode()
    return browser.get(path)


def set_up(browser: Client) -> str:
    """Set up an authenticator app and give its secret."""
    page = confirmed(browser, SET_UP)
    found = re.search(r"<code>([A-Z2-7]{32})</code>", page.content.decode())
    assert found, page.content.decode()
    answer = browser.post(SET_UP, {"code": code_of(found[1])})
    assert answer.status_code == 302, answer.content.decode()
    return found[1]


def test_invited_person_with_a_password_sets_one_up(required: None, group: SmallGroup) -> None:
    EmailAddress.objects.create(user=group.head, email="head@agency.example", verified=True)
    browser = browser_of("head")
    set_up(browser)
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("who", ["officer", "head", "auditor"])
def test_staff_without_a_second_factor_reach_its_set_up_alone(who: str, required: None, group: SmallGroup) -> None:
    browser = browser_of(who)
    for path in ("/", "/account", "/oauth/authorize"):
        answer = browser.get(path)
        assert (answer.status_code, answer["Location"]) == (302, SET_UP), path
    refused = browser.get("/api/v1/requests")
    assert (refused.status_code, refused.json()["code"]) == (403, C.SECOND_FACTOR_MISSING.value)
    assert browser.get("/api/v1/me").json()["code"] == C.SECOND_FACTOR_MISSING.value
    assert browser.get("/api/v1/session").json()["signed_in"] is True
    set_up(browser)
    assert browser.get("/account").status_code == 200
    assert browser.get("/api/v1/requests").status_code == 200
    browser.post("/sign-out")
    assert browser.get("/account").status_code == 302


def test_others_and_tokens_go_on_without(required: None, group: SmallGroup, at: datetime) -> None:
    assert browser_of("focal").get("/account").status_code == 200
    assert ApiClient.of(group.officer, at).get("/requests").status_code == 200


def test_nobody_needs_one_where_it_is_not_required(group: SmallGroup) -> None:
    assert configured.REQUIRE_STAFF_MFA is False
    assert browser_of("officer").get("/account").status_code == 200


def test_password_alone_no_longer_signs_in(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    browser = browser_of("officer")
    assert browser.get("/account")["Location"].startswith("/sign-in")
    assert browser.get("/api/v1/me").status_code == 401
    page = browser.get(CODE_PAGE)
    assert page.status_code == 200
    assert browser.post(CODE_PAGE, {"code": "000000"}).status_code == 200
    assert browser.get("/api/v1/me").status_code == 401
    assert browser.post(CODE_PAGE, {"code": code_of(secret)}).status_code == 302
    assert browser.get("/api/v1/me").json()["login"] == "officer"


def test_code_works_once_even_in_another_process(group: SmallGroup, clock: Any) -> None:
    from django.core.cache import cache

    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    first, second = browser_of("officer"), browser_of("officer")
    assert first.post(CODE_PAGE, {"code": code_of(secret)}).status_code == 302
    cache.clear()  # another process has another memory
    assert second.post(CODE_PAGE, {"code": code_of(secret)}).status_code == 200
    clock.shift(timedelta(seconds=30))
    assert second.post(CODE_PAGE, {"code": code_of(secret)}).status_code == 302


def test_code_that_the_tolerance_still_takes_is_refused_once_it_or_a_newer_one_was_used(
    group: SmallGroup, clock: Any
) -> None:
    from django.core.cache import cache

    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    older = code_of(secret)
    clock.shift(timedelta(seconds=30))
    newer = code_of(secret)
    assert browser_of("officer").post(CODE_PAGE, {"code": newer}).status_code == 302
    for used_up in (newer, older):
        cache.clear()
        again = browser_of("officer")
        assert again.post(CODE_PAGE, {"code": used_up}).status_code == 200
        assert again.get("/api/v1/me").status_code == 401
    clock.shift(timedelta(seconds=30))
    cache.clear()
    assert browser_of("officer").post(CODE_PAGE, {"code": newer}).status_code == 200
    assert browser_of("officer").post(CODE_PAGE, {"code": code_of(secret)}).status_code == 302


def test_code_of_a_clock_that_goes_fast_works_once(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=2))
    ahead = code_of(secret)
    clock.shift(timedelta(seconds=-30))
    assert browser_of("officer").post(CODE_PAGE, {"code": ahead}).status_code == 302
    clock.shift(timedelta(seconds=60))  # the neighbour on the other side
    assert browser_of("officer").post(CODE_PAGE, {"code": ahead}).status_code == 200


def test_code_that_set_the_app_up_signs_nobody_in(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    code = code_of(secret)
    clock.shift(timedelta(seconds=30))
    assert browser_of("officer").post(CODE_PAGE, {"code": code}).status_code == 200


def test_factor_of_before_the_step_was_noted_goes_on_from_its_last_use(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    code = code_of(secret)
    assert browser_of("officer").post(CODE_PAGE, {"code": code}).status_code == 302
    row = Authenticator.objects.get(type="totp")
    assert row.data.pop(second_factor.LAST_STEP) == int(time.time()) // 30
    row.save()
    clock.shift(timedelta(seconds=30))
    assert browser_of("officer").post(CODE_PAGE, {"code": code}).status_code == 200
    assert browser_of("officer").post(CODE_PAGE, {"code": code_of(secret)}).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_many_who_send_one_code_at_once_one_is_let_in(
    group: SmallGroup, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = second_factor._fresh_step

    def slowly(*given: Any) -> int | None:
        """Leave the others time between looking at the last step and noting the new one."""
        found = looks(*given)
        time.sleep(0.1)
        return found

    monkeypatch.setattr(second_factor, "_fresh_step", slowly)
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    browsers, code, answers = [browser_of("officer") for _ in range(6)], code_of(secret), []
    barrier = threading.Barrier(len(browsers))

    def attempt(browser: Client) -> None:
        barrier.wait(60)
        try:
            answers.append(browser.post(CODE_PAGE, {"code": code}).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [200] * 5 + [302]


def test_recovery_code_signs_in_once(group: SmallGroup, clock: Any) -> None:
    browser = browser_of("officer")
    set_up(browser)
    page = browser.get("/account/second-factor/recovery-codes/").content.decode()
    codes = re.findall(r"<li><code>([^<]+)</code></li>", page)
    assert len(codes) == 10
    other = browser_of("officer")
    assert other.post(CODE_PAGE, {"code": codes[0]}).status_code == 302
    assert other.get("/api/v1/me").status_code == 200
    again = browser_of("officer")
    assert again.post(CODE_PAGE, {"code": codes[0]}).status_code == 200
    assert again.get("/api/v1/me").status_code == 401


def test_wrong_codes_lock_the_account_like_wrong_passwords(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    browser = browser_of("officer")
    html = {"Accept": "text/html"}
    tries = (f"{number:06}" for number in range(configured.AXES_FAILURE_LIMIT))
    answer = [browser.post(CODE_PAGE, {"code": code}, headers=html) for code in tries][-1]
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert browser.post(CODE_PAGE, {"code": code_of(secret)}).status_code == 429
    assert browser.get("/api/v1/me").status_code == 401
    clock.shift(timedelta(minutes=6))
    assert browser_of("officer").post("/sign-in", {"login": "officer", "password": PASSWORD}).status_code == 302


def test_api_sign_in_asks_for_the_code(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    browser = Client(enforce_csrf_checks=True)
    headers = {"X-CSRFToken": browser.get("/api/v1/session").json()["csrf_token"]}

    def sign_in(**more: str) -> Any:
        body = {"login": "officer", "password": PASSWORD, **more}
        return browser.post("/api/v1/session", body, "application/json", headers=headers)

    for wrong in ({}, {"code": "000000"}, {"code": "x"}):
        refused = sign_in(**wrong)
        assert (refused.status_code, refused.json()["code"]) == (401, C.SECOND_FACTOR_REQUIRED.value)
    assert browser.get("/api/v1/me").status_code == 401
    assert sign_in(code=code_of(secret)).status_code == 200
    assert browser.get("/api/v1/me").status_code == 200


def test_secrets_lie_encrypted_and_outlive_the_rotation_of_the_key(
    group: SmallGroup, settings: Any, clock: Any
) -> None:
    secret = set_up(browser_of("officer"))
    rows = list(Authenticator.objects.values_list("type", "data"))
    assert {kind for kind, _ in rows} == {"totp", "recovery_codes"}
    assert secret not in str(rows)
    kept = dict(rows)["totp"]["secret"]
    assert cipher.decrypt(kept) == secret
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    assert cipher.decrypt(kept) == secret
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(ValueError, match="SECRET_KEY_FALLBACKS"):
        cipher.decrypt(kept)


@pytest.fixture
def of_a_lost_key(group: SmallGroup, settings: Any, clock: Any) -> tuple[str, list[str]]:
    """The secret and the recovery codes of a factor that lies under a key which is gone."""
    present, settings.SECRET_KEY = settings.SECRET_KEY, "a key that will be lost"
    browser = browser_of("officer")
    secret = set_up(browser)
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()
    settings.SECRET_KEY = present
    clock.shift(timedelta(minutes=1))
    return secret, codes


def test_factor_that_cannot_be_read_counts_as_a_wrong_code(of_a_lost_key: tuple[str, list[str]]) -> None:
    secret, codes = of_a_lost_key
    browser, api = browser_of("officer"), Client()
    with structlog.testing.capture_logs() as told:
        for code in (code_of(secret), codes[0]):
            assert browser.post(CODE_PAGE, {"code": code}).status_code == 200
            body = {"login": "officer", "password": PASSWORD, "code": code}
            refused = api.post("/api/v1/session", body, "application/json")
            assert (refused.status_code, refused.json()["code"]) == (401, C.SECOND_FACTOR_REQUIRED.value)
    assert browser.get("/api/v1/me").status_code == 401
    warned = [line for line in told if line["event"] == "second_factor.unreadable"]
    assert {line["kind"] for line in warned} == {"totp", "recovery_codes"}
    assert not any(word in str(warned) for word in (secret, *codes))


def test_recovery_codes_that_can_be_read_work_beside_an_app_that_cannot(
    of_a_lost_key: tuple[str, list[str]], group: SmallGroup
) -> None:
    Authenticator.objects.filter(type="recovery_codes").delete()
    codes = RecoveryCodes.activate(group.officer).get_unused_codes()
    assert browser_of("officer").post(CODE_PAGE, {"code": codes[0]}).status_code == 302


def test_page_of_recovery_codes_that_cannot_be_read_is_not_there(group: SmallGroup) -> None:
    browser = browser_of("officer")
    set_up(browser)
    Authenticator.objects.filter(type="recovery_codes").update(data={"seed": "unreadable", "used_mask": 0})
    assert browser.get("/account/second-factor/recovery-codes/").status_code == 404


def test_switching_off_asks_again_and_staff_must_set_up_anew(required: None, group: SmallGroup) -> None:
    browser = browser_of("officer")
    set_up(browser)
    answer = browser.post("/account/second-factor/totp/deactivate/")
    assert answer.status_code == 302
    assert not Authenticator.objects.exists()
    assert browser.get("/account")["Location"] == SET_UP


def test_lapsed_staff_need_none(required: None, group: SmallGroup) -> None:
    browser = browser_of("officer")
    assert browser.get("/account").status_code == 302
    from marketplace.accounts.models import Membership

    Membership.objects.filter(user=group.officer).delete()
    assert browser.get("/account").status_code == 200


@pytest.mark.parametrize("language", ["en", "fr"])
def test_pages_work_without_script_in_both_languages(language: str, group: SmallGroup) -> None:
    browser = browser_of("officer")
    browser.cookies["django_language"] = language
    set_up(browser)
    paths = ("", "recovery-codes/", "recovery-codes/generate/", "totp/deactivate/")
    pages = [browser.get(f"/account/second-factor/{path}") for path in paths]
    fresh = Client()
    fresh.cookies["django_language"] = language
    fresh.post("/sign-in", {"login": "officer", "password": PASSWORD})
    pages += [
        fresh.get(CODE_PAGE),
        fresh.get("/sign-in/cancelled"),
        fresh.get("/sign-in/inactive"),
    ]
    for page in pages:
        text = page.content.decode()
        assert page.status_code in (200, 403), (page.request["PATH_INFO"], page.headers)
        assert f'<html lang="{language}">' in text
        for forbidden in ("<script", "style=", "<style", "onclick"):
            assert forbidden not in text, page.request["PATH_INFO"]
        assert "default-src 'none'" in page["Content-Security-Policy"]
    assert ("Second facteur" in pages[0].content.decode()) is (language == "fr")


def test_app_gets_nothing_from_staff_without_a_second_factor(required: None, group: SmallGroup, at: datetime) -> None:
    app = App(ApiClient.of(group.officer, at), "requests:read")
    assert browser_of("officer").get(app.address("requests:read"))["Location"] == SET_UP


def test_way_back_survives_the_second_factor(group: SmallGroup, clock: Any) -> None:
    secret = set_up(browser_of("officer"))
    clock.shift(timedelta(minutes=1))
    browser = Client()
    browser.post("/sign-in", {"login": "officer", "password": PASSWORD, "next": "/account/password"})
    assert browser.post(CODE_PAGE, {"code": code_of(secret)})["Location"] == "/account/password"
    away = Client().post("/sign-in", {"login": "focal", "password": PASSWORD, "next": "https://evil.example/"})
    assert away["Location"] == "/"
