"""The end of the audit chain, to be kept elsewhere."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from marketplace.audit import anchors, queries


class Command(BaseCommand):
    """`manage.py audit_head`."""

    help = (
        "Prints the end of the audit chain as one line of JSON. Append it to a file where nobody who can write to the "
        "database can write (`manage.py audit_head >> heads.jsonl`); `verify_audit --head heads.jsonl` compares."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it."""
        now = timezone.now()
        self.stdout.write(anchors.text_of(queries.chain_status(now), at=now))
