"""Which jobs follow from which events: the one list of upward effects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Concerns = Callable[[str, Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Handler:
    """After each event of ``event_type`` that ``concerns`` it one job ``kind`` is due."""

    event_type: str
    kind: str
    concerns: Concerns


_handlers: dict[tuple[str, str], Handler] = {}


def always(resource: str, data: Mapping[str, Any]) -> bool:
    """Take every event."""
    return True


def handles(*event_types: str, kind: str, when: Concerns = always) -> Callable[[T], T]:
    """List the job ``kind`` as the consequence of each of the event types; give back what is decorated.

    ``when(resource, data)`` says of an event, by what it carries, whether there is anything to do: a job that would find
    nothing costs as much as one that works.

    Put it on the job's effect, above ``@job(kind)``. The payload that the effect gets is
    ``{"event", "type", "resource", "resource_id", "reference", "version", "at", "data"}``: ids as text, ``at`` ISO 8601.
    Raises ValueError where the pair is listed already.
    """

    def register(target: T) -> T:
        for event_type in event_types:
            if (event_type, kind) in _handlers:
                raise ValueError(f"{kind} handles {event_type} already")
            _handlers[event_type, kind] = Handler(event_type, kind, when)
        return target

    return register


def handlers_of(event_type: str) -> list[Handler]:
    """Give the handlers of one event type, by kind."""
    return sorted((h for h in _handlers.values() if h.event_type == event_type), key=lambda h: h.kind)


def all_handlers() -> list[Handler]:
    """Give all handlers."""
    return sorted(_handlers.values(), key=lambda h: (h.event_type, h.kind))


def forget(event_type: str, kind: str) -> None:
    """Unlist a handler; for tests that list their own."""
    _handlers.pop((event_type, kind), None)
