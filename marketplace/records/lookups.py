"""Looking rows up by what only one can have."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import TypeVar

from django.db import connections
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

M = TypeVar("M", bound=Model)


def sole(rows: "QuerySet[M]") -> M | None:
    """Return the row of a look-up by a unique key, or None.

    Other than `first` it asks for no order: where many columns are selected, Django takes longer to write the ordering of
    a single row than the rest of the statement.
    """
    return next(iter(rows.order_by()[:1]), None)


def among(
    rows: "QuerySet[M]", columns: Sequence[str], keys: Collection[tuple[object, ...]], given: str
) -> "QuerySet[M]":
    """Narrow rows down to those whose ``columns`` (the table's names) together hold one of ``keys``.

    ``given`` is the condition of the index on these columns in the words of its definition, for SQLite takes no others.
    The keys are a table in the statement, so that each of them is a look into that index. A chain of OR is something that
    databases weigh: PostgreSQL walks through a table that was just filled, as it has no statistics of it.
    """
    if not keys:
        return rows.none()
    quoted = connections[rows.db].ops.quote_name
    table, key = quoted(rows.model._meta.db_table), quoted(rows.model._meta.pk.attname)
    values = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(keys))
    held = " AND ".join(f"{table}.{quoted(name)} = named.column{place}" for place, name in enumerate(columns, start=1))
    # Values are bound; names and the condition are ours. "column1" is what both engines call the first of VALUES.
    sql = f"SELECT {table}.{key} FROM (VALUES {values}) AS named JOIN {table} ON {held} WHERE {given}"  # noqa: S608
    return rows.filter(pk__in=RawSQL(sql, tuple(chain(*keys))))  # noqa: S611
