"""The best team for an instance read from a file; the format is described in `docs/engine.md`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from matching.engine import EngineError, find_team, read_team_instance, team_document

BAD_INSTANCE = 2


class Command(BaseCommand):
    """`manage.py find_team FILE.json`."""

    help = (
        "Find the smallest team that covers the most cells of an instance, and print it as JSON with objective, bound, "
        "gap and timings. Exit code 0: answered; 2: the instance is bad."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", metavar="FILE", help="the instance as JSON; - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, search and print."""
        content = _content(options["file"])
        begun = perf_counter()
        try:
            instance = read_team_instance(content)
        except EngineError as error:
            where = error.subject or "the document"
            raise CommandError(f"The instance is bad at {where}: {error.detail}.", returncode=BAD_INSTANCE) from error
        read = perf_counter()
        answer = find_team(instance)
        timings = {"reading": (read - begun) * 1000, "searching": (perf_counter() - read) * 1000}
        self.stdout.write(json.dumps(team_document(answer, timings), ensure_ascii=False, indent=2))


def _content(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.", returncode=BAD_INSTANCE) from error
