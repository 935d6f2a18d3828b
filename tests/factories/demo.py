"""The demo's mark."""

from datetime import UTC, datetime

from factory.django import DjangoModelFactory

from marketplace.demo.models import LoadedDemo

LOADED_AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


class LoadedDemoFactory(DjangoModelFactory[LoadedDemo]):
    """Demo data that is loaded and ranked; there is one such row at most."""

    class Meta:
        model = LoadedDemo
        django_get_or_create = ("id",)

    id = 1
    years = 0
    begun_at = LOADED_AT
    loaded_at = LOADED_AT
    ready_at = LOADED_AT
