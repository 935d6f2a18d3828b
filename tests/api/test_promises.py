"""Every route keeps what it promises: access, words, examples, refusals. New routes are walked without being listed."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from marketplace.api.base import ApiView
from marketplace.api.permissions import Public
from marketplace.api.views import ThingViewSet
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.start import description
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup

# Open to everybody, each for a reason; a route that becomes public without being listed here fails.
PUBLIC = {
    "calendars_read": "its key is in the address; any other is not found",
    "root": "where a newcomer starts",
    "schema": "for client generators",
    "docs": "the try-it page",
    "postman": "what to call, with nobody's token in it",
    "errors_list": "linked from refusals",
    "errors_read": "linked from refusals",
    "event_types_list": "read before there is a token",
    "event_types_read": "named by every event; read before there is a token",
    "health_live": "probes have no credentials",
    "health_ready": "probes have no credentials",
    "session_read": "signing in starts here",
    "session_sign_in": "signing in",
    "session_sign_out": "harmless without a session",
}
METHODS = ("get", "post", "put", "patch", "delete")
# Names that are not those of stored things: found or not without a database row.
NAMED_BY_CODE = {"{scheme}", "{step}", "{code}", "{type}"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description()["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


OPERATIONS = list(operations())
IDS = [one["operationId"] for *_, one in OPERATIONS]


def routes(patterns: list[Any] | None = None, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback


def api_routes() -> list[tuple[str, Any]]:
    return [(path, callback) for path, callback in routes() if path.startswith("api/")]


def test_every_route_is_one_of_ours_and_declares_what_it_promises() -> None:
    found = api_routes()
    assert len(found) > 30
    for path, callback in found:
        view = callback.cls
        assert issubclass(view, ApiView), path
        if issubclass(view, ThingViewSet):
            actions = set(callback.actions.values()) - {"head"}
            silent = {action for action in actions if view.contract_of(action) is None}
            assert not silent, f"{path}: {silent}"
        else:
            assert view.contracts, path


def test_view_without_contract_is_denied() -> None:
    class Silent(ApiView):
        tag = "Start"

    assert Silent().contracts == {}
    assert Silent().open_methods() == set()


def test_operations_are_named_once() -> None:
    assert len(IDS) == len(set(IDS))
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in IDS)


@pytest.mark.parametrize(("method", "path", "one"), OPERATIONS, ids=IDS)
def test_operation_is_documented(method: str, path: str, one: dict[str, Any]) -> None:
    assert one["summary"]
    assert len(one["tags"]) == 1
    assert "security" in one
    for media in one.get("requestBody", {}).get("content", {}).values():
        assert "examples" in media, "the body has no example"
    good: list[dict[str, Any]] = [
        answer for status, answer in one["responses"].items() if status in ("200", "201", "202")
    ]
    for answer in good:
        for name, media in answer.get("content", {}).items():
            assert name != "application/json" or "examples" in media, "the answer has no example"
    refusals = {status for status in one["responses"] if status >= "400"}
    public = one["security"] == [{}]
    assert "401" in refusals or public
    assert "404" in refusals or "{" not in path
    assert "400" in refusals
    if method == "patch" and "me" not in path.split(
        "/"
    ):  # one's own choices are nobody else's to have changed meanwhile
        assert {"412", "428"} <= refusals


def test_only_listed_operations_are_public() -> None:
    public = {one["operationId"] for *_, one in OPERATIONS if one["security"] == [{}]}
    assert public == set(PUBLIC)
    for _path, callback in api_routes():
        for contract in callback.cls.contracts.values():
            assert not isinstance(contract.access, Public) or contract.access.reason


def concrete(path: str) -> str:
    return re.sub(r"\{[a-z_]+\}", lambda _: str(uuid4()), path)


CLOSED = [(method, path, one) for method, path, one in OPERATIONS if one["security"] != [{}]]
NAMED = [one for one in CLOSED if "{" in one[1] and not any(part in one[1] for part in NAMED_BY_CODE)]


def call(api: ApiClient, method: str, path: str) -> Any:
    body: dict[str, object] | None = {} if method in ("post", "patch", "put") else None
    return api.call(method.upper(), concrete(path), body, headers={"If-Match": '"1"'} if method != "get" else {})


@pytest.mark.django_db
def test_strangers_are_asked_to_sign_in_everywhere() -> None:
    api = ApiClient()
    for method, path, _one in CLOSED:
        check_problem(call(api, method, path), C.NOT_AUTHENTICATED)


@pytest.mark.django_db
def test_token_without_the_scope_is_refused_everywhere(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.head, at, "audit:read")
    reached = []
    for method, path, one in CLOSED:
        scopes = [scope for way in one["security"] for scope in way.get("BearerToken", [])]
        if not scopes or "audit:read" in scopes:
            reached.append(one["operationId"])
            continue
        check_problem(call(api, method, path), C.INSUFFICIENT_SCOPE)
    assert {"me_read", "audit_list"} <= set(reached)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["head", "viewer", "client"])
def test_what_is_absent_is_not_found_whatever_the_role(role: str, group: SmallGroup, at: datetime) -> None:
    full = {"client": group.client.scopes}.get(role, ())
    api = ApiClient.of(getattr(group, role), at, *full)
    for method, path, one in NAMED:
        answer = call(api, method, path)
        scoped = role == "client" and answer.body["code"] == C.INSUFFICIENT_SCOPE.value
        assert scoped or check_problem(answer, C.NOT_FOUND), one["operationId"]
