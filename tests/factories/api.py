"""Rows of the API kit."""

from datetime import UTC, datetime

from factory.declarations import Sequence
from factory.django import DjangoModelFactory

from marketplace.api.models import IdempotencyKey

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class IdempotencyKeyFactory(DjangoModelFactory[IdempotencyKey]):
    """A stored answer."""

    class Meta:
        model = IdempotencyKey

    actor = "user:test"
    route = "/api/v1/organizations"
    key = Sequence(lambda number: f"key-{number}")
    body_hash = "0" * 64
    status = 201
    body = b"{}"
    created_at = AT
