"""Find the free texts that name a person, and take the name out of them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError
from marketplace.privacy.people import find_person, identify
from marketplace.privacy.redaction import find_texts, redact_texts


class Command(BaseCommand):
    """`manage.py redact_texts`."""

    help = "Shows the free texts that name a person; with --only or --all puts […] for the name. Before erase_person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the person, the places, who answers for it, and why."""
        parser.add_argument("person", metavar="LOGIN|ID", help="login or public id")
        places = parser.add_mutually_exclusive_group()
        places.add_argument("--only", nargs="+", metavar="PLACE", help="change these places, as they are shown")
        places.add_argument("--all", action="store_true", help="change every place")
        parser.add_argument(
            "--by", metavar="LOGIN", help="who answers for it, for the trail: who manages organizations"
        )
        parser.add_argument("--reason", default="", help="why, for the trail; do not name the person in it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show, or change."""
        try:
            person = find_person(options["person"])
            actor = Actor.for_user(find_person(options["by"])) if options["by"] else Actor.system("redact_texts")
        except DomainError as error:
            raise CommandError("Nobody has this login or id.") from error
        if not (options["all"] or options["only"]):
            self._show(person)
            return
        if not options["reason"].strip():
            raise CommandError("--reason is empty.")
        if options["all"] and identify(person).shared:
            raise CommandError("Somebody else goes by one of the names: choose the places with --only.")
        try:
            done = redact_texts(
                actor=actor, at=timezone.now(), person=person, reason_text=options["reason"], only=options["only"]
            )
        except DomainError as error:
            raise CommandError("; ".join(one.detail % one.params for one in error.errors) or str(error)) from error
        self.stdout.write(f"{len(done)} texts changed. Older backups still hold the name.")

    def _show(self, person: Any) -> None:
        for place in find_texts(person):
            sealed = " (kept for replay: cannot be changed)" if place.sealed else ""
            self.stdout.write(f"{place.name}{sealed}\n    … {place.around} …")
