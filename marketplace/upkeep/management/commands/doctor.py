"""What is well, what is not, and the command that repairs it."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from marketplace.upkeep import doctor


class Command(BaseCommand):
    """`manage.py doctor`."""

    help = (
        "Looks at database, migrations, vocabularies, worker, heartbeats, outbox, audit trail, dead letters, broker, static "
        "files, translations."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--json`."""
        parser.add_argument("--json", action="store_true", help="one JSON object for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look and print; exit code 1 where anything is not well."""
        found = list(doctor.examine(timezone.now()))
        well = all(diagnosis.ok for diagnosis in found)
        if options["json"]:
            self.stdout.write(json.dumps({"ok": well, "checks": [asdict(diagnosis) for diagnosis in found]}, indent=2))
        else:
            for diagnosis in found:
                self.stdout.write(_line(diagnosis))
        if not well:
            raise SystemExit(1)


def _line(diagnosis: doctor.Diagnosis) -> str:
    words = f"{'✓' if diagnosis.ok else '✗'} {diagnosis.name:<14} {diagnosis.detail}".rstrip()
    return words if diagnosis.ok else f"{words}\n    repair: {diagnosis.repair}"
