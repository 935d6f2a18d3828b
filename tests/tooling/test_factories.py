"""The machinery's factories make rows that the database takes."""

import pytest
from django.db import models
from factory.django import DjangoModelFactory

from tests.factories import machinery


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind",
    [
        machinery.JobFactory,
        machinery.WorkerHeartbeatFactory,
        machinery.OutboxEventFactory,
        machinery.AuditRecordFactory,
    ],
)
def test_machinery_row_is_saved_twice(kind: type[DjangoModelFactory[models.Model]]) -> None:
    kind.build()
    assert kind.create().pk != kind.create().pk
