"""Reads course catalogues into draft offerings: those that are due, one by its name, or a file."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from marketplace.kernel.errors import DomainError
from providers import operations, queries
from providers.models import Harvest
from providers.tasks import FETCH_BYTES, read_catalogue


class Command(BaseCommand):
    """`manage.py harvest`, `manage.py harvest CENTRE/website [--file catalogue.jsonld]`."""

    help = (
        "Reads the course catalogues that are due into draft offerings; with PROVIDER/SOURCE that one alone, from --file if "
        "it is given. The exit code tells whether anything could not be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the name of a harvest and `--file`."""
        parser.add_argument("name", nargs="?", help="PROVIDER/SOURCE, as in GET /harvests")
        parser.add_argument("--file", type=Path, help="read this file instead of the address")

    def handle(self, *args: object, name: str | None, file: Path | None, **options: object) -> None:
        """Read, and print what came of it. Raises CommandError where something could not be read."""
        at = timezone.now()
        if file is not None and name is None:
            raise CommandError("Name the harvest that the file is for: PROVIDER/SOURCE.")
        rows = [_named(name)] if name else list(queries.harvests_due(at).select_related("provider"))
        ended = [self._run(harvest, file, at) for harvest in rows]
        if not ended:
            self.stdout.write("Nothing is due.")
        if any(harvest.problem for harvest in ended):
            raise CommandError("Not everything could be read.")

    def _run(self, harvest: Harvest, file: Path | None, at: datetime) -> Harvest:
        reading = _from_file(file, harvest) if file else read_catalogue({"harvest": str(harvest.public_id)}, at=at)
        if reading is None:
            raise CommandError(f"{harvest.reference_text} is switched off or has no address.")
        try:
            done = operations.take_in(harvest_id=harvest.pk, reading=reading, at=at)
        except DomainError as error:
            raise CommandError(str(error)) from None
        counts = ", ".join(f"{sort} {count}" for sort, count in done.report.get("counts", {}).items() if count)
        self.stdout.write(f"{done.reference_text}: {done.problem or counts or 'nothing'}")
        return done


def _named(name: str) -> Harvest:
    provider, _, source = name.partition("/")
    found = Harvest.objects.select_related("provider").filter(provider__code=provider, source=source).first()
    if found is None:
        raise CommandError(f"There is no harvest {name}.")
    return found


def _from_file(file: Path, harvest: Harvest) -> operations.Reading:
    if not file.is_file():
        raise CommandError(f"There is no file {file}.")
    if file.stat().st_size > FETCH_BYTES:
        return operations.Reading(problem="answer_too_large")
    return operations.read_document(file.read_bytes(), language=harvest.language, base=harvest.url)
