"""Erase what is held about a person."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError
from marketplace.privacy.operations import Erasure, erase_person
from marketplace.privacy.people import find_person, identify
from marketplace.privacy.redaction import find_texts


class Command(BaseCommand):
    """`manage.py erase_person`."""

    help = "Erases what is held about a person and ends their ways in; says what goes, what stays and why."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the person, the reason, and whether only to look."""
        parser.add_argument("person", metavar="LOGIN|ID", help="login or public id")
        parser.add_argument("--reason", required=True, help="why, for the trail; do not name the person in it")
        parser.add_argument(
            "--leave-texts",
            action="store_true",
            help="erase although free texts name the person: nobody finds them later",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would go and what would stay")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, or look, and tell."""
        try:
            person = find_person(options["person"])
        except DomainError as error:
            raise CommandError(f"Nobody has the login or id {options['person']!r}.") from error
        if not options["reason"].strip():
            raise CommandError("--reason is empty.")
        if not (options["dry_run"] or options["leave_texts"]) and (texts := find_texts(person)):
            raise CommandError(
                f"{len(texts)} free texts name the person, and cannot be found once the name is gone. Look at them with "
                f"`manage.py redact_texts {options['person']}`, or erase with --leave-texts."
            )
        words = identify(person).needles  # chosen by the person: who erases has a look before texts go by them
        done = erase_person(
            actor=Actor.system("erase_person"),
            at=timezone.now(),
            person=person,
            reason_text=options["reason"],
            dry_run=options["dry_run"],
        )
        Console(file=self.stdout, width=160).print(_table(done))  # type: ignore[arg-type]
        if options["dry_run"]:
            self.stdout.write(f"Texts are looked for by: {'; '.join(words)}.")
        if done.texts:
            self.stdout.write("These free texts name the person and stay (`manage.py redact_texts`):")
        for place in done.texts:
            self.stdout.write(f"  {place.name}")
        self.stdout.write(
            "Nothing was changed (--dry-run)." if options["dry_run"] else "Erased. Older backups still hold it."
        )


def _table(done: Erasure) -> Table:
    table = Table("what", "rows", "becomes", "why")
    for line in done.lines:
        table.add_row(f"{line.model}.{line.column}", str(line.rows), line.fate.value, line.why)
    table.add_row("audit trail: values", str(done.values.values), "erased", "the records and their chain stay")
    table.add_row("browser sessions", str(done.sessions), "deleted", "a way in ends at once")
    return table
