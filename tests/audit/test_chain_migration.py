"""The migration that sealed and queued what had been written before."""

from datetime import datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from marketplace.audit import triggers
from marketplace.audit.models import AuditRecord
from tests.audit.trails import THING, findings, link_all, linked

BEFORE = [("audit", "0002_append_only")]


@pytest.mark.django_db(transaction=True)
def test_records_of_before_are_sealed_queued_and_linked_and_the_way_back_keeps_them(at: datetime) -> None:
    linked(2, at)
    former = MigrationExecutor(connection).migrate(BEFORE).apps.get_model("audit", "AuditRecord")
    assert [row.reason_text for row in former.objects.order_by("id")] == ["Because of 0", "Because of 1"]
    assert former.objects.first().changes == {"title": ["a", {"é": [1, 2.5, None, True]}]}
    former.objects.create(
        at=at,
        actor_kind="system",
        actor_label="clock",
        resource="r",
        resource_id=THING,
        action="swept",
        changes={"a": 1},
    )
    call_command("migrate", verbosity=0)
    assert triggers.missing(connection) == []
    last = AuditRecord.objects.latest("pk")
    assert (last.actor_label, last.changes, last.client_address) == ("clock", {"a": 1}, None)
    assert AuditRecord.objects.first().client_address == "192.0.2.7"  # type: ignore[union-attr]
    assert link_all(at) == 3
    assert findings() == []
