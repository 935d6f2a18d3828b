"""The marketplace with demo data, from nothing to a running product in one command."""

import logging
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from marketplace.demo import children, environment, history, logins, ranking, report, setup, stack, walk
from marketplace.demo.children import Child
from marketplace.demo.oauth import Credentials
from marketplace.demo.stack import DemoError
from marketplace.settings import DEFAULT_KEY
from marketplace.work import loop, process

LOOK_SECONDS = 0.3
PLAIN_WIDTH = 140  # columns, where the output goes to a file
RANKING_SECONDS = 300.0
NOT_ANNOUNCED = (
    "The settings were read without knowing that this is the demo. Start it by `make demo` or `manage.py demo`."
)


@contextmanager
def _only_warnings() -> Iterator[None]:
    """Keep what jobs of the loading log off the screen, which is for the person who starts the demo."""
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class Command(BaseCommand):
    """`manage.py demo`, which `make demo` runs."""

    help = (
        "Prepares the database, loads the demo data, ranks its needs and serves until Ctrl-C; a second start is quick."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--reset`, `--port`, `--no-serve`, `--var`."""
        parser.add_argument("--reset", action="store_true", help="start afresh: empties the demo's database first")
        port = os.environ.get("PORT", environment.PORT)
        parser.add_argument("--port", type=int, default=port, help="port of the web server on 127.0.0.1")
        parser.add_argument("--no-serve", action="store_true", help="prepare and rank, print, and end")
        parser.add_argument(
            "--var", type=Path, default=settings.VAR_DIR, help="folder of demo.json and of the logs (default: var)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, start, print, and serve until told to stop."""
        if not settings.DEMO:
            raise CommandError(NOT_ANNOUNCED)
        stop = process.stop_on_signal()
        var = Path(options["var"]).resolve()
        self._take_a_key(var)
        console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
        try:
            self._run(console, stop, var=var, **{key: options[key] for key in ("reset", "port", "no_serve")})
        except DemoError as error:
            raise CommandError(str(error)) from error

    def _take_a_key(self, var: Path) -> None:
        """Let this process and its children sign sessions with a key of the demo's own, unless one is given."""
        if settings.SECRET_KEY == DEFAULT_KEY:
            settings.SECRET_KEY = os.environ["SECRET_KEY"] = logins.own_secret_key(var / "demo.key")

    def _run(self, console: Console, stop: Event, *, var: Path, reset: bool, port: int, no_serve: bool) -> None:
        base_url = f"http://{stack.HOST}:{port}"
        if not no_serve:
            stack.check_port(port)
        if reset:
            setup.reset()
        with console.status("Preparing the database and the demo data ..."), _only_warnings():
            first = setup.prepare(at=timezone.now())
            accounts, oauth = logins.ensure_logins(at=timezone.now(), path=var / "demo.json", base_url=base_url)
            walk.write(var / "first-minute.sh", walk.script(base_url, accounts, year=timezone.now().year + 1))
        if no_serve:
            self._work_off(console, stop, var / "log", first=first)
            self._print(console, accounts, oauth, base_url, var, first=first)
            return
        running = [stack.start_web(port=port, folder=var / "log")]
        try:
            self._make_ready(console, running, stop, port=port, folder=var / "log", first=first)
            if not stop.is_set():
                self._print(console, accounts, oauth, base_url, var, first=first)
                self._serve(running, stop)
        finally:
            console.print("Stopping ...")
            for child in children.stop(running):
                console.print(f"The {child.name} process did not end by itself and was ended by force.")
        console.print("Stopped. What was done is kept.")

    def _work_off(self, console: Console, stop: Event, folder: Path, *, first: bool) -> None:
        if first:
            self._tell_history(console, [], stop, folder=folder)
        else:
            loop.run_until_idle(worker="demo", stop=stop)
        if not stop.is_set():
            self._finish_first_start()

    def _make_ready(
        self, console: Console, running: list[Child], stop: Event, *, port: int, folder: Path, first: bool
    ) -> None:
        if first:  # before there is a worker, which would send letters; the web server gets ready meanwhile
            self._tell_history(console, running, stop, folder=folder)
            if stop.is_set():
                return
        running += stack.start_workers(folder=folder)
        stack.wait_for_answer(running, port=port)
        self._wait_for_rankings(console, running, stop)

    def _tell_history(self, console: Console, running: list[Child], stop: Event, *, folder: Path) -> None:
        child = children.start(history.NAME, history.tell, folder=folder)
        try:
            self._show_ranking(console, running, stop, log=child.log, over=lambda left: child.has_ended())
        finally:
            children.stop([child])
        if not stop.is_set():
            stack.check_done(child)

    def _wait_for_rankings(self, console: Console, running: list[Child], stop: Event) -> None:
        self._show_ranking(console, running, stop, log=running[-1].log, over=lambda left: left == 0)
        if not stop.is_set():
            self._finish_first_start()

    def _show_ranking(
        self, console: Console, running: list[Child], stop: Event, *, log: Path, over: Callable[[int], bool]
    ) -> None:
        """Show how far the ranking is until ``over``, which is given how many needs are left. Raises DemoError."""
        total = ranking.unfinished(at=timezone.now())
        give_up_at = time.monotonic() + RANKING_SECONDS
        columns = (TextColumn("Ranking the open needs"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task("", total=total)
            while not over(left := ranking.unfinished(at=timezone.now())) and not stop.wait(LOOK_SECONDS):
                stack.check_alive(running)
                if time.monotonic() > give_up_at:
                    raise DemoError(f"{left} needs are still not ranked; see {log}.")
                progress.update(task, completed=total - left)

    def _finish_first_start(self) -> None:
        setup.note_ready(at=timezone.now())

    def _print(
        self,
        console: Console,
        accounts: list[logins.Login],
        oauth: Credentials,
        base_url: str,
        var: Path,
        *,
        first: bool,
    ) -> None:
        report.show_needs(console, ranking.best_proposals(at=timezone.now()))
        report.show_logins(console, accounts, path=str(var / "demo.json"))
        report.show_oauth(console, oauth)
        if first:
            walk.show(console, var / "first-minute.sh")
        report.show_where(console, base_url, stack.letters(var / "log"))

    def _serve(self, running: list[Child], stop: Event) -> None:
        while not stop.wait(LOOK_SECONDS):
            stack.check_alive(running)
