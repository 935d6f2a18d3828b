"""Putting a backup back."""

import shutil
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from marketplace.upkeep.backups.engines import counted, present_engine
from marketplace.upkeep.backups.manifest import DOCUMENTS, BackupError, Manifest, read_manifest
from marketplace.work import queries as work


def restore_backup(folder: Path, *, at: datetime, replace: bool = False) -> Manifest:
    """Put the backup of a folder in the place of the present database and documents, and see that all rows are there.

    A database that holds tables is only written over with ``replace``, and never while a worker says that it is alive.
    Raises BackupError, before anything was changed wherever that can be known.
    """
    manifest, engine = read_manifest(folder), present_engine()
    if manifest.engine != engine.name:
        raise BackupError(f"this is a backup of {manifest.engine}; DATABASE_URL names a {engine.name} database")
    if _tables():
        if not replace:
            raise BackupError("the database is not empty: name an empty one, or add --replace to write over it")
        _require_silence(at)
    engine.read(folder / engine.file)
    _put_documents(folder / DOCUMENTS)
    _compare(manifest.rows)
    return manifest


def _tables() -> list[str]:
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def _require_silence(at: datetime) -> None:
    try:
        alive = [beat.name for beat in work.live_processes(at)]
    except DatabaseError:  # tables of a version that this code does not know
        return
    if alive:
        raise BackupError(f"these processes use the database, stop them first: {', '.join(alive)}")


def _put_documents(source: Path) -> None:
    target = Path(settings.VAR_DIR) / DOCUMENTS
    if target.exists():
        shutil.rmtree(target)
    if source.is_dir():
        shutil.copytree(source, target)


def _compare(rows: dict[str, int]) -> None:
    present = counted(sorted(set(_tables()) & rows.keys()))
    wrong = [
        f"{table}: {present.get(table, 'no table')} instead of {number}"
        for table, number in rows.items()
        if present.get(table) != number
    ]
    if wrong:
        raise BackupError(f"not everything came back: {'; '.join(wrong)}")
