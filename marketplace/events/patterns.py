"""Choosing events by type and by thing: the same words in the feed and in webhooks."""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q

from marketplace.events.models import OutboxEvent

ANY = "*"


def is_prefix(pattern: str) -> bool:
    """Tell whether a pattern stands for all types that begin alike: `training_request.*`."""
    return pattern.endswith(ANY)


def matches(pattern: str, event_type: str) -> bool:
    """Tell whether a type is the pattern, or begins with what stands before its `*`."""
    return event_type.startswith(pattern[: -len(ANY)]) if is_prefix(pattern) else event_type == pattern


@dataclass(frozen=True, slots=True)
class Choice:
    """Which events are wanted; an empty part wants all."""

    types: Collection[str] = ()
    resources: Collection[str] = ()
    resource_ids: Collection[UUID] = field(default_factory=frozenset)

    def condition(self) -> Q:
        """Make the condition on outbox events."""
        wanted = Q()
        if self.types:
            exact = [one for one in self.types if not is_prefix(one)]
            of_type = Q(type__in=exact)
            for pattern in self.types:
                if is_prefix(pattern):
                    of_type |= Q(type__startswith=pattern[: -len(ANY)])
            wanted &= of_type
        if self.resources:
            wanted &= Q(resource__in=list(self.resources))
        if self.resource_ids:
            wanted &= Q(resource_id__in=list(self.resource_ids))
        return wanted

    def wants(self, event: OutboxEvent) -> bool:
        """Tell whether an event is among them."""
        return (
            (not self.types or any(matches(pattern, event.type) for pattern in self.types))
            and (not self.resources or event.resource in self.resources)
            and (not self.resource_ids or event.resource_id in self.resource_ids)
        )
