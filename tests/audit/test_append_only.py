"""The database itself keeps the audit trail as it was written."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from marketplace.audit import operations, queries, triggers
from marketplace.audit.models import AuditRecord, ChainHead, ChainLink, ErasableValues, PendingRecord
from marketplace.work.context import Origin, originating
from tests.audit.trails import THING, link_all, linked, run, written
from tests.kit.flushing import Beginning

Change = Callable[[AuditRecord], object]
SQLITE_ONLY = {
    "replace-record": "INSERT OR REPLACE INTO audit_auditrecord SELECT * FROM audit_auditrecord",
    "replace-by-public-id": (
        "REPLACE INTO audit_auditrecord (id, public_id, at, actor_kind, actor_id, organization_code, resource, resource_id, "
        "reference, action, from_state, to_state, reason_code, request_id, seals) SELECT 999, public_id, at, 'user', '', '', "
        "'r', resource_id, '', 'forged', '', '', '', '', '{}' FROM audit_auditrecord"
    ),
    "replace-link": "INSERT OR REPLACE INTO audit_chainlink SELECT * FROM audit_chainlink",
    "replace-values": "INSERT OR REPLACE INTO audit_erasablevalues SELECT * FROM audit_erasablevalues",
    "replace-head": "INSERT OR REPLACE INTO audit_chainhead SELECT * FROM audit_chainhead",
    "upsert": (
        "INSERT INTO audit_chainhead SELECT id, 0, digest, linked_at FROM audit_chainhead WHERE true "
        "ON CONFLICT (id) DO UPDATE SET position = 0"
    ),
}
POSTGRES_ONLY = {f"truncate-{table}": f"TRUNCATE {table} CASCADE" for table in triggers.REFUSALS} | {
    "as-replica": "SET LOCAL session_replication_role = replica; DELETE FROM audit_auditrecord"
}
EVERYWHERE: dict[str, Change] = {
    "update": lambda record: AuditRecord.objects.filter(pk=record.pk).update(action="nothing"),
    "delete-one": lambda record: AuditRecord.objects.filter(pk=record.pk).delete(),
    "delete-all": lambda record: AuditRecord.objects.all().delete(),
    "delete-object": lambda record: record.delete(),
    "save-again": lambda record: record.save(),
    "sql-update": lambda record: run("UPDATE audit_auditrecord SET action = 'x' WHERE id = %s", record.pk),
    "sql-delete": lambda record: run("DELETE FROM audit_auditrecord WHERE id = %s", record.pk),
    "link-update": lambda record: ChainLink.objects.update(digest="0" * 64),
    "link-delete": lambda record: ChainLink.objects.all().delete(),
    "values-delete": lambda record: ErasableValues.objects.all().delete(),
    "values-exchanged": lambda record: ErasableValues.objects.update(
        sealed={"actor_label": {"salt": "0", "text": '"X"'}}
    ),
    "values-nothing-erased": lambda record: ErasableValues.objects.update(erased={"actor_label": "x"}),
    "values-of-another": lambda record: ErasableValues.objects.update(record_id=0, sealed={}),
    "head-delete": lambda record: ChainHead.objects.all().delete(),
    "head-back": lambda record: ChainHead.objects.update(position=0),
    "head-elsewhere": lambda record: ChainHead.objects.update(digest="0" * 64),
}


def check_refused(record: AuditRecord, change: Change) -> None:
    def everything() -> list[object]:
        return [
            list(model._default_manager.order_by("pk").values())
            for model in (AuditRecord, ErasableValues, ChainLink, ChainHead)
        ]

    before = everything()
    with pytest.raises(DatabaseError, match=r"append-only|moves forward"), transaction.atomic():
        change(record)
    assert everything() == before


@pytest.mark.django_db
@pytest.mark.parametrize("change", EVERYWHERE.values(), ids=EVERYWHERE.keys())
def test_change_of_the_trail_is_refused(at: datetime, change: Change) -> None:
    check_refused(linked(1, at)[0], change)


@pytest.mark.django_db
def test_change_that_only_one_engine_knows_is_refused(at: datetime, is_postgres: bool) -> None:
    record = linked(1, at)[0]
    for statement in (POSTGRES_ONLY if is_postgres else SQLITE_ONLY).values():
        check_refused(record, lambda _record, statement=statement: run(statement))  # type: ignore[misc]


@pytest.mark.django_db
def test_values_may_be_erased_and_not_brought_back(at: datetime) -> None:
    record = linked(1, at)[0]
    values = ErasableValues.objects.get(pk=record.pk)
    label = values.sealed.pop("actor_label")
    values.erased["actor_label"] = "an act"
    values.save()
    values.sealed["actor_label"] = label
    check_refused(record, lambda _record: values.save())


@pytest.mark.django_db
def test_record_goes_with_its_transaction(at: datetime) -> None:
    with transaction.atomic():
        written(at)
        transaction.set_rollback(True)
    assert not AuditRecord.objects.exists()
    assert not ErasableValues.objects.exists()
    assert not PendingRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_flush_between_tests_empties_the_trail_and_leaves_it_guarded(at: datetime) -> None:
    beginning = Beginning()
    linked(1, at)
    beginning.restore()
    assert not AuditRecord.objects.exists()
    assert triggers.missing(connection) == []
    check_refused(linked(1, at)[0], lambda record: record.delete())


@pytest.mark.django_db
def test_guards_that_a_migration_lost_are_made_again_by_migrate(at: datetime) -> None:
    for statement in triggers.drop_statements(connection.vendor):
        run(statement)
    assert len(triggers.missing(connection)) == len(triggers.TRIGGERS[connection.vendor])
    call_command("migrate", verbosity=0)
    assert triggers.missing(connection) == []
    check_refused(linked(1, at)[0], lambda record: record.delete())


@pytest.mark.postgres
@pytest.mark.django_db
def test_guard_that_was_switched_off_counts_as_missing(at: datetime) -> None:
    for trigger in triggers.TRIGGERS["postgresql"]:
        run(f"ALTER TABLE {trigger.table} DISABLE TRIGGER {trigger.name}")
        assert triggers.missing(connection) == [trigger]
        triggers.restore(connection)
    assert triggers.missing(connection) == []


@pytest.mark.django_db
def test_record_carries_the_request_and_address_it_was_written_under(at: datetime) -> None:
    with originating(Origin(request_id="r-1", client_address="192.0.2.7")):
        inside = written(at)
    outside = written(at)
    assert (inside.request_id, inside.client_address) == ("r-1", "192.0.2.7")
    assert (outside.request_id, outside.client_address) == ("", None)


@pytest.mark.django_db
def test_values_are_read_as_they_were_written(at: datetime) -> None:
    changes = {"a": [1.5, 1e22, None, True, "é \x00 \ud800", {"z": 1, "a": [2]}]}
    record = written(at, reason_text="« Trop tard »", acting_for="Bureau de Dakar", changes=changes)
    read = AuditRecord.objects.get(pk=record.pk)
    assert (read.actor_label, read.reason_text, read.acting_for) == ("Amina", "« Trop tard »", "Bureau de Dakar")
    assert read.changes == changes
    assert link_all(at) == 1


@pytest.mark.django_db
def test_record_without_values_has_none(at: datetime) -> None:
    record = AuditRecord.objects.get(pk=written(at, actor_label="").pk)
    assert (record.actor_label, record.changes, record.reason_text, record.erased) == ("", {}, "", [])
    assert not ErasableValues.objects.exists()


@pytest.mark.django_db
def test_trail_is_one_things_history_in_order(at: datetime) -> None:
    for action in ("create", "submit", "open"):
        written(at, action=action)
    written(at, actor_kind="system", resource="offering", action="publish", actor_label="clock")
    assert [r.action for r in queries.trail("training_request", THING)] == ["create", "submit", "open"]
    assert [r.action for r in queries.trail_of([("training_request", THING), ("offering", THING)])][-1] == "publish"


@pytest.mark.django_db
def test_long_name_is_cut_and_the_id_says_who(at: datetime) -> None:
    record = written(at, actor_id=THING, actor_label="x" * 300)
    assert (len(record.actor_label), record.actor_id) == (200, str(THING))


@pytest.mark.django_db
def test_record_without_action_is_refused(at: datetime) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        written(at, action="")


def test_unknown_kind_of_actor_is_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="robot"):
        operations.record(at=at, actor_kind="robot", resource="r", resource_id=THING, action="a")
