"""The catalogue of event types: gathered from the `events` module of every app, with a schema of what each carries.

An app lists its types in ``EVENT_TYPES`` (type: English words) and what the events of a resource may carry in
``EVENT_DATA`` (resource: JSON Schema properties). A test sees that nothing is published that is not told of here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule

HOUSE = ("marketplace", "requests_app", "providers", "matching", "fulfilment")
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    """One type: its name, what it is about, its words in English, and the schema of its data."""

    type: str
    resource: str
    words: str
    data: Schema = field(hash=False)


@cache
def event_types() -> Mapping[str, EventType]:
    """Give all types by name, sorted."""
    words: dict[str, str] = {}
    properties: dict[str, Schema] = {}
    for module in _modules():
        words |= getattr(module, "EVENT_TYPES", {})
        properties |= getattr(module, "EVENT_DATA", {})
    states = _states()
    found = {}
    for name in sorted(words):
        resource = name.partition(".")[0]
        found[name] = EventType(
            name, resource, words[name], _schema(properties.get(resource, {}), states.get(resource))
        )
    return found


def resources() -> list[str]:
    """Give the kinds of things that events are about, sorted."""
    return sorted({one.resource for one in event_types().values()})


def _modules() -> Iterator[ModuleType]:
    for config in apps.get_app_configs():
        is_ours = config.name.partition(".")[0] in HOUSE
        if is_ours and config.module is not None and module_has_submodule(config.module, "events"):
            yield import_module(f"{config.name}.events")


def _states() -> dict[str, list[str]]:
    """Give the states of everything that has a life cycle, by resource."""
    tables = [(getattr(model, "resource", ""), getattr(model, "lifecycle", None)) for model in apps.get_models()]
    return {resource: list(table.states) for resource, table in tables if table is not None}


def _schema(properties: Schema, states: list[str] | None) -> Schema:
    moves: Schema = {}
    if states:
        moves = {
            "from_state": {"type": "string", "enum": ["", *states], "description": "Empty where it is new."},
            "state": {"type": "string", "enum": states},
            "reason_code": {"type": "string", "description": "Code of the vocabulary of reasons."},
            # Of reminders and of what is overdue.
            "step": {"type": "string", "description": "Code of the service level of the open step."},
            "waiting_for": {"type": "string", "description": "The party that owes it."},
            "due_at": {"type": ["string", "null"], "format": "date-time"},
        }
    # More members may come within version 1.
    return {"type": "object", "properties": {**moves, **properties}, "additionalProperties": True}
