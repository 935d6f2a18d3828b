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
                "parameters": [{"$ref": "#/components/parameters/q"}, {"$ref": "#/components/parameters/state"}],
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                        "headers": {"ETag": {"$ref": "#/components/headers/ETag"}},
                    },
                    "304": {},
                    "404": {"$ref": "#/components/responses/Refusal"},
                    "409": {"$ref": "#/components/responses/Refusal"},
                },
            },
            "patch": {
                "security": [{}],
                "requestBody": {
                    "content": {"application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/ThingPatch"}}}
                },
                "responses": {},
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
    "webhooks": {
        "thing.made": {
            "post": {
                "requestBody": {
                    "content": {
                        "application/cloudevents+json": {
                            "schema": {
                                "allOf": [
                                    {"$ref": "#/components/schemas/Event"},
                                    {
                                        "type": "object",
                                        "properties": {
                                            "data": {"$ref": "#/components/schemas/EventDataThing"},
                                            "type": {"type": "string", "const": "thing.made"},
                                        },
                                    },
                                ]
                            }
                        }
                    }
                }
            }
        }
    },
    "components": {
        "headers": {"ETag": {"schema": {"type": "string"}}},
        "parameters": {
            "q": {"in": "query", "name": "q", "schema": {"type": "string", "maxLength": 200, "default": "all"}},
            "state": {
                "in": "query",
                "name": "state",
                "style": "form",
                "explode": False,
                "schema": {"type": "array", "items": {"type": "string"}},
            },
        },
        "responses": {
            "Refusal": {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
        },
        "securitySchemes": {
            "BearerToken": {"type": "http", "scheme": "bearer"},
            "OAuth2": {
                "type": "oauth2",
                "flows": {
                    "clientCredentials": {
                        "tokenUrl": "/oauth/token",
                        "scopes": {"things:read": "Read things", "things:write": "Write things"},
                    }
                },
            },
        },
        "schemas": {
            "Event": {
                "type": "object",
                "required": ["data"],
                "properties": {"data": {"type": "object"}, "type": {"type": "string"}},
            },
            "EventDataThing": {"type": "object", "properties": {"into": {"type": "string"}}},
            "Period": {
                "type": "object",
                "required": ["start"],
                "properties": {"start": {"type": "string"}, "precision": {"type": "string"}},
            },
            "PeriodIn": {
                "type": "object",
                "properties": {"start": {"type": "string"}, "precision": {"type": "string", "enum": ["day", "year"]}},
            },
            "Problem": {"type": "object", "properties": {"code": {"type": "string"}}},
            "ThingPatch": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "whole": {"allOf": [{"$ref": "#/components/schemas/ThingPatch"}]},
                },
            },
            "Thing": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "state": {"type": "string", "enum": ["a", "b"]},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "period": {"oneOf": [{"$ref": "#/components/schemas/Period"}, {"type": "null"}], "readOnly": True},
                    "whole": {"oneOf": [{"$ref": "#/components/schemas/Thing"}, {"type": "null"}]},
                },
            },
            "ThingIn": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "maxLength": 100},
                    "kind": {"type": "string", "enum": ["x", "y"]},
                    "number": {"type": ["number", "null"], "minimum": 0},
                    "size": {"type": "integer", "default": 50},
                    "window": {"oneOf": [{"$ref": "#/components/schemas/PeriodIn"}, {"type": "null"}]},
                    "precision": {"oneOf": [{"type": "string", "enum": ["day", "year"]}, {"type": "null"}]},
                },
            },
        },
    },
}
Change = Callable[[dict[str, Any]], object]


def event(document: dict[str, Any]) -> Any:
    return document["webhooks"]["thing.made"]["post"]["requestBody"]["content"]["application/cloudevents+json"][
        "schema"
    ]


def things(document: dict[str, Any]) -> Any:
    return document["paths"]["/things"]


def shape(document: dict[str, Any], name: str) -> Any:
    return document["components"]["schemas"][name]


def member(document: dict[str, Any], name: str, of: str) -> Any:
    return shape(document, name)["properties"][of]


def answers(document: dict[str, Any]) -> Any:
    return things(document)["get"]["responses"]


def parameter(document: dict[str, Any], name: str) -> Any:
    return document["components"]["parameters"][name]


def scheme(document: dict[str, Any]) -> Any:
    return document["components"]["securitySchemes"]["OAuth2"]


