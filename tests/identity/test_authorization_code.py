"""Apps act for people who agreed, with PKCE, and never further than the people themselves."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from oauth2_provider.models import get_access_token_model, get_refresh_token_model

from marketplace.accounts.models import Membership, User
from marketplace.identity.models import Application
from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.oauth import CALLBACK, App, browser_of, form, hidden
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False) as traveller:
        yield traveller


@pytest.fixture
def officer(group: SmallGroup, at: datetime) -> ApiClient:
    return ApiClient.of(group.officer, at)


@pytest.fixture
def app(officer: ApiClient) -> App:
    return App(officer, "requests:read", "requests:write", "audit:read")


@pytest.fixture
def browser(group: SmallGroup) -> Client:
    return browser_of("focal")


def tokens(app: App, browser: Client, scope: str = "requests:read") -> dict[str, Any]:
    answer = app.swap(app.code(browser, scope))
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.body
    return body


def test_app_acts_for_the_person_within_scope_and_role(app: App, browser: Client) -> None:
    found = tokens(app, browser, "requests:read audit:read")
    assert found["expires_in"] == 900
    api = ApiClient(found["access_token"])
    me = api.get("/me").body
    assert (me["kind"], me["login"], me["scopes"]) == ("user", "focal", ["audit:read", "requests:read"])
    assert api.get("/requests").status_code == 200
    check_problem(api.get("/audit"), C.PERMISSION_DENIED)  # scope without role
    check_problem(api.post("/requests", {}), C.INSUFFICIENT_SCOPE)  # role without scope


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        ("en", "Let Planner act for you?", "Read training requests"),
        ("fr", "Autoriser Planner à agir en votre nom", "Lire les demandes de formation"),
    ],
)
def test_consent_page_says_in_words_what_is_asked(
    language: str, title: str, words: str, app: App, browser: Client
) -> None:
    answer = browser.get(app.address("requests:read"), headers={"Accept-Language": language})
    page = answer.content.decode()
    assert f'<html lang="{language}">' in page
    assert title in page
    assert words in page
    assert CALLBACK in page
    assert "<script" not in page
    assert "style=" not in page
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://app.example" in policy
    assert answer["Cache-Control"] == "no-store"


def test_person_who_declines_sends_the_app_away(app: App, browser: Client) -> None:
    page = browser.get(app.address("requests:read")).content.decode()
    sent = browser.post(app.address("requests:read"), hidden(page))
    assert sent.status_code == 302
    assert sent["Location"].startswith(f"{CALLBACK}?error=access_denied")
    assert "state=s1" in sent["Location"]


def test_stranger_signs_in_first(app: App) -> None:
    sent = Client().get(app.address("requests:read"))
    assert sent.status_code == 302
    assert sent["Location"].startswith("/sign-in?next=/oauth/authorize")


def test_consent_is_asked_again_whatever_the_address_says(app: App, browser: Client) -> None:
    tokens(app, browser)
    again = browser.get(app.address("requests:read", approval_prompt="auto"))
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "x" * 200}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "magic"}, "unsupported_response_type"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "organizations:write"}, "invalid_scope"),
    ],
)
def test_app_is_told_what_is_wrong(changed: dict[str, str], error: str, app: App, browser: Client) -> None:
    sent = browser.get(app.address(**{"scope": "requests:read", **changed}))
    assert sent.status_code == 302, sent.content
    assert sent["Location"].startswith(CALLBACK)
    assert f"error={error}" in sent["Location"]


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": f"{CALLBACK}/../other"},
        {"client_id": "nobody"},
        {"client_id": "a\x00b"},
        {"state": "x" * 3000},
        {"resource": "https://other.example/"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    changed: dict[str, str], app: App, browser: Client
) -> None:
    answer = browser.get(app.address("requests:read", **changed))
    assert answer.status_code == 400
    assert "evil" not in answer.get("Content-Security-Policy", "")
    assert "This application cannot go on" in answer.content.decode()


def test_tampered_form_is_refused(app: App, browser: Client) -> None:
    fields = hidden(browser.get(app.address("requests:read")).content.decode())
    for wrong in ({"client_id": "nobody"}, {"client_id": "\x00"}, {"redirect_uri": "https://evil.example/"}):
        answer = browser.post(app.address("requests:read"), {**fields, **wrong, "allow": "true"})
        assert answer.status_code == 400, wrong
    wider = browser.post(app.address("requests:read"), {**fields, "scope": "organizations:write", "allow": "true"})
    assert "error=invalid_scope" in wider["Location"]
    for weak in ({"code_challenge_method": "plain"}, {"code_challenge": "x" * 200}, {"nonce": "x" * 300}):
        answer = browser.post(app.address("requests:read"), {**fields, **weak, "allow": "true"})
        assert answer.status_code == 400, weak


def test_code_needs_its_verifier_and_works_once(app: App, browser: Client, clock: Any) -> None:
    code = app.code(browser, "requests:read")
    assert app.swap(code, code_verifier="x" * 43).body["error"] == "invalid_grant"
    code = app.code(browser, "requests:read")
    assert app.swap(code, code_verifier="").body["error"] in ("invalid_grant", "invalid_request")
    code = app.code(browser, "requests:read")
    assert app.swap(code).status_code == 200
    assert app.swap(code).body["error"] == "invalid_grant"
    late = app.code(browser, "requests:read")
    clock.shift(timedelta(seconds=61))
    assert app.swap(late).body["error"] == "invalid_grant"


def test_refresh_token_is_rotated_and_its_reuse_ends_the_family(app: App, browser: Client) -> None:
    first = tokens(app, browser)
    second = app.refresh(first["refresh_token"])
    assert second.status_code == 200, second.content
    assert second.body["refresh_token"] != first["refresh_token"]
    check_problem(ApiClient(first["access_token"]).get("/me"), C.TOKEN_INVALID)
    assert ApiClient(second.body["access_token"]).get("/me").status_code == 200
    stolen = app.refresh(first["refresh_token"])
    assert (stolen.status_code, stolen.body["error"]) == (400, "invalid_grant")
    check_problem(ApiClient(second.body["access_token"]).get("/me"), C.TOKEN_INVALID)
    assert app.refresh(second.body["refresh_token"]).body["error"] == "invalid_grant"


def test_tokens_are_stored_as_digests(app: App, browser: Client) -> None:
    tokens(app, browser)
    assert {row.token for row in get_access_token_model().objects.all()} == {""}
    assert {row.token for row in get_refresh_token_model().objects.all()} == {""}


def test_refresh_token_lives_a_month(app: App, browser: Client, clock: Any) -> None:
    found = tokens(app, browser)
    clock.shift(timedelta(days=31))
    assert app.refresh(found["refresh_token"]).body["error"] == "invalid_grant"


def test_right_is_lost_at_the_next_call(app: App, browser: Client, officer: ApiClient, group: SmallGroup) -> None:
    found = tokens(app, browser)
    api = ApiClient(found["access_token"])
    membership = Membership.objects.filter(user=group.focal_point)
    membership.update(valid_to=date(2026, 11, 22))
    check_problem(api.get("/requests"), C.PERMISSION_DENIED)
    membership.update(valid_to=None)
    assert api.get("/requests").status_code == 200
    narrowed = officer.patch("/oauth-applications/planner", {"scopes": ["requests:write"]}, If_Match=app.etag)
    assert narrowed.status_code == 200, narrowed.content
    check_problem(api.get("/requests"), C.INSUFFICIENT_SCOPE)
    User.objects.filter(pk=group.focal_point.pk).update(is_active=False)
    check_problem(api.get("/me"), C.TOKEN_INVALID)
    assert app.refresh(found["refresh_token"]).body["error"] == "invalid_grant"


def test_inactive_app_gets_and_uses_nothing(app: App, browser: Client, officer: ApiClient) -> None:
    found = tokens(app, browser)
    code = app.code(browser, "requests:read")
    assert officer.patch("/oauth-applications/planner", {"active": False}, If_Match=app.etag).status_code == 200
    check_problem(ApiClient(found["access_token"]).get("/me"), C.TOKEN_INVALID)
    assert app.swap(code).body["error"] == "invalid_client"
    assert app.refresh(found["refresh_token"]).body["error"] == "invalid_client"
    assert browser.get(app.address("requests:read")).status_code == 400


def test_app_ends_its_tokens(app: App, browser: Client) -> None:
    found = tokens(app, browser)
    ended = form("/oauth/revoke", token=found["refresh_token"], client_id=app.client_id)
    assert ended.status_code == 200, ended.content
    check_problem(ApiClient(found["access_token"]).get("/me"), C.TOKEN_INVALID)
    assert app.refresh(found["refresh_token"]).body["error"] == "invalid_grant"


def test_confidential_app_needs_its_secret_as_well(officer: ApiClient, browser: Client) -> None:
    app = App(officer, "requests:read", client_id="server-app", confidential=True)
    made = officer.post("/oauth-applications/server-app/secrets", {})
    assert made.status_code == 201, made.content
    assert app.swap(app.code(browser, "requests:read")).body["error"] == "invalid_client"
    secret = made.body["client_secret"]
    assert app.swap(app.code(browser, "requests:read"), client_secret=secret).status_code == 200


def test_public_app_has_no_secret(app: App, officer: ApiClient) -> None:
    refused = check_problem(officer.post("/oauth-applications/planner/secrets", {}), C.RULE_BROKEN)
    assert places(refused) == {"": "public_application"}
    assert form("/oauth/introspect", client_id="planner", token="x").status_code == 401


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example/cb",
        "javascript:alert(1)",
        "https://app.example/cb#x",
        "https://a@app.example/",
        "https://",
        "https://*.app.example/",
        "//app.example/",
        "https://app.example/a b",
    ],
)
def test_redirect_address_must_be_safe(uri: str, officer: ApiClient) -> None:
    body = {"client_id": "bad", "name": "Bad", "organization": "REQ", "scopes": ["requests:read"]}
    refused = check_problem(
        officer.post("/oauth-applications", {**body, "redirect_uris": [CALLBACK, uri]}), C.RULE_BROKEN
    )
    assert places(refused) == {"/redirect_uris/1": "invalid_redirect"}
    assert not Application.objects.exists()


def test_client_id_is_taken_once_among_systems_and_apps(app: App, officer: ApiClient) -> None:
    body = {"name": "X", "organization": "REQ", "scopes": ["requests:read"]}
    for client_id in ("planner", "req-system"):
        answer = officer.post("/oauth-applications", {**body, "client_id": client_id, "redirect_uris": [CALLBACK]})
        check_problem(answer, C.DUPLICATE)
    assert officer.get("/oauth-applications").body["results"][0]["client_id"] == "planner"
