"""The best plan for an instance read from a file; the format is described in `docs/engine.md`."""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from matching.engine import EngineError, plan_document, read_portfolio, solve

BAD_INSTANCE = 2


class Command(BaseCommand):
    """`manage.py solve_portfolio FILE.json`."""

    help = (
        "Find the best plan for all needs of an instance, and print it as JSON with the objectives, their bounds and gaps, "
        "and timings. Exit code 0: answered, even if no plan keeps all limits; 2: the instance is bad."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", metavar="FILE", help="the instance as JSON; - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, solve and print."""
        content = _content(options["file"])
        begun = perf_counter()
        try:
            instance, settings = read_portfolio(content)
        except EngineError as error:
            where = error.subject or "the document"
            raise CommandError(f"The instance is bad at {where}: {error.detail}.", returncode=BAD_INSTANCE) from error
        timings = {"reading": perf_counter() - begun}
        solution = solve(instance, settings, timings=timings)
        self.stdout.write(json.dumps(plan_document(instance, solution, timings), ensure_ascii=False, indent=2))


def _content(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.", returncode=BAD_INSTANCE) from error
