"""Bringing a database to the point where the demo can be shown; quick where it is there already."""

from datetime import datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction

from marketplace.accounts.models import Organization
from marketplace.demo.loading import load_demo
from marketplace.demo.models import LoadedDemo
from marketplace.demo.ranking import ask_for_rankings
from marketplace.demo.stack import DemoError
from marketplace.vocabularies import operations as vocabularies

SQLITE_COMPANIONS = ("", "-wal", "-shm", "-journal")
OTHER_DATA = (
    "The database holds organizations that are not the demo's. Give the demo a database of its own: DATABASE_URL="
)


def reset() -> None:
    """Empty the database of the demo. Raises DemoError where it holds anything but a demo."""
    _refuse_other_data()
    if connection.vendor == "sqlite":
        connection.close()
        for ending in SQLITE_COMPANIONS:
            Path(f"{connection.settings_dict['NAME']}{ending}").unlink(missing_ok=True)
        return
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    connection.close()


def prepare(*, at: datetime) -> bool:
    """Migrate, load what is missing and ask for the rankings that are missing; tells whether this was the first start.

    Raises DemoError where the database holds anything but a demo.
    """
    _refuse_other_data()
    call_command("migrate", verbosity=0, interactive=False)
    demo = LoadedDemo.objects.filter(pk=1).first()
    if demo is not None and demo.ready_at is not None:
        vocabularies.load_vocabularies(at=at)  # a newer version of the product may bring newer lists
        return False
    load_demo(at=at)
    with transaction.atomic():
        ask_for_rankings(at=at)
    return True


def note_ready(*, at: datetime) -> None:
    """Note that every open need has been ranked: from now on the demo takes calls."""
    LoadedDemo.objects.filter(pk=1, ready_at__isnull=True).update(ready_at=at)


def _refuse_other_data() -> None:
    tables = connection.introspection.table_names()
    if LoadedDemo._meta.db_table in tables and LoadedDemo.objects.exists():
        return
    # Not by the model: before a migration its columns need not be there.
    if Organization._meta.db_table in tables:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {Organization._meta.db_table} LIMIT 1")  # noqa: S608  a name of our own
            if cursor.fetchone() is not None:
                raise DemoError(OTHER_DATA)
