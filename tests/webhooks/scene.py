"""A webhook of an organization, events published one after the other, and the clock wound by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import time_machine

from marketplace.accounts.models import Organization
from marketplace.events import operations as events
from marketplace.events import sequencer
from marketplace.events.models import OutboxEvent
from marketplace.kernel.ids import new_public_id
from marketplace.webhooks import operations
from marketplace.webhooks.models import Attempt, Delivery, Webhook
from marketplace.work import loop
from tests.factories.webhooks import SECRET, SigningSecretFactory, WebhookFactory
from tests.webhooks.receiver import Receiver


@dataclass
class Scene:
    """One webhook, and what happens to it; ``at`` is the present moment."""

    webhook: Webhook
    receiver: Receiver
    at: datetime
    secret: str = SECRET
    things: dict[str, UUID] = field(default_factory=dict)

    def publish(
        self, thing: str, *, to: Organization | None = None, of_type: str = "training_request.opened"
    ) -> OutboxEvent:
        """Publish an event about a thing, addressed to the webhook's organization or to another one."""
        event = events.emit(
            type=of_type,
            resource=of_type.partition(".")[0],
            resource_id=self.things.setdefault(thing, new_public_id()),
            reference=thing,
            version=1,
            audience="organizations",
            organization_ids=[(to or self.webhook.organization).pk],
            at=self.at,
        )
        sequencer.publish_pending(at=self.at)
        event.refresh_from_db()
        return event

    def work(self, seconds: float = 0.0) -> None:
        """Let time pass, and do what is due."""
        self.at += timedelta(seconds=seconds)
        with self.clock():
            operations.attend(at=self.at)
            loop.run_until_idle(worker="test", clock=lambda: self.at)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Show the present moment to whoever looks at a clock."""
        with time_machine.travel(self.at, tick=False):
            yield

    def told(self) -> list[str]:
        """Give the references of what came, verified, in the order in which it came."""
        with self.clock():
            return [event.get("reference", event["type"]) for event in self.receiver.events(self.secret)]

    def fresh(self) -> Webhook:
        self.webhook.refresh_from_db()
        return self.webhook

    def statuses(self) -> list[str]:
        rows = Delivery.objects.filter(webhook=self.webhook).order_by("sequence")
        return list(rows.values_list("status", flat=True))

    def problems(self) -> list[str]:
        rows = Attempt.objects.filter(delivery__webhook=self.webhook).order_by("pk")
        return list(rows.values_list("problem", flat=True))


def scene(receiver: Receiver, organization: Organization, at: datetime, **columns: object) -> Scene:
    webhook = WebhookFactory.create(organization=organization, url=receiver.url, **columns)
    SigningSecretFactory.create(webhook=webhook)
    # What set the scene up is published first, so that the webhook begins after it.
    sequencer.publish_pending(at=at, limit=10_000)
    Webhook.objects.filter(pk=webhook.pk).update(starts_after=OutboxEvent.objects.count())
    webhook.refresh_from_db()
    return Scene(webhook, receiver, at)
