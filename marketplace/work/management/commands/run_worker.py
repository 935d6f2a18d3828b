"""The embedded worker: sequencer, schedule and jobs in one process; no broker needed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from marketplace.work import loop, process
from marketplace.work.models import WorkerRole
from marketplace.work.warmth import Warmth


class Command(BaseCommand):
    """`manage.py run_worker`."""

    help = "Publish events, keep the schedule and do jobs until SIGTERM; the job under way is finished first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--until-idle`."""
        parser.add_argument("--until-idle", action="store_true", help="Do what is due now, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        stop = process.stop_on_signal()
        presence = process.presence(WorkerRole.WORKER)
        if options["until_idle"]:
            tried = loop.settle(worker=presence.name)
            self.stdout.write(f"{tried} jobs tried, nothing more is due.")
            return
        process.ready()
        self.stdout.write(f"Worker {presence.name} is ready.")

        warmth = Warmth()

        def turn() -> int:
            warmth.keep()
            return loop.run_until_idle(worker=presence.name, stop=stop, max_seconds=60.0)

        with loop.housekeeping(presence=presence, stop=stop):
            loop.run_forever(turn=turn, stop=stop)
        self.stdout.write(f"Worker {presence.name} has stopped.")
