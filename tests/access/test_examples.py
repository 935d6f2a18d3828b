"""Every example of the API description is sent as a real call, and every good answer has the shape that its example shows.

One engine is enough: what each engine makes of these calls is asked in the tests of the apps and in the access matrix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction

from marketplace.rest.access import CALLERS, Row, rows
from marketplace.rest.start import description
from tests.access.settings import SETTINGS
from tests.access.walk import Operation, Walker, operations
from tests.api.test_bounds import look_up
from tests.api.test_examples import validator, values
from tests.factories.accounts import OrganizationFactory
from tests.factories.providers import ProviderFactory

pytestmark = pytest.mark.django_db
# Organizations that examples name.
NAMED = ("IOM", "HMLP", "UNFPA", "UNHCR", "ILO")
# Examples of which some members name a thing, a number or a day that only the scene can have: there stands that of the scene.
WITH_IDS = frozenset(
    {
        *("endorsements_create", "engagement_cost_shares_create", "engagement_evaluations_create"),
        *(
            "engagement_stories_create",
            "engagements_add_party",
            "engagements_propose_change",
            "engagements_remove_party",
        ),
        *("imports_create", "match_runs_why_not", "session_sign_in"),
        *("grants_create", "match_runs_create", "memberships_delegate", "proposal_parts_counter", "providers_create"),
        *("request_offers_create", "requests_create", "requests_merge", "sessions_create"),
        # A code of the list that the verb names; one shape, several lists.
        *("requests_decline", "requests_mark_unmet"),
    }
)
IN_ORDER = (
    "head",
    "officer",
    "focal_point",
    "partner",
    "auditor",
    *CALLERS,
)  # who is asked to send it: who may most, first


@dataclass(frozen=True)
class Sent:
    """One example that was sent: verbatim or with names of the scene, and what came back."""

    one: Operation
    verbatim: bool
    status: int
    body: Any
    wanted: str  # class of the answer
    media_type: str


def bodies(one: Operation) -> list[Mapping[str, Any] | None]:
    """Give every JSON example of the body of an operation; None where it takes none."""
    told = description()["paths"][one.path][one.method].get("requestBody", {}).get("content", {})
    found = [value for name, entry in told.items() if name == "application/json" for value in values(entry)]
    return [value for value in found if isinstance(value, Mapping)] or [None]


def row_of(one: Operation) -> tuple[Row, str, str]:
    """Choose whom to ask about what: the first who gets through, else who is permitted but for body or state."""
    mine = [row for row in rows() if row.operation == one.name]
    for kind in ("2xx", "4xx", "503", "401", "403"):
        for row in mine:
            for caller in IN_ORDER:
                if row.answers[caller] == kind:
                    return row, caller, kind
    raise LookupError(one.name)


@pytest.fixture(scope="module")
def sent(walker: Walker) -> list[Sent]:
    """Send them all."""
    for code in NAMED:
        OrganizationFactory.create(code=code, roles=["member"])
    ProviderFactory.create(organization=OrganizationFactory.create(code="CIFAL-JEJU"), code="CIFAL-JEJU")
    return [_sent(walker, one, body) for one in operations().values() for body in bodies(one)]


def _sent(walker: Walker, one: Operation, body: Mapping[str, Any] | None) -> Sent:
    row, caller, wanted = row_of(one)
    walker.scene.asking = caller
    answer = None
    for verbatim in (True, False):
        with transaction.atomic():
            prepared = SETTINGS[one.name](walker.scene, body) if one.name in SETTINGS else body
            answer = walker.send(one, caller, body if verbatim else prepared, about=row.about)
            transaction.set_rollback(True)
        if answer.status_code < 400 or prepared == body:
            break
    assert answer is not None
    shown = None if answer.streaming else answer.body
    media_type = answer.headers.get("Content-Type", "")
    return Sent(one, verbatim or body is None, answer.status_code, shown, wanted, media_type)


def test_every_example_is_taken(sent: list[Sent]) -> None:
    refused = [f"{one.one.name}: {one.status} {one.body}" for one in sent if one.wanted == "2xx" and one.status >= 400]
    assert refused == []
    assert [one.one.name for one in sent if one.wanted != "2xx"] == []


def test_every_answer_is_declared_and_is_what_its_schema_says(sent: list[Sent]) -> None:
    wrong = []
    for one in sent:
        answers = description()["paths"][one.one.path][one.one.method]["responses"]
        told = answers.get(str(one.status))
        if told is None or one.status >= 500:
            wrong.append(f"{one.one.name}: {one.status} is not declared")
            continue
        for name, entry in look_up(told).get("content", {}).items():
            if one.body is not None and one.media_type == name:
                errors = validator(entry["schema"]).iter_errors(one.body)
                wrong += [f"{one.one.name}: {error.json_path} {error.message[:200]}" for error in errors]
    assert not wrong, "\n".join(wrong)


def test_answers_have_the_members_that_their_examples_show(sent: list[Sent]) -> None:
    wrong, looked_at = [], 0
    for one in sent:
        if one.one.name == "schema":  # the description itself, of which the example shows the beginning
            continue
        told = description()["paths"][one.one.path][one.one.method]["responses"].get(str(one.status), {})
        entry = look_up(told).get("content", {}).get("application/json")
        if one.status >= 300 or entry is None:
            continue
        for example in values(entry):
            for real, shown, schema in _pairs(one.body, example, entry["schema"]):
                looked_at += 1
                optional = set(schema.get("properties", {})) - set(schema.get("required", ()))
                more, less = set(real) - set(shown), set(shown) - set(real) - optional
                if more or less:
                    wrong.append(f"{one.one.name}: the example lacks {sorted(more)}, invents {sorted(less)}")
    assert wrong == []
    assert looked_at > 200


def _pairs(real: Any, shown: Any, schema: dict[str, Any]) -> list[tuple[Any, Any, dict[str, Any]]]:
    """Pair an answer with its example: the things of a page one by one, a single thing as it is; free maps are left out."""
    schema = look_up(schema)
    if isinstance(real, list) or isinstance(shown, list):
        return []
    if not isinstance(real, dict) or not isinstance(shown, dict):
        return []
    inside = schema.get("properties", {}).get("results")
    if inside is not None and isinstance(real.get("results"), list):
        things = look_up(inside.get("items", {}))
        of = shown["results"][0] if shown.get("results") else None
        return [
            (one, of, things) for one in real["results"][:1] if isinstance(one, dict) and of and "properties" in things
        ]
    return [(real, shown, schema)] if "properties" in schema else []


def test_examples_are_sent_as_they_stand(sent: list[Sent]) -> None:
    """Only those that name one certain thing are changed before they are sent; what need not be is not on the list."""
    changed = {one.one.name for one in sent if not one.verbatim and one.status < 400}
    assert changed == WITH_IDS, "\n".join(sorted(changed ^ WITH_IDS))