def flow(document: dict[str, Any]) -> Any:
    return scheme(document)["flows"]["clientCredentials"]


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
    "PATCH /things: body name": lambda d: shape(d, "ThingPatch")["properties"].pop("name"),
    # what stands beside null
    "GET /things: 200 period precision": lambda d: shape(d, "Period")["properties"].pop("precision"),
    "GET /things: 200 period start optional": lambda d: shape(d, "Period").pop("required"),
    "POST /things: body window start required": lambda d: shape(d, "PeriodIn").update(required=["start"]),
    "POST /things: body window start pattern": lambda d: member(d, "PeriodIn", "start").update(pattern="^2"),
    'POST /things: body window precision enum "year"': lambda d: member(d, "PeriodIn", "precision").update(
        enum=["day"]
    ),
    "POST /things: body window null": lambda d: shape(d, "ThingIn")["properties"].update(
        window={"$ref": "#/components/schemas/PeriodIn"}
    ),
    'POST /things: body precision enum "year"': lambda d: member(d, "ThingIn", "precision").update(
        oneOf=[{"type": "string", "enum": ["day"]}, {"type": "null"}]
    ),
    # what events hold
    "webhook thing.made": lambda d: d["webhooks"].clear(),
    "webhook thing.made data into": lambda d: shape(d, "EventDataThing")["properties"].clear(),
    "webhook thing.made data optional": lambda d: shape(d, "Event").pop("required"),
    "webhook thing.made type const": lambda d: event(d)["allOf"][1]["properties"]["type"].update(const="made"),
    # how it is asked and answered
    "GET /things: 409": lambda d: answers(d).update({"418": answers(d).pop("409")}),
    "GET /things: 404 code": lambda d: shape(d, "Problem")["properties"].clear(),
    "GET /things: 200 header ETag": lambda d: answers(d)["200"].pop("headers"),
    "GET /things: 200 header ETag integer": lambda d: d["components"]["headers"]["ETag"]["schema"].update(
        type="integer"
    ),
    "GET /things: parameter state explode": lambda d: parameter(d, "state").pop("explode"),
    "GET /things: parameter state style": lambda d: parameter(d, "state").update(style="pipeDelimited"),
    "GET /things: parameter q default": lambda d: parameter(d, "q")["schema"].update(default="none"),
    "POST /things: body size default": lambda d: member(d, "ThingIn", "size").pop("default"),
    "sign-in OAuth2": lambda d: d["components"]["securitySchemes"].pop("OAuth2"),
    "sign-in OAuth2 type": lambda d: scheme(d).update(type="http"),
    "sign-in OAuth2 clientCredentials": lambda d: scheme(d)["flows"].clear(),
    "sign-in OAuth2 clientCredentials tokenUrl": lambda d: flow(d).update(tokenUrl="/token"),
    "sign-in OAuth2 clientCredentials scope things:write": lambda d: flow(d)["scopes"].pop("things:write"),
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
    "a refusal less": lambda d: answers(d).pop("404"),
    "a refusal more": lambda d: answers(d).update({"418": {}}),
    "nothing said of what has not changed": lambda d: answers(d).update({"418": answers(d).pop("304")}),
    "a header": lambda d: answers(d)["200"]["headers"].update(Link={"schema": {"type": "string"}}),
    "a default that is told of": lambda d: member(d, "ThingIn", "name").update(default="thing"),
    "a style of what is one value": lambda d: parameter(d, "q").update(explode=False),
    "a style that was meant anyhow": lambda d: parameter(d, "state").pop("style"),
    "a scope": lambda d: flow(d)["scopes"].update({"things:delete": "Delete things"}),
    "a member that events hold": lambda d: shape(d, "EventDataThing")["properties"].update(more={}),
    "a member beside null that is answered": lambda d: shape(d, "Period")["properties"].update(more={}),
    "null in other words": lambda d: shape(d, "ThingIn")["properties"].update(
        precision={"type": ["string", "null"], "enum": ["day", "year", None]}
    ),
    "never null in an answer": lambda d: member(d, "Thing", "period").update(
        oneOf=[{"$ref": "#/components/schemas/Period"}]
    ),
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


def test_one_entry_tells_of_all_events_of_a_kind_and_of_nothing_else() -> None:
    made = "webhook thing.made data into"
    after = changed(BREAKING[made])
    entry = "# Changes\n\n## 1.0.0\n\n### Breaking\n- `{}`: read the thing.\n".format
    assert breaking.problems(BASE, after, entry("webhook thing.* data into")) == []
    for other in ("webhook thing.* data", "webhook * into", "*"):
        assert breaking.problems(BASE, after, entry(other)) == [
            f"breaks clients, and openapi/CHANGELOG.md does not say so under ### Breaking: `{made}`",
            f"openapi/CHANGELOG.md tells of a break that is none: `{other}`",
        ]


def test_prose_is_left_out_and_names_are_kept() -> None:
    shape = {"description": "words", "properties": {"description": {"type": "string", "title": "T"}, "tags": {}}}
    assert breaking.bare(shape) == {"properties": {"description": {"type": "string"}, "tags": {}}}


def test_what_was_promised_is_read_and_kept() -> None:
    before = breaking.promised()
    assert len(before["paths"]) > 100
    assert list(breaking.Comparison(before, before).changes()) == []


def test_what_was_promised_of_events_and_beside_null_is_watched() -> None:
    before = breaking.promised()
    after = deepcopy(before)
    for name, data in after["components"]["schemas"].items():
        if name.startswith("EventData"):
            data["properties"] = {}
    after["components"]["schemas"]["PeriodField"]["properties"].pop("precision")
    found = set(breaking.Comparison(before, after).changes())
    assert {
        "webhook training_request.merged data state",
        "GET /api/v1/programmes: 200 results[] period precision",
    } <= found
    assert {one.split()[1] for one in found if one.startswith("webhook ")} >= {
        name for name in before["webhooks"] if name.startswith("training_request.")
    }
