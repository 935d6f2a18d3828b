"""What the export commands share: where it goes, and `--check`, by which nothing is written."""

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError

from marketplace.formats.checks import Check, ToolMissingError

ROOT = "http://127.0.0.1:8000"
STANDARD_OUTPUT = Path("-")
Options = Mapping[str, Any]


def public_root(text: str) -> str:
    """Read the address of an installation. Raises CommandError unless it is one of http or https."""
    if not text.startswith(("https://", "http://")):
        raise CommandError(f"{text} is no address of http or https.")
    return text.rstrip("/")


class ExportCommand(BaseCommand):
    """Writes one document. Subclasses give its ``pieces`` and the ``rules`` that hold it against its rules."""

    rules: ClassVar[Check]

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--check`, `--output` and `--root`."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail where the document breaks a rule")
        parser.add_argument("--output", type=Path, default=STANDARD_OUTPUT, help="the file to write; - is the terminal")
        parser.add_argument("--root", default=ROOT, help="public address of this installation")

    def pieces(self, options: Options) -> Iterator[bytes]:
        """Give the document piece by piece."""
        raise CommandError("this command writes nothing")

    def checker(self, options: Options) -> Check:
        """Give the check of the document."""
        return type(self).rules

    def handle(self, *args: object, check: bool, output: Path, root: str, **options: Any) -> None:
        """Check or write. A file appears whole or not at all."""
        options["root"] = public_root(root)
        pieces = self.pieces(options)
        if check:
            self._check(b"".join(pieces), options)
        elif output == STANDARD_OUTPUT:
            for piece in pieces:
                self.stdout.write(piece.decode(), ending="")
            self.stdout.write("")
        else:
            draft = output.with_name(f".{output.name}.part")
            with draft.open("wb") as file:
                file.writelines(pieces)
            draft.replace(output)
            self.stdout.write(f"{output}: {output.stat().st_size} bytes")

    def _check(self, document: bytes, options: Options) -> None:
        try:
            complaints = self.checker(options)(document)
        except ToolMissingError as error:
            raise CommandError(str(error)) from None
        for complaint in complaints:
            self.stderr.write(complaint)
        if complaints:
            raise CommandError(f"{len(complaints)} complaints.")
        self.stdout.write(f"{len(document)} bytes, no complaint.")
