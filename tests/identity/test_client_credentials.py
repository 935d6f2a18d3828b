"""Systems get short tokens with their own secret; every right is asked for again at each call."""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from marketplace.accounts.models import ServiceClient
from marketplace.accounts.roles import SCOPES
from marketplace.identity.models import Application, ClientSecret
from marketplace.identity.scopes import WORDS
from marketplace.identity.tasks import forget_expired
from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem
from tests.kit.oauth import client_token, form, new_secret
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer(group: SmallGroup, at: datetime) -> ApiClient:
    return ApiClient.of(group.officer, at)


@pytest.fixture(autouse=True)
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False) as traveller:
        yield traveller


def test_system_gets_a_token_and_acts_in_its_own_name(group: SmallGroup, officer: ApiClient) -> None:
    secret = new_secret(officer, "req-system")
    answer = client_token("req-system", secret, "requests:read organizations:read")
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"].startswith("application/json")
    assert (answer.body["token_type"], answer.body["expires_in"]) == ("Bearer", 900)
    assert "refresh_token" not in answer.body
    me = ApiClient(answer.body["access_token"]).get("/me").body
    assert (me["kind"], me["login"]) == ("client", "req-system")
    assert me["scopes"] == ["organizations:read", "requests:read"]
    assert ApiClient(answer.body["access_token"]).get("/requests").status_code == 200


def test_secret_in_the_body_works_too(group: SmallGroup, officer: ApiClient) -> None:
    secret = new_secret(officer, "req-system")
    answer = form(
        "/oauth/token",
        grant_type="client_credentials",
        client_id="req-system",
        client_secret=secret,
        scope="requests:read",
    )
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("scope", ["", "audit:read", "everything", "requests:read audit:read"])
def test_nothing_is_granted_by_default_and_nothing_beyond_the_client(
    scope: str, group: SmallGroup, officer: ApiClient
) -> None:
    secret = new_secret(officer, "req-system")
    answer = client_token("req-system", secret, scope)
    assert (answer.status_code, answer.body["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        (
            {"grant_type": "client_credentials", "client_id": "req-system", "client_secret": "gmgs_x_y"},
            401,
            "invalid_client",
        ),
        ({"grant_type": "client_credentials", "client_id": "req-system", "client_secret": "!"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "password", "username": "focal", "password": "a long password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_id": "a\x00b"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "scope": "x" * 3000}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "resource": "https://other.example/"}, 400, "invalid_target"),
        (
            {"grant_type": "authorization_code", "code": "😀", "client_id": "req-system"},
            401,
            "invalid_client",
        ),
    ],
)
def test_errors_are_those_of_the_standard(
    fields: dict[str, str], status: int, error: str, group: SmallGroup, officer: ApiClient
) -> None:
    new_secret(officer, "req-system")
    asked: dict[str, Any] = {"grant_type": "", **fields}
    answer = form("/oauth/token", **asked)
    assert (answer.status_code, answer.body["error"]) == (status, error), answer.content
    assert answer["Content-Type"].startswith("application/json")


def test_address_and_method_are_refused_in_json(group: SmallGroup) -> None:
    read = Client().get("/oauth/token")
    assert (read.status_code, read["Allow"], read.json()["error"]) == (405, "POST", "invalid_request")
    leaking = Client().post("/oauth/token?client_secret=x", {"grant_type": "client_credentials"})
    assert (leaking.status_code, leaking.json()["error"]) == (400, "invalid_request")
    json = Client().post("/oauth/token", {"grant_type": "client_credentials"}, "application/json")
    assert (json.status_code, json.json()["error"]) == (400, "unsupported_grant_type")
    broken = Client().post("/oauth/token", {"grant_type": "client_credentials"}, headers={"Authorization": "Basic %%%"})
    assert (broken.status_code, broken.json()["error"]) == (401, "invalid_client")


