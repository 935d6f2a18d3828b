"""The dispatcher of the production shape: sequencer, schedule, and the doorbell of Celery's workers."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.work import loop, process
from marketplace.work.dispatcher import Ringer
from marketplace.work.models import WorkerRole


class Command(BaseCommand):
    """`manage.py run_dispatcher`."""

    help = "Publish events, keep the schedule and ring Celery for due jobs until SIGTERM; needs REDIS_URL."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if not settings.REDIS_URL:
            raise CommandError(
                "REDIS_URL is empty, so there is nobody to ring: `run_worker` does it all in one process."
            )
        stop = process.stop_on_signal()
        presence = process.presence(WorkerRole.DISPATCHER)
        process.ready()
        self.stdout.write(f"Dispatcher {presence.name} is ready.")
        with loop.housekeeping(presence=presence, stop=stop):
            loop.run_forever(turn=Ringer(worker=presence.name, stop=stop).turn, stop=stop)
        self.stdout.write(f"Dispatcher {presence.name} has stopped.")
