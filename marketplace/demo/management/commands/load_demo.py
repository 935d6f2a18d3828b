"""Load the demo data; loading twice changes nothing."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from marketplace.demo.loading import load_demo


class Command(BaseCommand):
    """`manage.py load_demo`."""

    help = "Loads vocabularies and demo data through the operations, its dates moved to today; idempotent."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load and say what was new."""
        new = load_demo(at=timezone.now())
        if not new:
            self.stdout.write("The demo data is loaded already; nothing was new.")
        for kind, count in new.items():
            self.stdout.write(f"{count:4} {kind.replace('_', ' ')}")
