"""What follows a migration: the guards of the trail belong to the schema."""

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections

from marketplace.audit import triggers


def guard_after_migrate(sender: AppConfig, *, using: str = DEFAULT_DB_ALIAS, **kwargs: object) -> None:
    """Make the triggers that are missing, unless the schema stands at an older migration than this code."""
    if triggers.PENDING in connections[using].introspection.table_names():
        triggers.restore(connections[using])
