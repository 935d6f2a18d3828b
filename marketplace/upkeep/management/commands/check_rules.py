"""Whether the rules of the domain hold in this database."""

from typing import Any

from django.core.management.base import BaseCommand

from marketplace.upkeep.telling import tell_rules


class Command(BaseCommand):
    """`manage.py check_rules`."""

    help = "Recounts what the domain's rules are about: lines, seats, capacity, audit records and events."

    def handle(self, *args: Any, **options: Any) -> None:
        """Look and print; exit code 1 where a rule is broken."""
        if not tell_rules(self.stdout):
            raise SystemExit(1)
