"""`manage.py take_second_factor PERSON --reason "..."`: for somebody who has lost app and codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.identity import operations
from marketplace.kernel.errors import DomainError


class Command(BaseCommand):
    """Take them away, with a record in the trail."""

    help = "Takes the second factors of a person away, after you made sure who asks; staff must then set up new ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the person, who answers for it, and why."""
        parser.add_argument("login")
        parser.add_argument(
            "--by", metavar="LOGIN", help="who answers for it, for the trail: who manages organizations"
        )
        parser.add_argument("--reason", required=True, help="why, for the trail, and how you made sure who asks")

    def handle(self, *, login: str, by: str | None = None, reason: str, **_: Any) -> None:
        """Take them away and say which. Raises CommandError where somebody is not known or may not."""
        person = _person(login)
        actor = Actor.for_user(_person(by)) if by else Actor.system("operations")
        try:
            kinds = operations.take_second_factors(actor=actor, at=timezone.now(), user=person, reason_text=reason)
        except DomainError as error:
            raise CommandError(f"{by} does not manage organizations.") from error
        told = f"{', '.join(kinds)} taken away." if kinds else "There was none."
        self.stdout.write(f"Second factors of {person.username}: {told}")


def _person(login: str) -> User:
    found = User.objects.filter(username=login).first()
    if found is None:
        raise CommandError(f"Nobody has the login {login}.")
    return found
