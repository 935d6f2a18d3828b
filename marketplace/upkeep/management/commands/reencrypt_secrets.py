"""Write anew under the present key what lies encrypted under an old one."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from marketplace.upkeep.reencryption import reencrypt


class Command(BaseCommand):
    """`manage.py reencrypt_secrets`."""

    help = (
        "Writes second factors and secrets of webhooks that lie encrypted under one of SECRET_KEY_FALLBACKS anew under "
        "SECRET_KEY, and names those that no key reads. Safe to repeat."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write and tell; exit code 1 where anything cannot be read."""
        lost = 0
        for outcome in reencrypt(timezone.now()):
            lost += len(outcome.unreadable)
            mark = "✗" if outcome.unreadable else "✓"
            self.stdout.write(f"{mark} {outcome.place}: {outcome.rewritten} of {outcome.rows} written anew")
            for one in outcome.unreadable:
                self.stdout.write(f"    cannot be read: {one}")
        if lost:
            self.stdout.write("List the key they were written under in SECRET_KEY_FALLBACKS, or make them anew.")
            raise SystemExit(1)
