"""Commands that read one JSON document, compute and print JSON: no database, and a bad document is named, never a traceback."""

import json
import sys
from abc import abstractmethod
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from matching.engine import EngineError

BAD_INSTANCE = 2  # exit code


class InstanceCommand(BaseCommand):
    """`manage.py <command> FILE.json`; subclasses say what the answer to a document is."""

    requires_system_checks: list[str] = []

    @abstractmethod
    def answer(self, content: bytes) -> Any:
        """Compute the answer, as JSON data. Raises EngineError for a bad document."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", metavar="FILE", help="the instance as JSON; - for standard input")

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, compute and print. Raises CommandError with exit code 2 for what cannot be read or is bad."""
        content = _content(options["file"])
        try:
            found = self.answer(content)
        except EngineError as error:
            where = error.subject or "the document"
            raise CommandError(f"The instance is bad at {where}: {error.detail}.", returncode=BAD_INSTANCE) from error
        self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))


def _content(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.", returncode=BAD_INSTANCE) from error
