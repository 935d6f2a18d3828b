from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client

from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup, token_of

pytestmark = pytest.mark.django_db
SIGN_IN = {"login": "focal", "password": "a long password"}


def test_me_says_roles_permissions_and_scopes(group: SmallGroup, at: datetime) -> None:
    me = ApiClient.of(group.focal_point, at, "requests:read").get("/me").body
    assert me["roles"] == [{"organization": "REQ", "role": "focal_point", "countries": [], "programmes": []}]
    assert me["scopes"] == ["requests:read"]
    assert me["permissions"] == ["requests.read"]
    system = ApiClient.of(group.client, at).get("/me").body
    assert (system["kind"], system["login"]) == ("client", "req-system")


def test_language_of_the_person_is_used_until_another_is_asked_for(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.focal_point, at)
    assert api.patch("/me", {"locale": "fr"}).body["locale"] == "fr"
    assert api.get("/me")["Content-Language"] == "fr"
    assert api.get("/me", Accept_Language="en-GB, fr;q=0.5")["Content-Language"] == "en"
    wrong = check_problem(api.patch("/me", {"locale": "tlh"}), C.INVALID_INPUT)
    assert wrong["errors"][0]["allowed"] == ["en", "fr"]
    check_problem(ApiClient.of(group.client, at).patch("/me", {"locale": "fr"}), C.PERMISSION_DENIED)


