"""The database itself keeps the audit trail as it was written."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from marketplace.audit import operations, queries
from marketplace.audit.context import Origin, originating
from marketplace.audit.models import AuditRecord

THING = UUID("00000000-0000-7000-8000-000000000001")


def written(at: datetime, action: str = "submit") -> AuditRecord:
    return operations.record(
        at=at, actor_kind="user", actor_label="Amina", resource="training_request", resource_id=THING, action=action
    )


def raw(statement: str) -> Callable[[AuditRecord], None]:
    def run(record: AuditRecord) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, [record.pk])

    return run


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda record: AuditRecord.objects.filter(pk=record.pk).update(actor_label="Somebody else"),
        lambda record: AuditRecord.objects.filter(pk=record.pk).delete(),
        lambda record: AuditRecord.objects.all().delete(),
        lambda record: record.delete(),
        lambda record: record.save(),
        raw("UPDATE audit_auditrecord SET action = 'nothing' WHERE id = %s"),
        raw("DELETE FROM audit_auditrecord WHERE id = %s"),
    ],
    ids=["update", "delete-one", "delete-all", "delete-object", "save-again", "sql-update", "sql-delete"],
)
def test_change_of_a_record_is_refused(at: datetime, change: Callable[[AuditRecord], None]) -> None:
    record = written(at)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change(record)
    assert AuditRecord.objects.get().action == "submit"


@pytest.mark.django_db
def test_record_goes_with_its_transaction(at: datetime) -> None:
    with transaction.atomic():
        written(at)
        transaction.set_rollback(True)
    assert not AuditRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_flush_between_tests_empties_the_trail_and_leaves_it_guarded(at: datetime) -> None:
    written(at)
    call_command("flush", interactive=False, verbosity=0)
    assert not AuditRecord.objects.exists()
    written(at)
    with pytest.raises(DatabaseError, match="append-only"):
        AuditRecord.objects.all().delete()


@pytest.mark.django_db
def test_record_carries_the_request_and_address_it_was_written_under(at: datetime) -> None:
    with originating(Origin(request_id="r-1", client_address="192.0.2.7")):
        inside = written(at)
    outside = written(at)
    assert (inside.request_id, inside.client_address) == ("r-1", "192.0.2.7")
    assert (outside.request_id, outside.client_address) == ("", None)


@pytest.mark.django_db
def test_trail_is_one_things_history_in_order(at: datetime) -> None:
    for action in ("create", "submit", "open"):
        written(at, action=action)
    operations.record(
        at=at, actor_kind="system", resource="offering", resource_id=THING, action="publish", actor_label="clock"
    )
    assert [r.action for r in queries.trail("training_request", THING)] == ["create", "submit", "open"]
    assert [r.action for r in queries.trail_of([("training_request", THING), ("offering", THING)])][-1] == "publish"


@pytest.mark.django_db
def test_long_name_is_cut_and_the_id_says_who(at: datetime) -> None:
    record = operations.record(
        at=at, actor_kind="user", actor_id=THING, actor_label="x" * 300, resource="r", resource_id=THING, action="a"
    )
    assert (len(record.actor_label), record.actor_id) == (200, str(THING))


@pytest.mark.django_db
def test_record_without_action_is_refused(at: datetime) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        written(at, action="")


def test_unknown_kind_of_actor_is_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="robot"):
        operations.record(at=at, actor_kind="robot", resource="r", resource_id=THING, action="a")
