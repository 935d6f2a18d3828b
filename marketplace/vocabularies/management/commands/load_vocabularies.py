"""Load the shipped vocabularies; loading twice changes nothing."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from marketplace.vocabularies.datafiles import SHIPPED, DataFileError
from marketplace.vocabularies.operations import LoadedScheme, load_vocabularies


class Command(BaseCommand):
    help = "Loads the vocabularies, service levels and exchange rates of the shipped data files; idempotent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--folder", type=Path, default=SHIPPED, help="another folder with the same files")
        parser.add_argument(
            "--force", action="store_true", help="compare row by row even where the checksum is the same"
        )

    def handle(self, *args: object, folder: Path, force: bool, verbosity: int, **options: object) -> None:
        """Load and print what was done."""
        try:
            results = load_vocabularies(at=timezone.now(), folder=folder, force=force)
        except DataFileError as problem:
            raise CommandError(f"Nothing was loaded. {problem}") from problem
        shown = results if verbosity > 1 else [result for result in results if result.changed]
        if shown:
            console = Console()
            with console.capture() as text:
                console.print(_table(shown))
            self.stdout.write(text.get())
        self.stdout.write(_summary(results))


def _table(results: list[LoadedScheme]) -> Table:
    table = Table(title="Vocabularies")
    table.add_column("vocabulary", no_wrap=True)
    table.add_column("version", no_wrap=True)
    columns = ("created", "updated", "unchanged", "deactivated", "kept")
    for column in columns:
        table.add_column(column, justify="right")
    for result in results:
        table.add_row(result.code, result.version, *(str(getattr(result, column) or "") for column in columns))
    return table


def _summary(results: list[LoadedScheme]) -> str:
    changed = sum(result.changed for result in results)
    rows = sum(result.created + result.updated + result.unchanged + result.kept for result in results)
    return f"{len(results)} vocabularies with {rows} rows; {changed} changed, {len(results) - changed} unchanged."
