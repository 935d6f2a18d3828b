"""How each database is written out and read in: PostgreSQL by its own programs, SQLite by its own copying."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from django.db import connection, connections, transaction

from marketplace.upkeep.backups import postgresql
from marketplace.upkeep.backups.manifest import BackupError

Rows = dict[str, int]


class Engine(Protocol):
    """What a backup needs of a database; the default connection is meant."""

    name: str
    file: str

    def write(self, target: Path) -> Rows:
        """Write the whole database to a file and count the rows of each table in the same snapshot."""
        ...

    def read(self, source: Path) -> None:
        """Put the database of a file in the place of the present one, wholly or not at all."""
        ...


class PostgreSQL:
    """By pg_dump, pg_restore and psql, which must not be older than the server."""

    name = "postgresql"
    file = "database.dump"

    def write(self, target: Path) -> Rows:
        """Dump what a snapshot holds, and count in it."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone() or ("",)
            postgresql.dump(target, snapshot=snapshot)
            return counted(connection.introspection.table_names(cursor))

    def read(self, source: Path) -> None:
        """Empty the schema and fill it anew in one transaction: also what the backup does not know of goes."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            (schema,) = cursor.fetchone() or (None,)
        if schema is None:
            raise BackupError("the database has no schema to restore into: make one, or look at the role's search_path")
        connections.close_all()
        postgresql.replace(source, schema=schema)


class SQLite:
    """By SQLite's online backup, which is consistent while others write."""

    name = "sqlite"
    file = "database.sqlite3"

    def write(self, target: Path) -> Rows:
        """Copy the database page by page; then count in the copy."""
        with closing(sqlite3.connect(_sqlite_file())) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, whole by itself
            names = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            wanted = set(names) & set(connection.introspection.table_names())
            return {name: copy.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in sorted(wanted)}  # noqa: S608  names of our own tables

    def read(self, source: Path) -> None:
        """Copy the pages over those of the present database, in one transaction of SQLite's own."""
        connections.close_all()
        target = _sqlite_file()
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as kept, _exclusive(target) as present:
            kept.backup(present)


def present_engine() -> Engine:
    """Give the engine of the default connection. Raises BackupError for one that is neither."""
    engines: dict[str, Engine] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}
    try:
        return engines[connection.vendor]
    except KeyError:
        raise BackupError(f"backups are not known for {connection.vendor}") from None


def counted(tables: Iterable[str]) -> Rows:
    """Count the rows of tables."""
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        rows: Rows = {}
        for table in sorted(tables):
            cursor.execute(f"SELECT count(*) FROM {quote(table)}")  # noqa: S608  quoted name of our own table
            (rows[table],) = cursor.fetchone() or (0,)
    return rows


def _sqlite_file() -> Path:
    return Path(str(connection.settings_dict["NAME"]))


@contextmanager
def _exclusive(target: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that nobody else may be writing to. Raises BackupError where somebody is."""
    with closing(sqlite3.connect(target, timeout=2)) as present:
        try:
            present.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError:
            raise BackupError(f"{target} is in use: stop web server and worker first") from None
        yield present
