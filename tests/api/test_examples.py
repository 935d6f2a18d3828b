"""Every example of the description is what its schema says, and no operation is without one."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from marketplace.rest.start import description
from tests.api.test_bounds import look_up
from tests.api.test_promises import OPERATIONS

# Forms of files, of which a page of text can show nothing.
BYTES = {
    "application/pdf",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "image/jpeg",
    "image/png",
}
Media = dict[str, Any]


def contents(one: dict[str, Any]) -> Iterator[tuple[str, str, Media]]:
    """Give each body of an operation: where, media type, entry."""
    for name, entry in one.get("requestBody", {}).get("content", {}).items():
        yield "request", name, entry
    for status, answer in one["responses"].items():
        for name, entry in look_up(answer).get("content", {}).items():
            yield status, name, entry


def values(entry: Media) -> list[object]:
    found = [look_up(one)["value"] for one in entry.get("examples", {}).values()]
    return [*found, entry["example"]] if "example" in entry else found


@cache
def components() -> dict[str, Any]:
    found: dict[str, Any] = description()["components"]
    return found


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(
        {**schema, "components": components()}, format_checker=Draft202012Validator.FORMAT_CHECKER
    )


@cache  # refusals and shapes are shared by many operations
def mistakes(schema: str, value: str) -> tuple[str, ...]:
    found = validator(json.loads(schema)).iter_errors(json.loads(value))
    return tuple(f"{error.json_path}: {error.message[:200]}" for error in found)


def test_examples_are_what_their_schema_says() -> None:
    wrong = [
        f"{one['operationId']} {where} {name} {line}"
        for *_, one in OPERATIONS
        for where, name, entry in contents(one)
        for value in values(entry)
        for line in mistakes(json.dumps(entry["schema"]), json.dumps(value, default=str))
    ]
    assert wrong == []


def test_every_body_has_an_example() -> None:
    shown = {
        f"{one['operationId']} {where} {name}": values(entry)
        for *_, one in OPERATIONS
        for where, name, entry in contents(one)
        if name not in BYTES
    }
    assert len(shown) > len(OPERATIONS)
    assert [place for place, found in shown.items() if not found] == []


def test_every_webhook_has_an_example_that_is_what_its_schema_says() -> None:
    events = description()["webhooks"]
    assert len(events) > 50
    for name, item in events.items():
        for entry in item["post"]["requestBody"]["content"].values():
            found = values(entry)
            assert found, name
            for value in found:
                assert [error.message for error in validator(entry["schema"]).iter_errors(value)] == [], name


def test_a_wrong_example_is_seen() -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    assert list(validator(schema).iter_errors({"type": "about:blank"}))
    assert list(validator({"type": "string", "format": "uuid"}).iter_errors("no id"))
