"""Which events people are told of: every step that opens, every reminder, every deadline that passes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.events.registry import handles
from marketplace.kernel.lifecycle import Party
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


def reopening_events() -> list[str]:
    """Give the event types of verbs that open a step of their own where the state stays: people are asked once more, or others are."""
    return sorted(
        {
            transition.event
            for model in lifecycle_models()
            for transition in model.lifecycle.transitions
            if transition.step is not None
            and transition.step.party is not Party.SYSTEM
            and not transition.sources.isdisjoint(transition.targets)
        }
    )


def may_wait(resource: str, data: Mapping[str, Any]) -> bool:
    """Tell whether somebody may be waited for in the state that an event leads to."""
    return data.get("state") in model_of(resource).lifecycle.waiting


def may_open_a_step(resource: str, data: Mapping[str, Any]) -> bool:
    """Tell whether somebody may be waited for after an event: not where its state was left as it is, or is no waiting one."""
    return data.get("from_state") != data.get("state") and may_wait(resource, data)


@handles(*reopening_events(), kind="notifications.tell", when=may_wait)
@handles(*sorted({*step_events()} - {*reopening_events()}), kind="notifications.tell", when=may_open_a_step)
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
