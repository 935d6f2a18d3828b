"""Webhooks, their secrets and deliveries; the secret is `SECRET`."""

from datetime import UTC, datetime, timedelta
from typing import Any

from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from marketplace.kernel.ids import new_public_id
from marketplace.webhooks.models import Attempt, Delivery, SigningSecret, Spread, Webhook
from marketplace.webhooks.signing import seal
from tests.factories.accounts import OrganizationFactory
from tests.factories.machinery import OutboxEventFactory

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXMhISE="  # made up


class WebhookFactory(DjangoModelFactory[Webhook]):
    """A webhook for everything that its organization may see."""

    class Meta:
        model = Webhook

    organization = SubFactory(OrganizationFactory)
    name = Sequence(lambda number: f"Hook {number}")
    url = "https://hooks.example.org/gmg"
    starts_after = 0
    created_at = AT
    updated_at = AT


class SigningSecretFactory(DjangoModelFactory[SigningSecret]):
    """A secret that signs."""

    class Meta:
        model = SigningSecret

    webhook = SubFactory(WebhookFactory)
    sealed = LazyFunction(lambda: seal(SECRET))
    created_at = AT


class DeliveryFactory(DjangoModelFactory[Delivery]):
    """An event that is due to be sent."""

    class Meta:
        model = Delivery

    webhook = SubFactory(WebhookFactory)
    event = SubFactory(OutboxEventFactory, sequence=Sequence(lambda number: number + 100_000), published_at=AT)
    sequence: Any = SelfAttribute("event.sequence")
    lane: Any = LazyAttribute(lambda row: row.event.resource_id if row.event else new_public_id())
    created_at = AT
    due_at = AT
    give_up_at = AT + timedelta(days=3)


class AttemptFactory(DjangoModelFactory[Attempt]):
    """A call that was answered 500."""

    class Meta:
        model = Attempt

    delivery = SubFactory(DeliveryFactory)
    number = Sequence(lambda number: number + 1)
    request_id = LazyFunction(new_public_id)
    at = AT
    duration_ms = 12
    status = 500
    problem = "status"


class SpreadFactory(DjangoModelFactory[Spread]):
    """The place up to which the feed has been spread."""

    class Meta:
        model = Spread
        django_get_or_create = ("id",)

    id = Spread.THE_ROW
    sequence = 0
