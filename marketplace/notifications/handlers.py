"""Which events people are told of: every step that opens, every reminder, every deadline that passes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.events.registry import handles
from marketplace.lifecycles.registry import lifecycle_models, model_of
from marketplace.notifications import operations
from marketplace.work.registry import Payload, job


def step_events() -> list[str]:
    """Give the event types after which a step may have opened, or has come near or past its deadline."""
    found: set[str] = set()
    for model in lifecycle_models():
        words = ("created", operations.REMINDED, operations.OVERDUE)
        found.update(f"{model.resource}.{word}" for word in words)
        found.update(transition.event for transition in model.lifecycle.transitions)
    return sorted(found)


def may_open_a_step(resource: str, data: Mapping[str, Any]) -> bool:
    """Tell whether somebody may be waited for after an event: not where its state was left as it is, or is no waiting one."""
    state = data.get("state")
    return data.get("from_state") != state and state in model_of(resource).lifecycle.waiting


@handles(*step_events(), kind="notifications.tell", when=may_open_a_step)
@job("notifications.tell")
def tell(payload: Payload, *, at: datetime, **_: object) -> None:
    """Tell whom the event concerns."""
    data = payload["data"]
    operations.tell_of_step(
        event_id=UUID(payload["event"]),
        event_type=payload["type"],
        resource=payload["resource"],
        resource_id=UUID(payload["resource_id"]),
        state=data["state"],
        at=at,
    )