def test_new_token_is_shown_once_and_works(group: SmallGroup, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        api = ApiClient.of(group.focal_point, at, "requests:read", "organizations:read")
        made = api.post("/me/tokens", {"name": "script", "scopes": ["organizations:read"], "lifetime_days": 1})
        assert made.status_code == 201, made.content
        fresh = ApiClient(made.body["token"])
        assert fresh.get("/organizations").status_code == 200
        shown = fresh.get(made["Location"]).body
        assert "token" not in shown
        ended = fresh.post(f"/me/tokens/{made.body['id']}/revoke")
        assert ended.body["revoked_at"]
        refused = fresh.get("/organizations")
        check_problem(refused, C.TOKEN_INVALID)
        assert "Bearer" in refused["WWW-Authenticate"]


def test_token_cannot_reach_further_than_the_one_that_makes_it(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.focal_point, at, "requests:read")
    body = {"name": "wider", "scopes": ["requests:read", "requests:write"]}
    check_problem(api.post("/me/tokens", body), C.INSUFFICIENT_SCOPE)
    wrong = check_problem(api.post("/me/tokens", {"name": "x", "scopes": ["everything"]}), C.INVALID_INPUT)
    assert places(wrong) == {"/scopes/0": "invalid_choice"}


def test_token_made_with_a_token_lives_no_longer_whichever_way(group: SmallGroup, at: datetime) -> None:
    body = {"name": "heir", "scopes": ["catalogue:read"]}
    with time_machine.travel(at, tick=False):
        api = ApiClient(token_of(group.focal_point, at, "catalogue:read", days=10))
        wrong = check_problem(api.post("/me/tokens", {**body, "lifetime_days": 366}), C.RULE_BROKEN)
        assert places(wrong) == {"/lifetime_days": "outlives_its_maker"}
        assert "10 at most" in wrong["errors"][0]["detail"]
        heir = api.post("/me/tokens", body)
        assert heir.status_code == 201, heir.content
        assert heir.body["expires_at"] == "2026-12-03T09:00:00Z"
        of_heir = ApiClient(heir.body["token"]).post("/me/tokens", {**body, "lifetime_days": 10})
        assert of_heir.body["expires_at"] == "2026-12-03T09:00:00Z"


def test_revoked_token_takes_what_was_made_with_it_along(group: SmallGroup, at: datetime) -> None:
    body = {"name": "heir", "scopes": ["catalogue:read"]}
    with time_machine.travel(at, tick=False):
        person = ApiClient.of(group.focal_point, at)
        leaked = person.post("/me/tokens", body).body
        heir = ApiClient(leaked["token"]).post("/me/tokens", body).body
        last = ApiClient(heir["token"]).post("/me/tokens", body).body
        assert person.post(f"/me/tokens/{leaked['id']}/revoke").status_code == 200
        for made in (leaked, heir, last):
            check_problem(ApiClient(made["token"]).get("/me"), C.TOKEN_INVALID)
        assert person.get("/me").status_code == 200


def test_narrow_token_finds_itself_and_its_heirs_alone(group: SmallGroup, at: datetime) -> None:
    body = {"name": "heir", "scopes": ["catalogue:read"]}
    with time_machine.travel(at, tick=False):
        person, other = ApiClient.of(group.focal_point, at), ApiClient.of(group.focal_point, at, "catalogue:read")
        made = person.post("/me/tokens", body).body
        narrow = ApiClient(made["token"])
        heir = narrow.post("/me/tokens", body).body
        everything = {row["id"] for row in person.get("/me/tokens").body["results"]}
        assert len(everything) == 4
        assert {row["id"] for row in narrow.get("/me/tokens").body["results"]} == {made["id"], heir["id"]}
        for unseen in everything - {made["id"], heir["id"]}:
            check_problem(narrow.get(f"/me/tokens/{unseen}"), C.NOT_FOUND)
            check_problem(narrow.post(f"/me/tokens/{unseen}/revoke"), C.NOT_FOUND)
        check_problem(ApiClient(heir["token"]).post(f"/me/tokens/{made['id']}/revoke"), C.NOT_FOUND)
        assert narrow.post(f"/me/tokens/{heir['id']}/revoke").body["revoked_at"]
        own = other.get("/me/tokens").body["results"]
        assert len(own) == 1
        assert other.post(f"/me/tokens/{own[0]['id']}/revoke").status_code == 200
        check_problem(other.get("/me"), C.TOKEN_INVALID)


def test_token_of_a_system_finds_itself_alone_and_may_end(group: SmallGroup, at: datetime) -> None:
    beside, system = ApiClient.of(group.client, at), ApiClient.of(group.client, at, "requests:read")
    (own,) = system.get("/me/tokens").body["results"]
    (other,) = beside.get("/me/tokens").body["results"]
    check_problem(system.post(f"/me/tokens/{other['id']}/revoke"), C.NOT_FOUND)
    assert system.post(f"/me/tokens/{own['id']}/revoke").status_code == 200
    check_problem(system.get("/me"), C.TOKEN_INVALID)
    assert beside.get("/me").status_code == 200


def test_session_makes_tokens_of_any_lifetime(group: SmallGroup, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        browser = Browser()
        browser.post(SIGN_IN, browser.token())
        body = {"name": "script", "scopes": ["requests:read"], "lifetime_days": 366}
        made = browser.client.post(
            "/api/v1/me/tokens", body, "application/json", headers={"X-CSRFToken": browser.token()}
        )
        assert made.status_code == 201, made.content
        assert made.json()["expires_at"] == "2027-11-24T09:00:00Z"


def test_replayed_creation_of_a_token_does_not_show_it_again(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.focal_point, at)
    body = {"name": "script", "scopes": ["requests:read"]}
    first = api.post("/me/tokens", body, Idempotency_Key="k1")
    again = api.post("/me/tokens", body, Idempotency_Key="k1")
    assert first.body["token"]
    assert again.body == {**first.body, "token": None}
    assert again["Idempotency-Replayed"] == "true"


def test_tokens_of_others_are_absent(group: SmallGroup, at: datetime) -> None:
    theirs = ApiClient.of(group.outsider, at).get("/me/tokens").body["results"][0]["id"]
    check_problem(ApiClient.of(group.focal_point, at).post(f"/me/tokens/{theirs}/revoke"), C.NOT_FOUND)


def test_expired_token_is_refused(group: SmallGroup, at: datetime) -> None:
    token = token_of(group.focal_point, at, days=10)
    with time_machine.travel(at + timedelta(days=11), tick=False):
        check_problem(ApiClient(token).get("/me"), C.TOKEN_INVALID)


def test_secretariat_makes_tokens_for_systems(group: SmallGroup, at: datetime) -> None:
    body = {"name": "production", "scopes": ["requests:read"]}
    made = ApiClient.of(group.officer, at).post("/service-clients/req-system/tokens", body)
    assert made.status_code == 201, made.content
    assert ApiClient(made.body["token"]).get("/me").body["kind"] == "client"
    own = ApiClient.of(group.focal_point, at)
    check_problem(own.post("/service-clients/req-system/tokens", body), C.NOT_FOUND)


class Browser:
    """A browser with cookies, which Django checks for CSRF."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)

    def token(self) -> str:
        return str(self.client.get("/api/v1/session").json()["csrf_token"])

    def post(self, body: dict[str, str], token: str) -> object:
        return self.client.post("/api/v1/session", body, "application/json", headers={"X-CSRFToken": token})


def test_session_signs_in_and_out_with_the_csrf_token(group: SmallGroup) -> None:
    browser = Browser()
    assert browser.client.get("/api/v1/session").json()["signed_in"] is False
    signed_in = browser.post(SIGN_IN, browser.token())
    assert signed_in.status_code == 200, signed_in.content  # type: ignore[attr-defined]
    assert browser.client.get("/api/v1/me").json()["login"] == "focal"
    bare = browser.client.patch("/api/v1/me", {"locale": "fr"}, "application/json")
    assert bare.status_code == 403
    with_token = browser.client.patch(
        "/api/v1/me", {"locale": "fr"}, "application/json", headers={"X-CSRFToken": browser.token()}
    )
    assert with_token.json()["locale"] == "fr"
    out = browser.client.delete("/api/v1/session", headers={"X-CSRFToken": browser.token()})
    assert out.status_code == 204
    assert browser.client.get("/api/v1/me").status_code == 401


def test_sign_in_without_csrf_token_or_with_a_wrong_password_is_refused(group: SmallGroup) -> None:
    browser = Browser()
    assert browser.post(SIGN_IN, "").status_code == 403  # type: ignore[attr-defined]
    for _ in range(9):
        wrong = browser.post({**SIGN_IN, "password": "wrong"}, browser.token())
        assert wrong.status_code == 401  # type: ignore[attr-defined]
    assert browser.post({**SIGN_IN, "password": "wrong"}, browser.token()).status_code == 429  # type: ignore[attr-defined]
    locked = browser.post(SIGN_IN, browser.token())
    assert locked.status_code == 429  # type: ignore[attr-defined]
    assert int(locked["Retry-After"]) > 0  # type: ignore[index]