def test_neither_secret_nor_token_is_stored_or_logged(
    group: SmallGroup, officer: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        secret = new_secret(officer, "req-system")
        token = client_token("req-system", secret, "requests:read").body["access_token"]
        ApiClient(token).get("/me")
        client_token("req-system", f"{secret}x", "requests:read")
    row = get_access_token_model().objects.get()
    assert row.token == ""
    assert row.token_checksum == hashlib.sha256(token.encode()).hexdigest()
    kept = ClientSecret.objects.get()
    assert kept.digest not in ("", secret)
    assert Application.objects.get(client_id="req-system").client_secret == Application.NO_SECRET
    assert secret.split("_", maxsplit=2)[2] not in caplog.text
    assert token not in caplog.text


def test_token_ends_by_itself_and_is_swept(group: SmallGroup, officer: ApiClient, clock: Any) -> None:
    token = client_token("req-system", new_secret(officer, "req-system"), "requests:read").body["access_token"]
    clock.shift(timedelta(seconds=901))
    check_problem(ApiClient(token).get("/me"), C.TOKEN_INVALID)
    clock.shift(timedelta(days=60))
    forget_expired({}, at=datetime.now().astimezone())
    assert not get_access_token_model().objects.exists()


def test_right_is_lost_at_the_next_call(group: SmallGroup, officer: ApiClient) -> None:
    token = client_token("req-system", new_secret(officer, "req-system"), "requests:read requests:write")
    api = ApiClient(token.body["access_token"])
    assert api.get("/requests").status_code == 200
    ServiceClient.objects.filter(pk=group.client.pk).update(scopes=["organizations:read"])
    check_problem(api.get("/requests"), C.INSUFFICIENT_SCOPE)
    officer_sees = officer.get("/service-clients/req-system")
    off = officer.patch("/service-clients/req-system", {"active": False}, If_Match=officer_sees["ETag"])
    assert off.status_code == 200, off.content
    check_problem(api.get("/me"), C.TOKEN_INVALID)


def test_secrets_overlap_while_one_is_rotated(group: SmallGroup, officer: ApiClient, clock: Any) -> None:
    old = new_secret(officer, "req-system")
    made = officer.post("/service-clients/req-system/secrets/rotate", {"overlap_hours": 2})
    assert made.status_code == 201, made.content
    assert made.body["client_id"] == "req-system"
    new = made.body["client_secret"]
    assert client_token("req-system", old, "requests:read").status_code == 200
    assert client_token("req-system", new, "requests:read").status_code == 200
    clock.shift(timedelta(hours=2, seconds=1))
    assert client_token("req-system", old, "requests:read").status_code == 401
    assert client_token("req-system", new, "requests:read").status_code == 200


def test_revoked_secret_ends_with_its_tokens(group: SmallGroup, officer: ApiClient) -> None:
    secret = new_secret(officer, "req-system")
    token = client_token("req-system", secret, "requests:read").body["access_token"]
    listed = officer.get("/service-clients/req-system/secrets").body["results"]
    assert [set(one) & {"client_secret", "digest"} for one in listed] == [set()]
    assert listed[0]["last_used_at"]
    ended = officer.post(f"/service-clients/req-system/secrets/{listed[0]['id']}/revoke")
    assert ended.status_code == 200, ended.content
    assert ended.body["revoked_at"]
    assert client_token("req-system", secret, "requests:read").status_code == 401
    check_problem(ApiClient(token).get("/me"), C.TOKEN_INVALID)


def test_secret_is_shown_once_even_when_the_call_is_repeated(group: SmallGroup, officer: ApiClient) -> None:
    first = officer.post("/service-clients/req-system/secrets", {}, Idempotency_Key="k")
    again = officer.post("/service-clients/req-system/secrets", {}, Idempotency_Key="k")
    assert first.body["client_secret"]
    assert again.body == {**first.body, "client_secret": None}
    assert ClientSecret.objects.count() == 1


def test_secrets_are_the_secretariats_alone(group: SmallGroup, officer: ApiClient, at: datetime) -> None:
    for person in (group.focal_point, group.viewer, group.auditor):
        check_problem(ApiClient.of(person, at).post("/service-clients/req-system/secrets", {}), C.NOT_FOUND)
        check_problem(ApiClient.of(person, at).get("/oauth-applications/planner"), C.NOT_FOUND)
    narrow = ApiClient.of(group.officer, at, "requests:read")
    check_problem(narrow.post("/service-clients/req-system/secrets", {}), C.INSUFFICIENT_SCOPE)


def test_narrow_token_of_an_officer_hands_out_no_more_than_it_has(group: SmallGroup, officer: ApiClient) -> None:
    """Otherwise who gets hold of it registers a system that reads everything, and asks for its secret."""
    narrow = ApiClient.of(group.officer, timezone.now(), "organizations:read", "organizations:write")
    few = {"client_id": "few", "name": "Few", "organization": "REQ", "scopes": ["organizations:read"]}
    many = {**few, "client_id": "many", "scopes": ["organizations:read", "requests:read"]}
    refused = check_problem(narrow.post("/service-clients", many), C.INSUFFICIENT_SCOPE)
    assert "requests:read" in refused["detail"]
    assert narrow.post("/service-clients", few).status_code == 201
    wide = narrow.call("PATCH", "/service-clients/few", {"scopes": many["scopes"]}, headers={"If-Match": "*"})
    check_problem(wide, C.INSUFFICIENT_SCOPE)
    assert narrow.call("PATCH", "/service-clients/few", {"name": "A few"}, headers={"If-Match": "*"}).status_code == 200
    assert narrow.post("/service-clients/few/secrets", {}).status_code == 201
    check_problem(narrow.post("/service-clients/req-system/secrets", {}), C.INSUFFICIENT_SCOPE)
    check_problem(narrow.post("/service-clients/req-system/secrets/rotate", {}), C.INSUFFICIENT_SCOPE)
    app = {"client_id": "app", "name": "App", "organization": "REQ", "redirect_uris": ["https://app.example/back"]}
    check_problem(narrow.post("/oauth-applications", {**app, "scopes": ["requests:read"]}), C.INSUFFICIENT_SCOPE)
    assert officer.post("/oauth-applications", {**app, "scopes": ["organizations:read"]}).status_code == 201
    assert officer.post("/service-clients/req-system/secrets", {}).status_code == 201


def test_introspection_knows_own_tokens_only(group: SmallGroup, officer: ApiClient) -> None:
    secret = new_secret(officer, "req-system")
    token = client_token("req-system", secret, "requests:read").body["access_token"]
    body = {"client_id": "other-system", "name": "Other", "organization": "STR", "scopes": ["requests:read"]}
    assert officer.post("/service-clients", body).status_code == 201
    other = new_secret(officer, "other-system")
    mine = form("/oauth/introspect", basic=("req-system", secret), token=token)
    assert mine.body["active"] is True
    assert (mine.body["scope"], mine.body["client_id"]) == ("requests:read", "req-system")
    theirs = form("/oauth/introspect", basic=("other-system", other), token=token)
    absent = form("/oauth/introspect", basic=("other-system", other), token="gmga_nothing")
    assert theirs.body == {"active": False}
    assert theirs.content == absent.content
    stranger = form("/oauth/introspect", token=token)
    assert (stranger.status_code, stranger.body["error"]) == (401, "invalid_client")
    assert form("/oauth/introspect", basic=("req-system", secret)).body["error"] == "invalid_request"


def test_system_revokes_its_own_token_and_no_other(group: SmallGroup, officer: ApiClient) -> None:
    secret = new_secret(officer, "req-system")
    token = client_token("req-system", secret, "requests:read").body["access_token"]
    body = {"client_id": "other-system", "name": "Other", "organization": "STR", "scopes": ["requests:read"]}
    officer.post("/service-clients", body)
    other = new_secret(officer, "other-system")
    assert form("/oauth/revoke", basic=("other-system", other), token=token).status_code == 200
    assert ApiClient(token).get("/me").status_code == 200
    assert form("/oauth/revoke", basic=("req-system", "wrong"), token=token).body["error"] == "invalid_client"
    assert form("/oauth/revoke", basic=("req-system", secret), token=token).status_code == 200
    check_problem(ApiClient(token).get("/me"), C.TOKEN_INVALID)


def test_token_in_the_address_is_no_credential(group: SmallGroup, officer: ApiClient) -> None:
    token = client_token("req-system", new_secret(officer, "req-system"), "requests:read").body["access_token"]
    assert ApiClient().get(f"/me?access_token={token}").status_code == 401


def test_metadata_says_what_is_true() -> None:
    answer = Client().get("/.well-known/oauth-authorization-server")
    facts = answer.json()
    assert facts["issuer"] == "http://testserver"
    assert facts["token_endpoint"] == "http://testserver/oauth/token"
    assert facts["grant_types_supported"] == ["authorization_code", "client_credentials", "refresh_token"]
    assert facts["response_types_supported"] == ["code"]
    assert facts["code_challenge_methods_supported"] == ["S256"]
    assert facts["scopes_supported"] == sorted(SCOPES)
    assert facts["introspection_endpoint_auth_methods_supported"] == ["client_secret_basic", "client_secret_post"]
    assert "registration_endpoint" not in facts
    for name in ("authorization_endpoint", "token_endpoint", "revocation_endpoint", "introspection_endpoint"):
        assert Client().get(facts[name].removeprefix("http://testserver")).status_code != 404


def test_every_scope_has_words() -> None:
    assert set(WORDS) == set(SCOPES)


def test_one_query_tells_who_a_token_is(
    group: SmallGroup, officer: ApiClient, django_assert_max_num_queries: Any
) -> None:
    token = client_token("req-system", new_secret(officer, "req-system"), "requests:read").body["access_token"]
    from marketplace.api.authentication import actor_of

    with django_assert_max_num_queries(1):
        actor = actor_of(token, at=datetime.now().astimezone())
        assert actor is not None
        assert actor.client is not None
        assert actor.client.organization.code == "REQ"
