"""schemathesis on every operation of the API description, for two agencies, a provider and the secretariat.

A few cases of each run with the suite, always the same; `make fuzz` tries many more, others each time. Each case runs in a transaction
that is rolled back, on a world in which things of every kind exist, so that half of the calls reach something.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pytest_django import Settings
from rest_framework.response import Response as Answer
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)

from marketplace.api.parsers import FORBIDDEN
from marketplace.api.serializers import FIRST_DAY, LAST_DAY
from marketplace.kernel.errors import ErrorCode
from marketplace.rest.start import RootView, description
from marketplace.wsgi import application
from tests.fuzz.world import World, build
from tests.kit.people import small_group, token_of

DAYS = st.dates(FIRST_DAY, LAST_DAY).map(str)  # a description has no words for the first day and the last
schemathesis.openapi.format("date", DAYS)
schemathesis.openapi.format("date-time", DAYS.map(lambda day: f"{day}T12:00:00Z"))

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "2"))
ONLY = os.environ.get("FUZZ_ONLY", "")  # part of a path
METHODS = ("get", "post", "put", "patch", "delete")
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
OF_PAGES = {"cursor", "page_size", "with_count"}
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # 422 is "valid, but refused": what a description cannot say. A plain 400 for valid data fails.
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "412", "422", "428", "429", "503"]
            },
        }
    }
)


Operation = APIOperation[Any, Any, Any, Any]
Sent = Case[Any]


@cache
def schema() -> Any:
    loaded = schemathesis.openapi.from_dict(description(), config=CONFIG)
    loaded.app = application
    return loaded


def operations() -> Iterator[Operation]:
    for path, item in description()["paths"].items():
        for method in METHODS:
            if method in item and ONLY in path:
                yield schema()[path][method]


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """Let no request close the connection: the transaction of the test holds the world."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def world(db: None, tmp_path: Path, settings: Settings) -> World:
    settings.FILES_DIR = tmp_path
    settings.EVENT_WAITERS = 0  # nobody waits for an event that does not come
    return build(path for path in description()["paths"] if ONLY in path)


def left_out(case: Sent, response: Response) -> Iterator[Any]:
    """Name the checks that cannot hold for this call, because a description has no words for what decides."""
    query = case.query or {}
    if case.operation.path == "/api/v1/health/ready":
        yield not_a_server_error  # 503 is what it is there to say
    if response.status_code == 414:  # said before any operation is chosen, of whatever address
        yield from (negative_data_rejection, status_code_conformance)
    if is_taken_all_the_same(case):
        yield negative_data_rejection
    if "fields" in query:
        yield response_schema_conformance  # then no member is required but those that were asked for
    if any(FORBIDDEN.search(text) for text in texts([query, case.body, dict(case.headers or {})])):
        yield positive_data_acceptance
    problem = response.json() if response.status_code == 400 else {}
    errors = problem.get("errors", [])
    if problem.get("code") == ErrorCode.INVALID_CURSOR or (errors and all(map(is_beyond_words, errors))):
        yield positive_data_acceptance


def is_taken_all_the_same(case: Sent) -> bool:
    """Tell whether a call that breaks its description may be taken all the same."""
    query = case.query or {}
    return (
        "" in query.values()  # an empty parameter is one that is not given, as forms send them
        # A file has no pages; what turns them is passed over.
        or bool(OF_PAGES & query.keys() and query.get("format", "json") != "json")
        or is_right_but_for_blanks(case)
    )


def is_beyond_words(error: dict[str, Any]) -> bool:
    """Tell whether a description could not have said so: codes of a list in the database, one field against another."""
    known = {"order", "unknown_reference", "language", "required_with_mode", "not_with_mode", "ids_or_kind"}
    return error["code"] in known or (error["code"] == "invalid_choice" and "allowed" in error)


def is_right_but_for_blanks(case: Sent) -> bool:
    """Tell whether the body keeps to its schema only without the blanks around its texts, which do not count."""
    contents = (
        description()["paths"][case.operation.path][case.method.lower()].get("requestBody", {}).get("content", {})
    )
    if case.media_type not in contents:
        return False
    checker = Draft202012Validator({**contents[case.media_type]["schema"], "components": description()["components"]})
    return not checker.is_valid(case.body) and checker.is_valid(without_blanks(case.body))


def without_blanks(value: object) -> object:
    """Give a value with no blanks around the texts in it; keys stay as they are."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return {key: without_blanks(inner) for key, inner in value.items()}
    return [without_blanks(inner) for inner in value] if isinstance(value, list) else value


def texts(value: object) -> Iterator[str]:
    """Give every text in a value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def tried(operation: Operation, world: World) -> Callable[[], None]:
    """Make the property: whoever calls, whatever is sent, the answer is one that the description promises."""
    named = world.named[operation.path]
    cases = st.one_of(
        *(operation.as_strategy(mode) for mode in MODES),
        *(operation.as_strategy(mode, path_parameters=named) for mode in MODES if named),
    )

    @examples(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 10,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(case=cases, caller=st.sampled_from(sorted(world.tokens)))
    def run(case: Sent, caller: str) -> None:
        headers = {"Authorization": f"Bearer {world.tokens[caller]}"}
        with transaction.atomic():
            response = case.call(headers=headers)
            case.validate_response(response, headers=headers, excluded_checks=list(left_out(case, response)))
            transaction.set_rollback(True)

    return run


def test_every_operation_keeps_to_its_description(world: World, one_connection: None) -> None:
    broken = {}
    for operation in operations():
        try:
            tried(operation, world)()
        except (Exception, FailureGroup) as error:
            broken[operation.label] = str(error)
    assert not broken, "\n\n".join(f"--- {label}\n{text}" for label, text in broken.items())


@pytest.mark.usefixtures("one_connection")
def test_the_fuzzer_sees_a_planted_fault(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one answer be other than it is described, then let it crash: both must be told."""
    token = token_of(small_group(at).viewer, at)
    try_root = tried(schema()["/api/v1"]["get"], World({"viewer": token}, {"/api/v1": {}}))
    try_root()
    for fault in (lambda *_: Answer({"name": 7}), lambda *_: 1 // 0):
        monkeypatch.setattr(RootView, "get", fault)
        with pytest.raises((FailureGroup, ZeroDivisionError)):
            try_root()


@pytest.mark.parametrize(
    ("name", "excused"),
    [("A" + " " * 200, True), ("  A", False), ("A" * 201, False), ("A" * 201 + " ", False), (" ", False), (7, False)],
)
def test_a_body_is_excused_only_where_blanks_are_what_is_wrong_with_it(name: object, excused: bool) -> None:
    case = schema()["/api/v1/me"]["patch"].Case(body={"name": name}, media_type="application/json")
    assert is_right_but_for_blanks(case) is excused
