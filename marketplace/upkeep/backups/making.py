"""Making a backup."""

import shutil
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from marketplace.files.storage import UNFINISHED
from marketplace.upkeep.backups.engines import present_engine
from marketplace.upkeep.backups.manifest import DOCUMENTS, FORMAT, BackupError, Manifest, digests


def make_backup(into: Path, *, at: datetime) -> Path:
    """Write a backup of the present database and documents into a new folder below ``into`` and give its path.

    Raises BackupError where it cannot be made; then nothing is left of it.
    """
    engine = present_engine()
    folder = into / f"backup-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    if folder.exists():
        raise BackupError(f"{folder} is there already")
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True, mode=0o700)
    try:
        rows = engine.write(unfinished / engine.file)
        _copy_documents(unfinished)
        manifest = Manifest(
            format=FORMAT,
            version=product_version(),
            engine=engine.name,
            made_at=at.astimezone(UTC).isoformat(),
            migrations=last_migrations(),
            rows=rows,
            files=digests(unfinished),
        )
        manifest.write(unfinished)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def product_version() -> str:
    """Give the version of the API contract that this code serves, or of the package where it is installed."""
    try:
        return version("gmg-training-marketplace")
    except PackageNotFoundError:
        return str(settings.SPECTACULAR_SETTINGS["VERSION"])


def last_migrations() -> dict[str, str]:
    """Give the last migration of each app that the present database has had."""
    applied = sorted(MigrationRecorder(connection).applied_migrations())
    return {app: name for app, name in applied}  # noqa: C416  the last of each app wins


def _copy_documents(folder: Path) -> None:
    """Take the uploaded documents along; documents are never changed, so copying after the database loses none.

    Uploads and the sweep go on meanwhile: what is being written is in no row of the backup, and what goes was needed by none.
    """
    kept = Path(settings.VAR_DIR) / DOCUMENTS
    if kept.is_dir():
        unfinished = shutil.ignore_patterns(f"*{UNFINISHED}")
        shutil.copytree(kept, folder / DOCUMENTS, ignore=unfinished, copy_function=_copy_if_there)


def _copy_if_there(source: str, target: str) -> str:
    """Copy a file, or pass over one that has gone since its folder was read."""
    try:
        return shutil.copy2(source, target)
    except FileNotFoundError:
        if Path(source).exists():  # then it is the target that cannot be written
            raise
        return target
