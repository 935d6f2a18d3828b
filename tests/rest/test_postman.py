"""The Postman collection says what the API description says: each operation once, callable, with nobody's token."""

import json
from collections.abc import Iterator
from typing import Any

from tests.kit.api import ApiClient

METHODS = ("get", "post", "put", "patch", "delete")


def served() -> dict[str, Any]:
    body: dict[str, Any] = ApiClient().get("/postman").body
    return body


def requests(collection: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for folder in collection["item"]:
        yield from (item["request"] for item in folder["item"])


def test_collection_has_every_operation_once() -> None:
    paths = ApiClient().get("/schema").body["paths"]
    described = [
        (method.upper(), path.replace("{", ":").replace("}", ""))
        for path, operations in paths.items()
        for method in METHODS
        if method in operations
    ]
    collected = [(one["method"], one["url"]["raw"].removeprefix("{{base_url}}")) for one in requests(served())]
    assert sorted(collected) == sorted(described)


def test_collection_calls_this_installation_and_holds_no_token() -> None:
    collection = served()
    variables = {one["key"]: one["value"] for one in collection["variable"]}
    assert variables == {"base_url": "http://testserver", "token": ""}
    assert collection["auth"]["bearer"][0]["value"] == "{{token}}"


def test_request_has_its_example_as_body_its_key_and_the_version_it_must_name() -> None:
    found = {(one["method"], one["url"]["raw"]): one for one in requests(served())}
    create = found["POST", "{{base_url}}/api/v1/requests"]
    assert json.loads(create["body"]["raw"])["lines"]
    headers = {one["key"]: one for one in create["header"]}
    assert headers["Idempotency-Key"]["value"] == "{{$guid}}"
    approve = found["POST", "{{base_url}}/api/v1/proposals/:id/approve"]
    version = next(one for one in approve["header"] if one["key"] == "If-Match")
    assert (version["value"], version["disabled"]) == ("*", False)
    assert [one["key"] for one in approve["url"]["variable"]] == ["id"]


def test_what_needs_no_token_is_called_without_one() -> None:
    found = {one["url"]["raw"]: one for one in requests(served()) if one["method"] == "GET"}
    assert found["{{base_url}}/api/v1/health/live"]["auth"] == {"type": "noauth"}
    assert "auth" not in found["{{base_url}}/api/v1/requests"]


def test_documentation_page_offers_the_collection() -> None:
    page = ApiClient().get("/docs", Accept="text/html").content.decode()
    assert 'href="/api/v1/postman" download=' in page
