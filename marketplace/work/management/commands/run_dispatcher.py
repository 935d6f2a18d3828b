"""The dispatcher of the production shape: sequencer, schedule, and the doorbell of Celery's workers."""

from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.work import crew, process, processes
from marketplace.work.crew import Part, SharedFlag
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
        name, stop, away = processes.worker_name(WorkerRole.DISPATCHER), process.stop_on_signal(), SharedFlag()
        process.ready()
        self.stdout.write(f"Dispatcher {name} is ready.")
        parts = [
            Part("stand-in", partial(process.stand_in, away)),
            Part("bell", partial(process.ring, away)),
            Part("house", process.keep_house),
        ]
        crew.look_after(parts, stop=stop)
        self.stdout.write(f"Dispatcher {name} has stopped.")
