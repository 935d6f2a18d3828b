"""The catalogue tells of all that is published: every type, and every member of its data, as it is."""

from collections.abc import Iterable

import pytest
from jsonschema import Draft202012Validator

from marketplace.events import catalogue
from marketplace.events.catalogue import EventType, event_types
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
from marketplace.lifecycles.registry import lifecycle_models
from tests.access.scene import build
from tests.factories.machinery import OutboxEventFactory
from tests.kit.api import ApiClient, check_problem


def untold(events: Iterable[OutboxEvent]) -> list[str]:
    """List what the catalogue does not tell of, or tells otherwise."""
    known, found = event_types(), set()
    for event in events:
        one = known.get(event.type)
        if one is None or one.resource != event.resource:
            found.add(f"{event.type}: not in the catalogue as an event of {event.resource}")
            continue
        strict = Draft202012Validator({**one.data, "additionalProperties": False})
        found |= {f"{event.type}: {error.message} (data: {event.data})" for error in strict.iter_errors(event.data)}
    return sorted(found)


@pytest.mark.django_db
def test_all_that_is_published_on_the_whole_way_is_told_of() -> None:
    build()
    events = list(OutboxEvent.objects.all())
    assert len({event.type for event in events}) > 20
    assert untold(events) == []


def test_planted_events_that_are_not_told_of_are_seen() -> None:
    built = OutboxEventFactory.build
    assert untold([built(type="training_request.vanished")]) != []
    assert untold([built(data={"need_statement": "secret"})]) != []
    assert untold([built(data={"state": "no such state"})]) != []
    assert untold([built(data={"state": "open", "from_state": "submitted"})]) == []


@pytest.mark.parametrize("one", event_types().values(), ids=lambda one: one.type)
def test_schema_is_a_schema(one: EventType) -> None:
    Draft202012Validator.check_schema(one.data)
    assert one.resource in catalogue.resources()


@pytest.mark.django_db
def test_types_are_listed_and_each_leads_to_its_schema() -> None:
    api = ApiClient()
    listed = api.get("/event-types").body["results"]
    assert [row["type"] for row in listed] == sorted(event_types())
    row = next(row for row in listed if row["type"] == "training_request.opened")
    document = api.get(f"/event-types/{row['type']}").body
    assert document["$id"] == row["dataschema"]
    assert "open" in document["properties"]["state"]["enum"]
    french = api.get("/event-types/training_request.opened", Accept_Language="fr").body
    assert french["description"] != document["description"]
    check_problem(api.get("/event-types/no.such"), C.NOT_FOUND)


def test_every_step_of_every_life_cycle_is_told_of() -> None:
    """Reminders come for all that has a step, whether or not a test has waited for one."""
    wanted = set()
    for model in lifecycle_models():
        wanted |= {f"{model.resource}.created", *(row.event for row in model.lifecycle.transitions)}
        if model.lifecycle.steps:
            wanted |= {f"{model.resource}.overdue", f"{model.resource}.reminder_due"}
    assert sorted(wanted - set(event_types())) == []
