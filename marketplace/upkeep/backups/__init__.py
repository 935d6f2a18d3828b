"""Backups that can be trusted: one folder with the database, a manifest of what is in it, and the digest of each file.

    backup-20261128T180000Z/
        manifest.json     engine, version of the product, migrations, rows of each table, bytes and SHA-256 of each file
        database.dump     PostgreSQL: pg_dump's custom format; SQLite: database.sqlite3, the database itself
        documents/        the uploaded documents, as they lie in the installation's own folder

The folder appears under its name once it is complete. Rows are counted in the very snapshot that is written.
"""

from marketplace.upkeep.backups.making import make_backup
from marketplace.upkeep.backups.manifest import BackupError, Manifest, read_manifest
from marketplace.upkeep.backups.restoring import restore_backup

__all__ = ["BackupError", "Manifest", "make_backup", "read_manifest", "restore_backup"]
