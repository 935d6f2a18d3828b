"""Make a backup."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from marketplace.upkeep.backups import BackupError, make_backup, read_manifest


class Command(BaseCommand):
    """`manage.py backup`."""

    help = "Writes database and documents into a folder of their own, with a manifest; everything may go on running."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--to`."""
        parser.add_argument("--to", type=Path, default=settings.BACKUP_DIR, help="where the new folder is made")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it, and print its path alone on the last line, for scripts."""
        try:
            folder = make_backup(options["to"], at=timezone.now())
            manifest = read_manifest(folder)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        rows = sum(manifest.rows.values())
        self.stdout.write(f"{rows:,} rows of {len(manifest.rows)} tables, {size / 1e6:,.1f} MB, {manifest.engine}")
        self.stdout.write(str(folder))
