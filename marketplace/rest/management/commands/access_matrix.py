"""docs/access-matrix.csv: every cell of the access matrix in words."""

import csv
import io
from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.rest.access import HEADER, cells


class Command(BaseCommand):
    """`manage.py access_matrix [--check]`."""

    help = "Writes docs/access-matrix.csv from marketplace/rest/data/access.csv; --check fails where it is not fresh."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--check` and `--file`."""
        parser.add_argument("--check", action="store_true", help="write nothing, fail when the file is not fresh")
        parser.add_argument("--file", type=Path, default=settings.BASE_DIR / "docs" / "access-matrix.csv")

    def handle(self, *args: object, file: Path, check: bool, **options: object) -> None:
        """Write or compare."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        found = list(cells())
        writer.writerows(found)
        if check and (not file.is_file() or file.read_text("utf-8") != text.getvalue()):
            raise CommandError(f"{file.name} is not what the table says: run `make schema` and commit what it wrote.")
        if not check:
            file.write_text(text.getvalue(), "utf-8")
        self.stdout.write(f"{len(found)} cells of the access matrix.")
