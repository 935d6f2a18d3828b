"""What breaks a client is seen and must be told; what is added passes."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tooling import breaking

BASE: dict[str, Any] = {
    "paths": {
        "/things": {
            "get": {
                "security": [{"BearerToken": ["things:read"]}],
                "parameters": [{"$ref": "#/components/parameters/q"}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                    "404": {"description": "Absent."},
                },
            },
            "post": {
                "security": [{}],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/ThingIn"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
                },
            },
        }
    },
    "components": {
        "parameters": {"q": {"in": "query", "name": "q", "schema": {"type": "string", "maxLength": 200}}},
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "state": {"type": "string", "enum": ["a", "b"]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                },
            },
            "ThingIn": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "kind": {"type": "string", "enum": ["x", "y"]},
                    "number": {"type": ["number", "null"], "minimum": 0},
                },
            },
        },
    },
}
Change = Callable[[dict[str, Any]], object]


def things(document: dict[str, Any]) -> Any:
    return document["paths"]["/things"]


def shape(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def member(document: dict[str, Any], name: str, of: str) -> Any:
    return shape(document, name)["properties"][of]


BREAKING: dict[str, Change] = {
    "GET /things": lambda d: things(d).pop("get"),
    "GET /things: parameter q": lambda d: things(d)["get"].update(parameters=[]),
    "GET /things: parameter q maxLength": lambda d: d["components"]["parameters"]["q"]["schema"].update(maxLength=20),
    "GET /things: parameter q required": lambda d: d["components"]["parameters"]["q"].update(required=True),
    "GET /things: security BearerToken things:read": lambda d: things(d)["get"].update(
        security=[{"BearerToken": ["a:b"]}]
    ),
    "GET /things: 200": lambda d: things(d)["get"]["responses"].pop("200"),
    "GET /things: 200 application/json": lambda d: things(d)["get"]["responses"]["200"]["content"].clear(),
    "GET /things: 200 state": lambda d: shape(d, "Thing")["properties"].pop("state"),
    "GET /things: 200 name optional": lambda d: shape(d, "Thing").pop("required"),
    "GET /things: 200 name null": lambda d: member(d, "Thing", "name").update(type=["string", "null"]),
    "GET /things: 200 name integer": lambda d: member(d, "Thing", "name").update(type="integer"),
    "POST /things: body kind": lambda d: shape(d, "ThingIn")["properties"].pop("kind"),
    'POST /things: body kind enum "y"': lambda d: member(d, "ThingIn", "kind").update(enum=["x"]),
    "POST /things: body kind required": lambda d: shape(d, "ThingIn").update(required=["name", "kind"]),
    "POST /things: body name maxLength": lambda d: member(d, "ThingIn", "name").update(maxLength=50),
    "POST /things: body name pattern": lambda d: member(d, "ThingIn", "name").update(pattern="^a"),
    "POST /things: body name minLength": lambda d: member(d, "ThingIn", "name").update(minLength=3),
    "POST /things: body number minimum": lambda d: member(d, "ThingIn", "number").update(minimum=1),
    "POST /things: body number null": lambda d: member(d, "ThingIn", "number").update(type="number"),
    "POST /things: body": lambda d: things(d)["post"].pop("requestBody"),
}
HARMLESS: dict[str, Change] = {
    "a route": lambda d: d["paths"].update({"/more": {"get": {"responses": {}}}}),
    "an optional parameter": lambda d: things(d)["get"]["parameters"].append(
        {"in": "query", "name": "more", "schema": {"type": "string"}}
    ),
    "a member that is answered": lambda d: shape(d, "Thing")["properties"].update(more={"type": "string"}),
    "an optional member that is sent": lambda d: shape(d, "ThingIn")["properties"].update(more={"type": "string"}),
    "a value that is answered": lambda d: member(d, "Thing", "state").update(enum=["a", "b", "c"]),
    "a value that is sent": lambda d: member(d, "ThingIn", "kind").update(enum=["x", "y", "z"]),
    "a wider limit": lambda d: member(d, "ThingIn", "name").update(maxLength=101),
    "a way to sign in": lambda d: things(d)["get"]["security"].append({"OAuth2": ["things:read"]}),
    "no sign-in any more": lambda d: things(d)["get"].update(security=[{}]),
    "other words": lambda d: member(d, "Thing", "name").update(description="Another."),
    "a refusal less": lambda d: things(d)["get"]["responses"].pop("404"),
}


def changed(change: Change) -> dict[str, Any]:
    after = deepcopy(BASE)
    change(after)
    return after


@pytest.mark.parametrize("name", BREAKING)
def test_what_breaks_is_named(name: str) -> None:
    found = set(breaking.Comparison(BASE, changed(BREAKING[name])).changes())
    assert name in found


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_added_passes(name: str) -> None:
    assert list(breaking.Comparison(BASE, changed(HARMLESS[name])).changes()) == []


def test_break_without_an_entry_is_a_problem_and_with_one_it_passes() -> None:
    after = changed(BREAKING["GET /things"])
    silent = "# Changes\n\n## 2.0.0\n\n- Words.\n\n## 1.0.0\n\n### Breaking\n- `GET /things`: an old entry\n"
    told = silent.replace("- Words.", "### Breaking\n- `GET /things`: use the others.")
    assert len(breaking.problems(BASE, after, silent)) == 1
    assert breaking.problems(BASE, after, told) == []
    assert breaking.problems(BASE, BASE, told) == ["openapi/CHANGELOG.md tells of a break that is none: `GET /things`"]


def test_prose_is_left_out_and_names_are_kept() -> None:
    shape = {"description": "words", "properties": {"description": {"type": "string", "title": "T"}, "tags": {}}}
    assert breaking.bare(shape) == {"properties": {"description": {"type": "string"}, "tags": {}}}


def test_what_was_promised_is_read_and_kept() -> None:
    before = breaking.promised()
    assert len(before["paths"]) > 100
    assert list(breaking.Comparison(before, before).changes()) == []
