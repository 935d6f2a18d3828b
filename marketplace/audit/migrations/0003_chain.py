"""Move what may have to be erased one day beside the records, sealed, and let the sequencer link every record there is."""

import json
from collections.abc import Iterator

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from marketplace.audit import triggers
from marketplace.audit.canonical import ERASABLE, seal

BATCH = 2_000
FORMER = {
    "postgresql": [
        "DROP TRIGGER IF EXISTS audit_append_only ON audit_auditrecord",
        "DROP FUNCTION audit_refuse_change()",
    ],
    "sqlite": ["DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"],
}


def lift_former_guards(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in FORMER[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def set_former_guards(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    from importlib import import_module

    import_module("marketplace.audit.migrations.0002_append_only").create(apps, schema_editor)


def in_batches(rows: models.QuerySet) -> Iterator[list]:
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield batch
        last = batch[-1].pk


def update(schema_editor: BaseDatabaseSchemaEditor, columns: tuple[str, ...], rows: list[tuple]) -> None:
    name = schema_editor.quote_name
    cast = "::jsonb" if schema_editor.connection.vendor == "postgresql" else ""
    json_columns = {"seals", "changes"}
    changes = ", ".join(f"{name(column)} = %s{cast if column in json_columns else ''}" for column in columns)
    with schema_editor.connection.cursor() as cursor:
        cursor.executemany(f"UPDATE audit_auditrecord SET {changes} WHERE id = %s", rows)  # noqa: S608  constants


def move_beside(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    records, values = apps.get_model("audit", "AuditRecord"), apps.get_model("audit", "ErasableValues")
    for batch in in_batches(records.objects):
        beside, seals = [], []
        for row in batch:
            sealed = {field: seal(field, value) for field in ERASABLE if (value := getattr(row, field))}
            if sealed:
                kept = {field: told for field, (_, told) in sealed.items()}
                beside.append(values(record_id=row.pk, sealed=kept))
                seals.append((json.dumps({field: digest for field, (digest, _) in sealed.items()}), row.pk))
        values.objects.bulk_create(beside)
        update(schema_editor, ("seals",), seals)


def move_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    empty = {"actor_label": "", "acting_for": "", "reason_text": "", "changes": {}, "client_address": None}
    for batch in in_batches(apps.get_model("audit", "ErasableValues").objects):
        rows = []
        for row in batch:
            told = {
                field: json.loads(row.sealed[field]["text"]) if field in row.sealed else empty[field]
                for field in ERASABLE
            }
            rows.append((*({**told, "changes": json.dumps(told["changes"])}).values(), row.pk))
        update(schema_editor, ERASABLE, rows)


def guard_and_queue(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    schema_editor.execute(
        "INSERT INTO audit_pendingrecord (record_id, since) SELECT id, CURRENT_TIMESTAMP FROM audit_auditrecord"
    )
    triggers.restore(schema_editor.connection)


def lift_guards(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for statement in triggers.drop_statements(schema_editor.connection.vendor):
        schema_editor.execute(statement)


def of_record(name: str, **options: object) -> models.OneToOneField:
    return models.OneToOneField(
        db_constraint=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name=name,
        to="audit.auditrecord",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [
        migrations.RunPython(lift_former_guards, set_former_guards),
        migrations.CreateModel(
            name="ErasableValues",
            fields=[
                ("record", of_record("erasable", primary_key=True, serialize=False)),
                ("sealed", models.JSONField(default=dict)),
                ("erased", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="PendingRecord",
            fields=[
                ("record", of_record("pending", primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ChainLink",
            fields=[
                ("position", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("record", of_record("link")),
                ("linked_at", models.DateTimeField()),
                ("digest", models.CharField(max_length=64)),
            ],
            options={"indexes": [models.Index(fields=["linked_at"], name="audit_linked_in_time")]},
        ),
        migrations.CreateModel(
            name="ChainHead",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("position", models.PositiveBigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("linked_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="audit_one_head")],
            },
        ),
        migrations.CreateModel(
            name="Verification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("first", models.PositiveBigIntegerField()),
                ("last", models.PositiveBigIntegerField()),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("findings", models.PositiveIntegerField()),
                ("detail", models.JSONField(blank=True, default=list)),
            ],
            options={"indexes": [models.Index(fields=["at"], name="audit_verified_in_time")]},
        ),
        migrations.AddField("auditrecord", "seals", models.JSONField(blank=True, default=dict)),
        migrations.RunPython(move_beside, move_back),
        *(migrations.RemoveField("auditrecord", field) for field in ERASABLE),
        migrations.AddIndex(
            "auditrecord",
            models.Index(
                condition=models.Q(("actor_id", ""), _negated=True), fields=["actor_id", "id"], name="audit_of_actor"
            ),
        ),
        migrations.RunPython(guard_and_queue, lift_guards),
    ]
