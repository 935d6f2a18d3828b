"""Databases on which the migrations have run, to be copied: migrating takes longer than most tests.

On SQLite the file outlives the run, named by the migrations that made it; on PostgreSQL a database serves the other workers
of the same run. Whoever comes first migrates, the others wait for it.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connection
from psycopg import sql

FOLDER = Path(settings.BASE_DIR) / ".pytest_cache" / "migrated"


class Template(Protocol):
    """Where the tests' database comes from."""

    def begin(self) -> bool:
        """Take the lock, and begin with a copy; say whether there was something to copy."""

    def keep(self, copied: bool) -> None:
        """Keep what was migrated for the others, unless it was copied itself, and let go of the lock."""

    def end(self, copied: bool) -> None:
        """Remove what only this run needed."""


class SqliteTemplate:
    """A file; a change to one of the migrations leads elsewhere."""

    def __init__(self) -> None:
        """Name it."""
        files = sorted(path for app in apps.get_app_configs() for path in Path(app.path).glob("migrations/*.py"))
        digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.file = FOLDER / f"{digest[:32]}.sqlite3"
        self.lock = self.file.with_suffix(".lock").open("w")

    def begin(self) -> bool:
        """Take the lock, and begin with a copy; say whether there was something to copy."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if not self.file.is_file():
            return False
        shutil.copyfile(self.file, connection.settings_dict["TEST"]["NAME"])
        return True

    def keep(self, copied: bool) -> None:
        """Keep what was migrated for the others, unless it was copied itself, and let go of the lock."""
        if not copied:
            unfinished = self.file.with_suffix(f".{os.getpid()}")
            with (
                closing(sqlite3.connect(connection.settings_dict["NAME"])) as migrated,
                closing(sqlite3.connect(unfinished)) as kept,
            ):
                migrated.backup(kept)
            unfinished.replace(self.file)
        self.lock.close()

    def end(self, copied: bool) -> None:
        """Remove nothing: the copy lies in a folder that pytest clears."""


class PostgresTemplate:
    """A database of the server, for the workers of one run."""

    def __init__(self, run: str) -> None:
        """Name it after the run."""
        self.name = f"gmg_migrated_{run}"
        server = urlunsplit(urlsplit(settings.DATABASE_URL)._replace(path="/postgres"))
        self.server = psycopg.connect(server, autocommit=True)

    def begin(self) -> bool:
        """Take the lock, and begin with a copy; say whether there was something to copy."""
        self.server.execute("SELECT pg_advisory_lock(hashtext(%s))", [self.name])
        there = self.server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.name]).fetchone() is not None
        if there:
            self._drop(self.own)
            self._copy(self.name, self.own)
        return there

    @property
    def own(self) -> str:
        """The name of the database of this worker."""
        return connection.settings_dict["TEST"]["NAME"] or f"test_{connection.settings_dict['NAME']}"

    def keep(self, copied: bool) -> None:
        """Keep what was migrated for the others, unless it was copied itself, and let go of the lock."""
        if not copied:
            connection.close()  # nobody may be connected to what is copied
            self._copy(connection.settings_dict["NAME"], self.name)
        self.server.execute("SELECT pg_advisory_unlock_all()")

    def end(self, copied: bool) -> None:
        """Remove the copy; or, with the one that was migrated first, what it was kept as."""
        self._drop(self.own if copied else self.name)
        self.server.close()

    def _copy(self, template: str, name: str) -> None:
        self.server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )

    def _drop(self, name: str) -> None:
        self.server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
