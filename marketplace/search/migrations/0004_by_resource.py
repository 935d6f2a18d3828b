"""Find words of one resource in an index of its own, on PostgreSQL; on SQLite the matches are few whatever they are of."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from marketplace.search import engines


def divide(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    run(engines.POSTGRESQL_BY_RESOURCE, schema_editor)


def join(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    run(engines.POSTGRESQL_FOR_ALL, schema_editor)


def run(statements: list[str], schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for statement in statements:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    atomic = False  # an index is built while others write
    dependencies = [("search", "0003_directory")]

    operations = [migrations.RunPython(divide, join)]
