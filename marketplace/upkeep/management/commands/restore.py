"""Put a backup back."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from marketplace.upkeep.backups import BackupError, restore_backup
from marketplace.upkeep.telling import tell_rules


class Command(BaseCommand):
    """`manage.py restore FOLDER`."""

    help = "Puts a backup into the database that DATABASE_URL names, counts every row, and looks at the domain's rules."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the folder and `--replace`."""
        parser.add_argument("folder", type=Path, help="a folder that `manage.py backup` wrote")
        parser.add_argument("--replace", action="store_true", help="write over a database that is not empty")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, then check; exit code 1 where a rule is broken."""
        try:
            manifest = restore_backup(options["folder"], at=timezone.now(), replace=options["replace"])
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{sum(manifest.rows.values()):,} rows of {len(manifest.rows)} tables are back")
        if not tell_rules(self.stdout):
            raise SystemExit(1)
        self.stdout.write("Next: manage.py migrate, where this version is newer; then start the processes.")
