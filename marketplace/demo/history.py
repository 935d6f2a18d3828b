"""What follows from the demo data: needs ranked, people told inside the product; nobody is written to about the past."""

import sys

from django.conf import settings
from django.utils import timezone

from marketplace.work import loop, process

NAME = "history"  # of the process and of its log


def tell() -> None:
    """Rank the needs, publish the events of the loading and do the jobs of both, until nothing is left or SIGTERM.

    For a process of its own, which sends no letters: the two hundred notices of the loading tell of what happened long
    ago. Whoever was interrupted goes on at the next start.
    """
    settings.MAIL_ENABLED = False
    stop, keeper = process.stop_on_signal(), loop.Housekeeper()
    while not stop.is_set():
        found = keeper.attend(at=timezone.now())
        if not loop.run_until_idle(worker=NAME, stop=stop) and not found:
            return
    sys.exit("Interrupted: some of it is still to be done.")
