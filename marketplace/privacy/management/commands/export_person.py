"""Write what is held about a person."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from marketplace.kernel.errors import DomainError
from marketplace.privacy.export import export_person
from marketplace.privacy.people import find_person


class Command(BaseCommand):
    """`manage.py export_person`."""

    help = (
        "Writes everything that is held about a person as JSON to the standard output, other people's words in it too: "
        "look through it before you hand it on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the person."""
        parser.add_argument("person", metavar="LOGIN|ID", help="login or public id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it."""
        try:
            person = find_person(options["person"])
        except DomainError as error:
            raise CommandError(f"Nobody has the login or id {options['person']!r}.") from error
        told = export_person(person, at=timezone.now())
        self.stdout.write(json.dumps(told, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2))
