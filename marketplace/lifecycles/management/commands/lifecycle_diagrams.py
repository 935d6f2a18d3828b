"""The pages under docs/lifecycles/, written from the tables of the code."""

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.lifecycles.diagrams import pages


class Command(BaseCommand):
    """`manage.py lifecycle_diagrams [--check]`."""

    help = "Writes docs/lifecycles/ from the life-cycle tables; --check compares and fails on a difference."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--check` and `--folder`."""
        parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is not fresh")
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "docs" / "lifecycles")

    def handle(self, *args: object, folder: Path, check: bool, **options: object) -> None:
        """Write or compare."""
        wanted = pages()
        present = {path.name: path.read_text("utf-8") for path in folder.glob("*.md")}
        stale = sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))
        if check and stale:
            raise CommandError(
                f"not what the tables say: {', '.join(stale)}. Run `make schema` and commit what it wrote."
            )
        if not check:
            write(folder, wanted, stale)
        self.stdout.write(f"{len(wanted)} pages about life cycles, {0 if check else len(stale)} written anew.")


def write(folder: Path, wanted: dict[str, str], stale: list[str]) -> None:
    """Write the pages that differ and remove those of life cycles that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (folder / name).write_text(wanted[name], "utf-8")
        else:
            (folder / name).unlink()
