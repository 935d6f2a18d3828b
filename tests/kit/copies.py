"""Scenes with which many tests begin: built by the operations once in a process, afterwards copied from the rows they left.

A test that begins with an approved proposal waits for a third of a second of operations that other tests are about. The
copy is the same rows with the same keys, in a database that is as empty as it was for the first.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from django.apps import apps
from django.db import connection, models

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]
FED_BY_TRIGGERS = ("audit_pendingrecord",)


@dataclass(frozen=True)
class Table:
    """A table of the house, with the columns that are written."""

    name: str
    key: int  # position of the primary key
    columns: tuple[str, ...]

    def read(self) -> dict[Any, Row]:
        """All rows by primary key."""
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {self._listed()} FROM {self.quoted()}")
            return {row[self.key]: tuple(row) for row in cursor.fetchall()}

    def insertion(self) -> tuple[str, str]:
        """SQL that adds a row, in two halves: what stands before the marks for values, and the marks."""
        return f"INSERT INTO {self.quoted()} ({self._listed()}) VALUES ", f"({', '.join(['%s'] * len(self.columns))})"

    def counting_on(self, rows: list[Row]) -> str:
        """SQL that has PostgreSQL number the next row above these; a test before may have set its counter back."""
        highest = max(row[self.key] for row in rows)
        if not isinstance(highest, int):
            return "SELECT 1"
        counter = f"pg_get_serial_sequence('{self.quoted()}', '{self.columns[self.key]}')"
        return (
            f"SELECT setval(counter, GREATEST(nextval(counter), {highest})) FROM (SELECT {counter}) AS of(counter)"
            " WHERE counter IS NOT NULL"
        )

    def emptying(self) -> str:
        """SQL that removes all rows."""
        return f"DELETE FROM {self.quoted()}"

    def counted(self) -> str:
        """SQL that counts the rows."""
        return f"(SELECT COUNT(*) FROM {self.quoted()})"

    def quoted(self) -> str:
        """Its name as SQL takes it."""
        return connection.ops.quote_name(self.name)

    def _listed(self) -> str:
        return ", ".join(map(connection.ops.quote_name, self.columns))


class Written:
    """Rows of several tables, to be written again in as few statements as the engine takes."""

    def __init__(self, rows: list[tuple[Table, list[Row]]]) -> None:
        """Take the rows, table by table, in the order in which they are to be written."""
        self.rows = rows
        self._script = ""  # with all values in it, for PostgreSQL

    def write(self) -> None:
        """Write them; what a trigger wrote meanwhile gives way to what there was."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                self._script = self._script or "; ".join(self._statements(cursor))
                cursor.execute(self._script)
                return
            for table, rows in self.rows:
                if table.name in FED_BY_TRIGGERS:
                    cursor.execute(table.emptying())
                cursor.executemany("".join(table.insertion()), rows)

    def _statements(self, cursor: Any) -> Iterator[str]:
        for table, rows in self.rows:
            if table.name in FED_BY_TRIGGERS:
                yield table.emptying()
            if rows:
                begins, marks = table.insertion()
                yield begins + ", ".join(cursor.mogrify(marks, row) for row in rows)
                yield table.counting_on(rows)


@dataclass(frozen=True)
class Copy:
    """What one build left: the rows, how many there were before in their tables, and what it gave back."""

    written: Written
    before: list[int]
    made: Any


def copied(build: Callable[P, T]) -> Callable[P, T]:
    """Build a scene once for each set of plain arguments, where a test's transaction begins empty; copy it from then on."""
    copies: dict[str, Copy | None] = {}

    @wraps(build)
    def scene(*args: P.args, **kwargs: P.kwargs) -> T:
        if not connection.in_atomic_block or not plain([*args, *kwargs.values()]):
            return build(*args, **kwargs)
        key = f"{connection.settings_dict['NAME']} {args} {sorted(kwargs.items())}"
        if key not in copies:
            made, copies[key] = observed(build, *args, **kwargs)
            return made
        known = copies[key]
        if known is None or counts([table for table, _ in known.written.rows]) != known.before:
            return build(*args, **kwargs)
        known.written.write()
        return cast(T, copy.deepcopy(known.made))

    return scene


def plain(value: Any) -> bool:
    """Say whether a value is text, number, date or a list of such, so that it says by itself what is asked for."""
    if isinstance(value, (list, tuple)):
        return all(map(plain, value))
    return value is None or (
        type(value).__module__ in {"builtins", "datetime", "decimal"} and not isinstance(value, dict)
    )


def observed(build: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T, Copy | None]:
    """Build, and keep what was added; nothing is kept where rows of before were changed, or the database was not empty."""
    before = {table: table.read() for table in tables()}
    made = build(*args, **kwargs)
    after = {table: table.read() for table in before}
    if any(after[table].get(key) != row for table, rows in before.items() for key, row in rows.items()):
        return made, None
    added = [(table, [row for key, row in after[table].items() if key not in before[table]]) for table in after]
    kept = [(table, rows) for table, rows in added if rows or table.name in FED_BY_TRIGGERS]
    kept.sort(key=lambda entry: entry[0].name in FED_BY_TRIGGERS)  # last: the others feed them
    return made, Copy(Written(kept), [len(before[table]) for table, _ in kept], copy.deepcopy(made))


def counts(listed: list[Table]) -> list[int]:
    """Count the rows of each table, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(table.counted() for table in listed)}")
        return list(cursor.fetchone())


def tables() -> list[Table]:
    """Every table that a model writes."""
    listed: dict[str, Table] = {}
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        if options.managed and not options.proxy:
            fields: list[models.Field[Any, Any]] = [
                field for field in options.local_concrete_fields if not field.generated
            ]
            columns = tuple(str(field.column) for field in fields)
            listed[options.db_table] = Table(options.db_table, columns.index(str(options.pk.column)), columns)
    return list(listed.values())
