"""The files themselves: under VAR_DIR, outside of anything a web server serves, under names that say nothing."""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

NAME_BYTES = 16  # of chance in a name; its first two digits are its folder, so that no folder holds everything
UNFINISHED = ".part"


def folder() -> Path:
    """Give the folder of all files."""
    return Path(settings.FILES_DIR)


def path_of(name: str) -> Path:
    """Give the path of a file. Raises ValueError for anything but a name that `write` gave."""
    if len(name) != 2 * NAME_BYTES or not set(name) <= set("0123456789abcdef"):
        raise ValueError("this is no name of a stored file")
    return folder() / name[:2] / name


def write(content: bytes) -> str:
    """Store ``content`` and give its name: whole and on the disk, or not at all (write beside, fsync, rename)."""
    name = secrets.token_hex(NAME_BYTES)
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(UNFINISHED)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    unfinished.rename(path)
    _keep_name(path.parent)
    return name


def _keep_name(directory: Path) -> None:
    """Bring the entry of a new file to the disk, too."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(name: str) -> bytes:
    """Read a stored file. Raises FileNotFoundError."""
    return path_of(name).read_bytes()


def delete(name: str) -> None:
    """Delete a stored file; one that is gone stays gone. Raises FileNotFoundError where the folder of all files is missing.

    Without its folder nothing can be told of a file: this process sees another disk than the one that stored it.
    """
    path = path_of(name)
    if not folder().is_dir():
        raise FileNotFoundError(f"{folder()}, the folder of stored files, is not there")
    path.unlink(missing_ok=True)


def files_before(moment: datetime) -> Iterator[Path]:
    """Walk the files, finished or not, that were written before ``moment``."""
    for path in folder().glob("??/*"):
        if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < moment:
            yield path
