"""Rehearse an upgrade: migrate tables of 100,000 rows on PostgreSQL while statements of the old version go on.

`python -m tooling.migration_drill [--rows N]` fills a database of its own, takes it back to the migrations of the version
before, and migrates it while readers and writers who know only the old columns keep asking. It prints how long each
table made them wait, and ends with 1 where a wait exceeded two seconds or a statement of the old version failed.
"""

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql
from rich.console import Console
from rich.table import Table

from tests.kit.servers import ServerUnavailableError, fresh_database, postgres_server

ROOT = Path(__file__).resolve().parent.parent
LONGEST_WAIT_SECONDS = 2.0
PAUSE_SECONDS = 0.02
# The last migration of each app in the version before this one; to be moved on with each release.
BEFORE = {
    "accounts": "0003_reports_read",
    "audit": "0003_chain",  # drops columns of the trail: from before the first release, when no old version serves
    "bulk": "0001_initial",
    "events": "0001_initial",
    "fulfilment": "0002_checks_refuse_null",
    "identity": "0001_initial",  # was not there; its tables are new and empty
    "matching": "0005_publications",
    "providers": "0001_initial",
    "requests_app": "0001_initial",
    "search": "0003_directory",
    "work": "0001_initial",
}
# What a copied row needs of its own, as SQL over the copy's number `n`; every other column is taken over.
TABLES: dict[str, dict[str, str]] = {
    "accounts_serviceclient": {"public_id": "gen_random_uuid()", "client_id": "'client-' || n"},
    "audit_auditrecord": {"public_id": "gen_random_uuid()"},
    "events_outboxevent": {"public_id": "gen_random_uuid()", "sequence": "1000000 + n"},
    "providers_offering": {"public_id": "gen_random_uuid()", "code": "'C' || n", "external_id": "''"},
    "requests_app_trainingrequest": {
        "public_id": "gen_random_uuid()",
        "reference": "'GMG-MLI-2031-' || n",
        "external_id": "''",
    },
    "requests_app_requestline": {
        "public_id": "gen_random_uuid()",
        "request_id": "(SELECT max(id) FROM requests_app_trainingrequest) - mod(n, 100000)",
        "number": "1000 + mod(n, 31000)",
    },
    "search_searchdocument": {"record_id": "1000000 + n"},
    "work_job": {"public_id": "gen_random_uuid()", "key": "'drill:' || n"},
}
APPEND_ONLY = {"audit_auditrecord"}


@dataclass
class Waits:
    """How long statements on one table took, in seconds, and what they were refused with."""

    slowest: float = 0.0
    statements: int = 0
    refusals: list[str] = field(default_factory=list)


def manage(url: str, *words: str) -> None:
    """Run one management command on a database. Raises CalledProcessError."""
    environment = {**os.environ, "DATABASE_URL": url, "REDIS_URL": "", "TESTING": "1", "LOG_LEVEL": "WARNING"}
    subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
    )


def columns(connection: psycopg.Connection, table: str) -> list[str]:
    """Give the columns of a table as it is now, its key and what the database computes left out."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND column_name <> 'id' AND is_generated = 'NEVER'",
        [table],
    )
    return [str(name) for (name,) in found]


def copying(table: str, names: list[str]) -> sql.Composed:
    """Write the statement that copies the first row of a table for every number of a series (%s to %s)."""
    own = TABLES[table]
    values = [sql.SQL(own[name]) if name in own else sql.Identifier(name) for name in names]
    return sql.SQL(
        "INSERT INTO {table} ({names}) SELECT {values} FROM (SELECT * FROM {table} ORDER BY id LIMIT 1) AS first, "
        "generate_series(%s::bigint, %s::bigint) AS n"
    ).format(
        table=sql.Identifier(table),
        names=sql.SQL(", ").join(map(sql.Identifier, names)),
        values=sql.SQL(", ").join(values),
    )


def fill(url: str, rows: int) -> None:
    """Load a small market, then copy rows until each table has at least `rows`."""
    manage(url, "migrate", "--noinput")
    manage(url, "load_vocabularies")
    manage(url, "load_synthetic", "--requests", "20", "--offerings", "40")
    with psycopg.connect(url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(copying(table, columns(connection, table)), [1, rows])
        connection.execute("VACUUM ANALYZE")


@contextmanager
def old_version(url: str, waits: dict[str, Waits]) -> Iterator[None]:
    """Read, write and insert on every table, knowing only the columns of now, until the block ends."""
    over = threading.Event()
    with psycopg.connect(url, autocommit=True) as connection:
        known = {table: columns(connection, table) for table in TABLES}
    threads = [
        threading.Thread(target=keep_asking, args=(url, table, names, over, waits[table]), daemon=True)
        for table, names in known.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def keep_asking(url: str, table: str, names: list[str], over: threading.Event, waits: Waits) -> None:
    """Send the statements of the old version to one table, one after the other, and note how long each took."""
    name = sql.Identifier(table)
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    read = sql.SQL("SELECT {} FROM {} ORDER BY id LIMIT 50").format(listed, name)
    column = sql.Identifier(names[0])
    newest = sql.SQL("UPDATE {} SET {} = {} WHERE id = (SELECT max(id) FROM {})")
    change = newest.format(name, column, column, name)
    insert, number = copying(table, names), 10_000_000
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.wait(PAUSE_SECONDS):
            number += 1
            statements = [(read, []), (insert, [number, number]), *([] if table in APPEND_ONLY else [(change, [])])]
            for statement, values in statements:
                begun = time.monotonic()
                try:
                    connection.execute(statement, values)
                except psycopg.Error as error:
                    waits.refusals.append(str(error).splitlines()[0])
                waits.slowest = max(waits.slowest, time.monotonic() - begun)
                waits.statements += 1


def rehearse(url: str, rows: int, console: Console) -> bool:
    """Fill, go back, migrate under load, tell; True where nobody waited too long and nothing failed."""
    console.print(f"filling {len(TABLES)} tables with {rows:,} rows each ...")
    fill(url, rows)
    for app, migration in BEFORE.items():
        manage(url, "migrate", app, migration, "--noinput")
    waits = {table: Waits() for table in TABLES}
    console.print("migrating while the old version goes on ...")
    with old_version(url, waits):
        time.sleep(1)
        begun = time.monotonic()
        manage(url, "migrate", "--noinput")
        took = time.monotonic() - begun
        time.sleep(1)
    table = Table("table", "statements", "slowest (s)", "refused", title=f"migrated in {took:.1f} s")
    for name, found in waits.items():
        refused = f"{len(found.refusals)}: {found.refusals[0]}" if found.refusals else "0"
        table.add_row(name, f"{found.statements:,}", f"{found.slowest:.2f}", refused)
    console.print(table)
    return all(found.slowest <= LONGEST_WAIT_SECONDS and not found.refusals for found in waits.values())


def main() -> int:
    """Find a server, rehearse, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows, console = parser.parse_args().rows, Console()
    with ExitStack() as things:
        try:
            given = os.environ.get("DATABASE_URL", "")
            server = given if given.startswith("postgres") else things.enter_context(postgres_server())
            well = rehearse(things.enter_context(fresh_database(server)), rows, console)
        except ServerUnavailableError as error:
            console.print(f"THE UPGRADE WAS NOT REHEARSED: {error}".upper())
            return 2
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
