"""Let PostgreSQL see who may find an offering without reading the offering: a search walks them from the newest."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# Measured with 100,000 offerings: 5 ms instead of 36 for the 25,000 that a search looked at.
DROP = (
    "DROP INDEX CONCURRENTLY IF EXISTS offering_for_search"  # also before: what broke off left one behind that is void
)
CREATE = (
    "CREATE INDEX CONCURRENTLY offering_for_search ON providers_offering (id) INCLUDE (provider_id, state)"
    " WHERE NOT is_test"
)


def create(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    run([DROP, CREATE], schema_editor)


def drop(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    run([DROP], schema_editor)


def run(statements: list[str], schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":  # on SQLite an index has no columns beside its keys
        for statement in statements:
            schema_editor.execute(statement)


class Migration(migrations.Migration):
    atomic = False  # an index is built while others write
    dependencies = [("providers", "0005_test_mode")]

    operations = [migrations.RunPython(create, drop)]
