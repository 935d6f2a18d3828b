"""What follows a migration: the shipped vocabularies belong to the schema as content types and permissions do."""

from collections.abc import Sequence

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.migration import Migration
from django.utils import timezone

from marketplace.vocabularies import queries
from marketplace.vocabularies.operations import load_vocabularies


def load_after_migrate(
    sender: AppConfig,
    *,
    using: str = DEFAULT_DB_ALIAS,
    plan: Sequence[tuple[Migration, bool]] | None = None,
    **kwargs: object,
) -> None:
    """Load the vocabularies unless the schema stands at an older migration than this code (partial or backward runs)."""
    if using != DEFAULT_DB_ALIAS or (plan is not None and _is_behind(sender.label, using)):
        return
    load_vocabularies(at=timezone.now())  # a migration has no caller who could give the moment
    queries.refresh()  # nobody's first request pays for the reading


def _is_behind(label: str, using: str) -> bool:
    executor = MigrationExecutor(connections[using])
    leaves = executor.loader.graph.leaf_nodes(label)
    return not leaves or bool(executor.migration_plan(leaves))
