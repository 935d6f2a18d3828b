"""The embedded worker: jobs in one process, sequencer and schedule in another; no broker needed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from marketplace.work import crew, loop, process, processes
from marketplace.work.crew import Part
from marketplace.work.models import WorkerRole


class Command(BaseCommand):
    """`manage.py run_worker`."""

    help = "Publish events, keep the schedule and do jobs until SIGTERM; the job under way is finished or given back first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--until-idle`."""
        parser.add_argument("--until-idle", action="store_true", help="Do what is due now, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        name = processes.worker_name(WorkerRole.WORKER)
        if options["until_idle"]:
            tried = loop.settle(worker=name)
            self.stdout.write(f"{tried} jobs tried, nothing more is due.")
            return
        stop = process.stop_on_signal()
        process.ready()
        self.stdout.write(f"Worker {name} is ready.")
        crew.look_after([Part("jobs", process.do_jobs), Part("house", process.keep_house)], stop=stop)
        self.stdout.write(f"Worker {name} has stopped.")
