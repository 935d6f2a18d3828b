"""PostgreSQL's own programs on the default database: pg_dump writes, pg_restore tells what was written, psql does it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO, cast

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.client import DatabaseClient

from marketplace.upkeep.backups.manifest import BackupError

LAST_WORDS = 800  # characters of what a program complains of

# Begins the transaction and takes everything out of a schema. The schema itself stays, with its owner and rights: a role
# that owns the database need not own it (up to PostgreSQL 14 `public` is the superuser's). What belongs to an extension stays,
# too: only a superuser could put most of them back. Tables go first, because their sequences cannot go without them.
EMPTIED = """
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
DO $empty$
DECLARE
    thing record;
BEGIN
    FOR thing IN
        SELECT named.type, named.identity
        FROM pg_depend AS inside, pg_identify_object(inside.classid, inside.objid, 0) AS named
        WHERE inside.refclassid = 'pg_namespace'::regclass
            AND inside.refobjid = (SELECT oid FROM pg_namespace WHERE nspname = {literal})
            AND inside.deptype = 'n'
            AND inside.classid <> 'pg_extension'::regclass
            AND NOT EXISTS (
                SELECT FROM pg_depend AS part
                WHERE part.classid = inside.classid AND part.objid = inside.objid AND part.deptype = 'e'
            )
        ORDER BY named.type <> 'table', named.identity
    LOOP
        EXECUTE format(
            'DROP %s IF EXISTS %s CASCADE', regexp_replace(thing.type, '^composite | object$', ''), thing.identity
        );
    END LOOP;
END
$empty$;
"""
# Fails where the backup held nothing for the schema: better the former data than none.
FILLED = """
SELECT FROM {schema}.django_migrations LIMIT 1;
COMMIT;
"""


def dump(target: Path, *, snapshot: str) -> None:
    """Write what a snapshot holds into a file. Raises BackupError."""
    command, environment = _program("pg_dump")
    words = ("--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={target}")
    done = subprocess.run([*command, *words], env=environment, capture_output=True, text=True, check=False)  # noqa: S603  words of our own
    if done.returncode:
        raise _failure("pg_dump", done.returncode, done.stderr)


def replace(source: Path, *, schema: str) -> None:
    """Put what a file holds of a schema in the place of all that is in there, in one transaction. Raises BackupError.

    It streams from one program to the other. The last word, COMMIT, is said here, once pg_restore has ended well: psql alone
    takes the end of a stream that broke off for the end of the work.
    """
    reader, _ = _program("pg_restore", connects=False)
    writer, environment = _program("psql")
    reading = [*reader, "--file=-", "--no-owner", f"--schema={schema}", str(source)]
    writing = [*writer, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    quoted = connection.ops.quote_name(schema)
    literal = "'" + schema.replace("'", "''") + "'"
    with tempfile.TemporaryFile() as said_by_reader, tempfile.TemporaryFile() as said:
        with subprocess.Popen(  # noqa: S603  words of our own
            writing, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, env=environment, bufsize=0
        ) as psql:
            read = _feed(
                cast("IO[bytes]", psql.stdin),
                EMPTIED.format(literal=literal),
                reading,
                said_by_reader,
                FILLED.format(schema=quoted),
            )
        # psql first: where it stops, pg_restore has nobody to tell and fails for that.
        if psql.returncode:
            raise _failure("psql", psql.returncode, _words(said))
        if read:
            raise _failure("pg_restore", read, _words(said_by_reader))


def _feed(psql: IO[bytes], first: str, reading: list[str], said: IO[bytes], last: str) -> int:
    """Say the first words, let pg_restore go on, and say the last ones where it ended well; tell how it ended."""
    try:
        psql.write(first.encode())
        done = subprocess.run(reading, stdout=psql, stderr=said, check=False)  # noqa: S603  words of our own
        if done.returncode == 0:
            psql.write(last.encode())
    except BrokenPipeError:  # psql has stopped and says why
        return 1
    return done.returncode


def _program(name: str, *, connects: bool = True) -> tuple[list[str], dict[str, str]]:
    """Find a program and tell its command and environment; the password goes by environment, never by words."""
    found = shutil.which(name, path=settings.POSTGRES_PROGRAMS or None)
    if found is None:
        raise BackupError(
            f"{name} is not found: install PostgreSQL's client programs (Debian: postgresql-client), or name their "
            "folder in POSTGRES_PROGRAMS"
        )
    (_psql, *server, database), environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    words = [*server, "--dbname", database] if connects else []
    return [found, *words], {**os.environ, **(environment or {})}


def _words(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace")


def _failure(program: str, code: int, said: str) -> BackupError:
    return BackupError(f"{program} ended with {code}: {said.strip()[-LAST_WORDS:]}")
