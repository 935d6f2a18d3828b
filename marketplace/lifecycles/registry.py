"""Lists of what has a life cycle and of what happens at deadlines; apps add theirs when they are loaded."""

from collections.abc import Callable, Iterator
from datetime import datetime

from django.apps import apps

from marketplace.records.models import LifecycleRecord

DeadlineEffect = Callable[[LifecycleRecord, datetime], None]
_effects: dict[str, DeadlineEffect] = {}


def deadline_effect(step: str) -> Callable[[DeadlineEffect], DeadlineEffect]:
    """Register what happens when the deadline of ``step`` (service-level code) passes.

    The effect is called in a transaction with the record locked and still in that step.
    """

    def register(effect: DeadlineEffect) -> DeadlineEffect:
        if step in _effects:
            raise ValueError(f"two effects for the deadline of {step}")
        _effects[step] = effect
        return effect

    return register


def effect_of(step: str) -> DeadlineEffect | None:
    """Give the effect at the deadline of ``step``, or None where silence changes nothing."""
    return _effects.get(step)


def lifecycle_models() -> Iterator[type[LifecycleRecord]]:
    """Give every model with a life cycle, sorted by its resource name."""
    found = (model for model in apps.get_models() if issubclass(model, LifecycleRecord))
    return iter(sorted(found, key=lambda model: model.resource))


def model_of(resource: str) -> type[LifecycleRecord]:
    """Find the model of a resource name. Raises KeyError."""
    return {model.resource: model for model in lifecycle_models()}[resource]
