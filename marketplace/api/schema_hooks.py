"""What belongs to the whole document: problems, shared headers, security schemes, tags in use."""

from typing import Any

from django.utils.translation import override

from marketplace.accounts.roles import SCOPES
from marketplace.api.parameters import HEADERS
from marketplace.api.problems import ERRORS_PATH
from marketplace.api.tags import TAGS
from marketplace.identity.scopes import WORDS
from marketplace.kernel.errors import CATALOGUE, ErrorCode

Schema = dict[str, Any]

FIELD_PROBLEM: Schema = {
    "type": "object",
    "required": ["code", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON pointer into the body (RFC 6901)."},
        "parameter": {"type": "string", "description": "Name of the query parameter."},
        "header": {"type": "string", "description": "Name of the header."},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "allowed": {"type": "array", "items": {"type": "string"}},
        "did_you_mean": {"type": "string"},
    },
}
PROBLEM: Schema = {
    "type": "object",
    "description": "A refusal (RFC 9457); `code` is stable, `detail` speaks the caller's language.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Page of the error catalogue."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "enum": sorted(code.value for code in ErrorCode)},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"}},
        "allowed_actions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "With `wrong_state`: what is open now.",
        },
        "request_id": {"type": "string", "description": "With a 5xx: name it to us."},
    },
}
with override("en"):  # the description speaks English, whoever reads it
    SCOPE_WORDS = {scope: str(WORDS[scope]) for scope in sorted(SCOPES)}
SECURITY: Schema = {
    "BearerToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "Personal access token of a person or service client. Scopes: "
        + ", ".join(f"`{scope}`" for scope in sorted(SCOPES))
        + ".",
    },
    "OAuth2": {
        "type": "oauth2",
        "description": "Systems ask with their own secret (client credentials), apps ask the person (authorization code, "
        "PKCE with S256). Nothing is granted to those who ask for no scope. Metadata: "
        "`/.well-known/oauth-authorization-server`.",
        "flows": {
            "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": SCOPE_WORDS},
            "authorizationCode": {
                "authorizationUrl": "/oauth/authorize",
                "tokenUrl": "/oauth/token",
                "refreshUrl": "/oauth/token",
                "scopes": SCOPE_WORDS,
            },
        },
    },
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "Session of the desk; writes send the CSRF token in `X-CSRFToken`.",
    },
}


def finish(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Add the shared components that operations refer to, and leave out what none refers to."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"], schemas["FieldProblem"] = PROBLEM, FIELD_PROBLEM
    components["schemas"] = dict(sorted(schemas.items()))
    components["securitySchemes"] = SECURITY
    shared = _share(result["paths"])
    components.update(shared)
    text = str(result["paths"]) + str(shared["responses"])
    errors = {
        code.value: _example(code) for code in sorted(ErrorCode) if f"#/components/examples/{code.value}'" in text
    }
    components["examples"] = {**errors, **shared["examples"]}
    components["headers"] = {name: value for name, value in HEADERS.items() if f"#/components/headers/{name}'" in text}
    used = {tag for item in result["paths"].values() for one in item.values() for tag in one.get("tags", [])}
    result["tags"] = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    return result


def say_whole_numbers(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """Say of each whole number that it has 64 bits: others are refused when they come, and none is given out."""
    return {name: _numbered(part) for name, part in result.items()}


def _numbered(node: Any) -> Any:
    if isinstance(node, list):
        return [_numbered(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: part if name in ("example", "examples") else _numbered(part) for name, part in node.items()}
    kind = node.get("type")
    return (
        {"format": "int64", **found} if kind == "integer" or (isinstance(kind, list) and "integer" in kind) else found
    )


class Shelf:
    """Shared components of one kind: equal ones are stored once, different ones of one name get numbers."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.kept: Schema = {}

    def put(self, base: str, value: Schema) -> Schema:
        """Store ``value`` and give the reference to it."""
        name, number = base, 1
        while name in self.kept and self.kept[name] != value:
            number += 1
            name = f"{base}{number}"
        self.kept[name] = value
        return {"$ref": f"#/components/{self.kind}/{name}"}


def _share(paths: Schema) -> Schema:
    """Move parameters, refusals and examples into components and refer to them; give the components by kind."""
    shelves = {kind: Shelf(kind) for kind in ("parameters", "responses", "examples")}
    for operation in (operation for item in paths.values() for operation in item.values()):
        operation["parameters"] = [
            shelves["parameters"].put(f"{one['in']}.{one['name']}", one) for one in operation.get("parameters", [])
        ]
        for content in (operation.get("requestBody", {}), *operation["responses"].values()):
            _share_examples(content, shelves["examples"])
        operation["responses"] = {
            status: shelves["responses"].put(f"Refusal{status}", answer) if status >= "400" else answer
            for status, answer in operation["responses"].items()
        }
    return {kind: dict(sorted(shelf.kept.items())) for kind, shelf in shelves.items()}


def _share_examples(content: Schema, shelf: Shelf) -> None:
    for media in content.get("content", {}).values():
        shape = media["schema"].get("$ref", "").rsplit("/", maxsplit=1)[-1]
        if "example" in media and shape:
            media["examples"] = {"example": shelf.put(shape, {"value": media.pop("example")})}


def _example(code: ErrorCode) -> Schema:
    kind = CATALOGUE[code]
    value: Schema = {
        "type": f"https://marketplace.example{ERRORS_PATH}{code.value}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.detail,
        "code": code.value,
    }
    return {"summary": kind.title, "value": value}
