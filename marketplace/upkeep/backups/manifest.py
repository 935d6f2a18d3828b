"""What a backup says of itself, and whether it is still so."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
NAME = "manifest.json"
DOCUMENTS = "documents"
BLOCK = 1 << 20  # bytes read at once


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the message says why and what helps."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The description of a backup; ``files`` holds the SHA-256 of each file by its path in the folder."""

    format: int
    version: str  # of the product
    engine: str  # postgresql | sqlite
    made_at: str  # ISO 8601, UTC
    migrations: dict[str, str]  # the last one of each app
    rows: dict[str, int]  # by table
    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        (folder / NAME).write_text(json.dumps(asdict(self), indent=2, sort_keys=True), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read the description of a backup and see that each file is the one that was written. Raises BackupError."""
    try:
        told: dict[str, Any] = json.loads((folder / NAME).read_text(encoding="utf-8"))
        manifest = Manifest(**told)
    except FileNotFoundError:
        raise BackupError(f"{folder} holds no {NAME}: this is no complete backup") from None
    except (TypeError, ValueError) as error:
        raise BackupError(f"{folder / NAME} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{folder} has format {manifest.format}; this version reads {FORMAT}")
    for path, digest in manifest.files.items():
        if not (folder / path).is_file():
            raise BackupError(f"{path} is missing in {folder}")
        if sha256(folder / path) != digest:
            raise BackupError(f"{path} in {folder} is not what was written: its digest differs")
    return manifest


def digests(folder: Path) -> dict[str, str]:
    """Compute the SHA-256 of every file below a folder, by path."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files_below(folder)}


def files_below(folder: Path) -> Iterator[Path]:
    """Give every file below a folder, sorted."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file())


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file, a block at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
