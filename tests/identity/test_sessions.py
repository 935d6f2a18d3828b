"""Sessions are seen and ended by their owner, end by themselves, and a new password ends everything."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from marketplace.accounts.models import AccessToken, User
from marketplace.audit.models import AuditRecord
from marketplace.identity.models import BrowserSession
from marketplace.identity.tasks import forget_expired
from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem
from tests.kit.oauth import App, browser_of
from tests.kit.people import PASSWORD, SmallGroup

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False) as traveller:
        yield traveller


def me(browser: Client) -> int:
    return int(browser.get("/api/v1/me").status_code)


def listed(browser: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = browser.get("/api/v1/me/sessions").json()["results"]
    return found


def delete(browser: Client, session: str) -> Any:
    csrf = browser.get("/api/v1/session").json()["csrf_token"]
    return browser.delete(f"/api/v1/me/sessions/{session}", headers={"X-CSRFToken": csrf})


def test_sessions_are_listed_and_one_is_ended(group: SmallGroup) -> None:
    laptop, phone = browser_of("focal"), browser_of("focal")
    phone.get("/", headers={"User-Agent": "Phone 7"}, REMOTE_ADDR="192.0.2.9")
    found = listed(laptop)
    assert [one["current"] for one in found].count(True) == 1
    other = next(one for one in found if not one["current"])
    assert (other["device"], other["address"]) == ("Phone 7", "192.0.2.9")
    assert "session_key" not in other
    assert delete(laptop, other["id"]).status_code == 204
    assert me(phone) == 401
    assert me(laptop) == 200
    assert len(listed(laptop)) == 1


def test_sessions_of_others_are_absent(group: SmallGroup) -> None:
    theirs, mine = browser_of("outsider"), browser_of("focal")
    session = listed(theirs)[0]["id"]
    assert delete(mine, session).status_code == 404
    assert mine.post(f"/account/sessions/{session}/end").status_code == 404
    assert me(theirs) == 200


def test_idle_session_ends(group: SmallGroup, clock: Any) -> None:
    browser = browser_of("focal")
    assert me(browser) == 200
    clock.shift(timedelta(minutes=119))
    assert me(browser) == 200
    clock.shift(timedelta(minutes=121))
    assert me(browser) == 401
    assert browser.get("/account").status_code == 302


def test_session_in_use_ends_after_its_longest_time(group: SmallGroup, clock: Any) -> None:
    browser = browser_of("focal")
    for _ in range(8):
        assert me(browser) == 200
        clock.shift(timedelta(minutes=90))
    clock.shift(timedelta(minutes=1))
    assert me(browser) == 401


def test_use_is_noted_to_the_minute(group: SmallGroup, clock: Any, at: datetime) -> None:
    browser = browser_of("focal")
    me(browser)
    clock.shift(timedelta(seconds=59))
    me(browser)
    assert BrowserSession.objects.get().last_seen_at == at
    clock.shift(timedelta(seconds=1))
    me(browser)
    assert BrowserSession.objects.get().last_seen_at == at + timedelta(minutes=1)


def test_key_that_was_planted_before_the_sign_in_opens_nothing(group: SmallGroup) -> None:
    attacker, victim = Client(), Client()
    session = attacker.session
    session["planted"] = True
    session.save()
    attacker.cookies["sessionid"] = victim.cookies["sessionid"] = session.session_key or ""
    victim.post("/sign-in", {"login": "focal", "password": PASSWORD})
    assert victim.cookies["sessionid"].value != session.session_key
    assert me(victim) == 200
    assert me(attacker) == 401


def test_new_password_ends_everything_else(group: SmallGroup, at: datetime) -> None:
    officer = ApiClient.of(group.officer, at)
    app = App(officer, "requests:read")
    here, there = browser_of("focal"), browser_of("focal")
    script = ApiClient.of(group.focal_point, at)
    granted = app.swap(app.code(there, "requests:read")).body
    assert me(there) == 200
    new = "an even longer passphrase"
    fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    answer = here.post("/account/password", fields)
    assert answer.status_code == 302, answer.content.decode()
    assert me(here) == 200
    assert me(there) == 401
    check_problem(script.get("/me"), C.TOKEN_INVALID)
    check_problem(ApiClient(granted["access_token"]).get("/me"), C.TOKEN_INVALID)
    assert app.refresh(granted["refresh_token"]).body["error"] == "invalid_grant"
    assert Session.objects.count() == 1
    assert Client().post("/sign-in", {"login": "focal", "password": PASSWORD}).status_code == 200


def test_password_set_by_anybody_ends_everything(group: SmallGroup, at: datetime) -> None:
    browser, script = browser_of("focal"), ApiClient.of(group.focal_point, at)
    assert me(browser) == 200
    user = User.objects.get(username="focal")
    user.set_password("set by an administrator")
    user.save()
    assert me(browser) == 401
    check_problem(script.get("/me"), C.TOKEN_INVALID)


def test_new_password_ends_each_token_once_with_those_made_with_it(group: SmallGroup, at: datetime) -> None:
    script = ApiClient.of(group.focal_point, at)
    heir = script.post("/me/tokens", {"name": "heir", "scopes": ["requests:read"]}).body
    group.focal_point.set_password("set by an administrator")
    group.focal_point.save()
    check_problem(ApiClient(heir["token"]).get("/me"), C.TOKEN_INVALID)
    ended = AuditRecord.objects.filter(resource="access_token", action="revoked").values_list("resource_id", flat=True)
    tokens = AccessToken.objects.filter(user=group.focal_point).values_list("public_id", flat=True)
    assert sorted(ended) == sorted(tokens)
    assert len(ended) == 2


@pytest.mark.parametrize("weak", ["qwerty123456", "short", "7291038465201", "focal"])
def test_weak_password_is_refused(weak: str, group: SmallGroup) -> None:
    browser = browser_of("focal")
    fields = {"old_password": PASSWORD, "new_password1": weak, "new_password2": weak}
    answer = browser.post("/account/password", fields)
    assert answer.status_code == 200
    assert 'role="alert"' in answer.content.decode()
    with pytest.raises(ValidationError):
        validate_password(weak, group.focal_point)


def test_account_page_shows_and_ends_what_is_open(group: SmallGroup, at: datetime) -> None:
    app = App(ApiClient.of(group.officer, at), "requests:read")
    browser = browser_of("focal")
    granted = app.swap(app.code(browser, "requests:read")).body
    token = AccessToken.objects.create(
        user=group.focal_point,
        name="Night job",
        prefix="abc",
        digest="x",
        scopes=["requests:read"],
        expires_at=at + timedelta(days=1),
        created_at=at,
        updated_at=at,
    )
    page = browser.get("/account")
    text = page.content.decode()
    for words in ("Night job", "Planner", "this browser"):
        assert words in text
    assert "<script" not in text
    assert "style=" not in text
    assert "default-src 'none'" in page["Content-Security-Policy"]
    ends = [part.split('"')[0] for part in text.split('action="/account/')[1:]]
    for end in sorted(ends, key=lambda end: end.startswith("sessions")):  # this browser last
        assert browser.post(f"/account/{end}").status_code == 302, end
    check_problem(ApiClient(granted["access_token"]).get("/me"), C.TOKEN_INVALID)
    token.refresh_from_db()
    assert token.revoked_at == at
    assert me(browser) == 401


def test_sessions_that_ended_are_forgotten(group: SmallGroup, clock: Any) -> None:
    left, expired = browser_of("focal"), browser_of("outsider")
    for browser in (left, expired):
        assert me(browser) == 200
    clock.shift(timedelta(hours=11))
    used = browser_of("focal")
    assert me(used) == 200
    left.post("/sign-out")
    forget_expired({}, at=timezone.now())
    assert sorted(BrowserSession.objects.values_list("user__username", flat=True)) == ["focal", "outsider"]
    clock.shift(timedelta(hours=1))
    forget_expired({}, at=timezone.now())
    assert list(BrowserSession.objects.values_list("session_key", flat=True)) == [used.cookies["sessionid"].value]
    assert list(Session.objects.values_list("session_key", flat=True)) == [used.cookies["sessionid"].value]
    assert me(used) == 200


def test_application_sees_neither_sessions_nor_tokens_and_makes_none(group: SmallGroup, at: datetime) -> None:
    app = App(ApiClient.of(group.officer, at), "requests:read")
    browser = browser_of("focal")
    api = ApiClient(app.swap(app.code(browser, "requests:read")).body["access_token"])
    check_problem(api.get("/me/sessions"), C.PERMISSION_DENIED)
    check_problem(api.get("/me/tokens"), C.PERMISSION_DENIED)
    body = {"name": "for ever", "scopes": ["requests:read"], "lifetime_days": 366}
    check_problem(api.post("/me/tokens", body), C.PERMISSION_DENIED)
