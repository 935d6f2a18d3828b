"""Made-up needs and offerings in any number, for load."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import ProtectedError
from django.utils import timezone

from marketplace.demo.synthetic import load_synthetic, remove_synthetic
from marketplace.vocabularies import operations as vocabularies


class Command(BaseCommand):
    """`manage.py load_synthetic`."""

    help = (
        "Writes made-up records in bulk: past the operations, so without audit records, events and notices. "
        "Their codes begin with SYN-."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the numbers, the seed, and `--remove`."""
        parser.add_argument("--requests", type=int, default=1_000)
        parser.add_argument("--offerings", type=int, default=5_000)
        parser.add_argument("--providers", type=int, default=300)
        parser.add_argument("--seed", type=int, default=20_120_209, help="the same seed gives the same records")
        parser.add_argument("--remove", action="store_true", help="take the made-up records away instead")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write or remove, and say how many and how long it took."""
        began = time.monotonic()
        done = self._remove() if options["remove"] else self._load(options)
        for kind, count in done.items():
            self.stdout.write(f"{count:8} {kind.replace('_', ' ')}")
        self.stdout.write(f"{time.monotonic() - began:8.1f} seconds")

    def _load(self, options: dict[str, Any]) -> dict[str, int]:
        if min(options["requests"], options["offerings"]) < 0 or options["providers"] < 1:
            raise CommandError("Numbers are not negative, and there is at least one provider.")
        vocabularies.load_vocabularies(at=timezone.now())
        try:
            return load_synthetic(
                at=timezone.now(),
                request_count=options["requests"],
                offering_count=options["offerings"],
                provider_count=options["providers"],
                seed=options["seed"],
            )
        except ValueError as error:
            raise CommandError("Made-up records are there already; --remove takes them away.") from error

    def _remove(self) -> dict[str, int]:
        try:
            return remove_synthetic()
        except ProtectedError as error:
            raise CommandError("Something has come to stand on the made-up records; nothing was removed.") from error
