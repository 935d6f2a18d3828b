"""An event as CloudEvents 1.0 has it: the same attributes in the feed and in what webhooks bring."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from marketplace.events.models import OutboxEvent

SPECVERSION = "1.0"
DATA_TYPE = "application/json"
TYPES_PATH = "/api/v1/event-types/"


def source() -> str:
    """Give the address that says which installation an event comes from."""
    return f"{settings.PUBLIC_URL}/api/v1/events"


def schema_of(event_type: str) -> str:
    """Give the address of the schema of a type's data."""
    return f"{settings.PUBLIC_URL}{TYPES_PATH}{event_type}"


def subject_of(event: OutboxEvent) -> str:
    """Name what the event is about: kind and public id."""
    return f"{event.resource}/{event.resource_id}"


def cloud_event(event: OutboxEvent) -> dict[str, Any]:
    """Write a published event in the structured form of CloudEvents; extension names are lower-case letters only."""
    return {
        **_envelope(str(event.public_id), event.type, subject_of(event), event.at),
        "sequence": event.sequence,
        "resource": event.resource,
        "resourceid": str(event.resource_id),
        "resourceversion": event.version,
        **({"reference": event.resource_reference} if event.resource_reference else {}),
        "data": event.data,
    }


def made_up_event(key: str, event_type: str, subject: str, at: datetime) -> dict[str, Any]:
    """Write an event that is in no feed, such as a ping."""
    return {**_envelope(key, event_type, subject, at), "data": {}}


def _envelope(key: str, event_type: str, subject: str, at: datetime) -> dict[str, Any]:
    return {
        "specversion": SPECVERSION,
        "id": key,
        "source": source(),
        "type": event_type,
        "subject": subject,
        "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": DATA_TYPE,
        "dataschema": schema_of(event_type),
    }
