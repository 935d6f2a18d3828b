"""What may be sent has limits, and who calls too often is told so: what the exceptions of `spectral.yaml` stand on."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from marketplace.rest.start import description
from tests.api.test_promises import OPERATIONS
from tests.guards.house import ROOT

UNCOUNTED = {"health_live", "health_ready"}
BOUNDED_FORMATS = {
    "date",
    "date-time",
    "uuid",
    "binary",
    "uri",
}  # a file has a limit of its own; a URI that of its line


def look_up(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = description()
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


def texts(where: str, schema: dict[str, Any], seen: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each text that a shape takes."""
    name = schema.get("$ref", "")
    if name and name in seen:
        return
    seen, schema = (*seen, name), look_up(schema)
    for part in (one for word in ("allOf", "oneOf", "anyOf") for one in schema.get(word, ())):
        yield from texts(where, part, seen)
    if "string" in ([schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])):
        yield where, schema
    for name, member in schema.get("properties", {}).items():
        yield from texts(f"{where}.{name}", member, seen)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from texts(f"{where}[]", schema[word], seen)


def is_bounded(schema: dict[str, Any]) -> bool:
    words = {"maxLength", "enum", "const", "pattern"}
    return bool(words & set(schema)) or schema.get("format") in BOUNDED_FORMATS


def sent() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for _method, _path, one in OPERATIONS:
        for media in one.get("requestBody", {}).get("content", {}).values():
            found += list(texts(one["operationId"], media["schema"]))
    return found


def test_texts_that_are_sent_have_a_limit() -> None:
    found = sent()
    assert len(found) > 300
    assert [where for where, schema in found if not is_bounded(schema)] == []


def test_quota_is_told_with_every_answer_that_is_counted() -> None:
    for _method, _path, one in OPERATIONS:
        counted = one["operationId"] not in UNCOUNTED
        assert ("429" in one["responses"]) is counted, one["operationId"]
        for status, answer in one["responses"].items():
            told = {"RateLimit", "RateLimit-Policy"} <= set(look_up(answer).get("headers", {}))
            assert status[0] not in "24" or told is counted, (one["operationId"], status)


def test_only_calendars_have_a_key_in_their_address() -> None:
    keys = {path for _method, path, _one in OPERATIONS if re.search(r"\{[^}]*(token|secret|key|password)[^}]*\}", path)}
    assert keys == {"/api/v1/calendars/{token}"}


def test_every_exception_of_the_linter_has_its_reason() -> None:
    text = (ROOT / "spectral.yaml").read_text("utf-8")
    assert set(yaml.safe_load(text)["rules"].values()) == {False}
    before = ""
    for line in text.partition("rules:\n")[2].splitlines():
        if not line.strip().startswith("#"):
            assert before.strip().startswith("#") or before.endswith("off"), line
        before = line
