"""The API description as a Postman collection (v2.1): a folder for each tag, a request for each operation."""

import json
from typing import Any

Part = dict[str, Any]

FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
METHODS = ("get", "post", "put", "patch", "delete")
# What Postman sends itself, or a reader has no use for in a first try.
LEFT_OUT = ("If-None-Match", "Acting-For")
VALUES = {"If-Match": "*", "Idempotency-Key": "{{$guid}}", "Accept-Language": "en"}


def collection(description: Part, base_url: str) -> Part:
    """Give the collection of an OpenAPI ``description``; ``base_url`` has no slash at its end.

    The token is a variable of the collection, empty here: whoever imports it fills it in.
    """
    folders: dict[str, Part] = {
        tag["name"]: {"name": tag["name"], "description": tag.get("description", ""), "item": []}
        for tag in description.get("tags", [])
    }
    for path, methods in description["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                tag = operation["tags"][0]
                folder = folders.setdefault(tag, {"name": tag, "description": "", "item": []})
                folder["item"].append(_item(description, path, method, operation))
    info = description["info"]
    return {
        "info": {
            "name": info["title"],
            "description": info["description"],
            "version": info["version"],
            "schema": FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [{"key": "base_url", "value": base_url}, {"key": "token", "value": ""}],
        "item": [folder for folder in folders.values() if folder["item"]],
    }


def _item(description: Part, path: str, method: str, operation: Part) -> Part:
    given = [_resolved(description, one) for one in operation.get("parameters", [])]
    request = {
        "method": method.upper(),
        "description": operation.get("description", ""),
        "url": _url(path, given),
        "header": [_header(one) for one in given if one["in"] == "header" and one["name"] not in LEFT_OUT],
        **_body(description, operation),
    }
    if {} in operation.get("security", []):
        request["auth"] = {"type": "noauth"}
    return {"name": operation.get("summary", operation["operationId"]), "request": request, "response": []}


def _url(path: str, given: list[Part]) -> Part:
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    return {
        "raw": "/".join(["{{base_url}}", *parts]),
        "host": ["{{base_url}}"],
        "path": parts,
        "query": [{**_named(one), "disabled": not one.get("required")} for one in given if one["in"] == "query"],
        "variable": [_named(one) for one in given if one["in"] == "path"],
    }


def _named(one: Part) -> Part:
    value = one.get("example", one.get("schema", {}).get("default", ""))
    return {"key": one["name"], "value": str(value), "description": one.get("description", "")}


def _header(one: Part) -> Part:
    sent = one.get("required") or one["name"] == "Idempotency-Key"
    return {**_named(one), "value": VALUES.get(one["name"], ""), "disabled": not sent}


def _body(description: Part, operation: Part) -> Part:
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return {}
    examples = content["application/json"].get("examples", {})
    first: object = next((_resolved(description, one)["value"] for one in examples.values()), {})
    raw = json.dumps(first, ensure_ascii=False, indent=2, default=str)
    return {"body": {"mode": "raw", "raw": raw, "options": {"raw": {"language": "json"}}}}


def _resolved(description: Part, one: Part) -> Part:
    found = one
    while "$ref" in found:
        found = description
        for name in str(one["$ref"]).removeprefix("#/").split("/"):
            found = found[name]
        one = found
    return found
