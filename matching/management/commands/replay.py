"""A run of the matching engine computed again, to see that it gives the same bytes."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from time import perf_counter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext

from marketplace.kernel.errors import DomainError
from matching.engine import ENGINE_VERSION
from matching.queries import replay

DIFFERS, CANNOT, PROVES_NOTHING = 1, 2, 3
VERDICTS = {replay.SAME: "The same", replay.DIFFERS: "NOT the same", replay.INCONCLUSIVE: "Inconclusive"}


class Command(BaseCommand):
    """`manage.py replay RUN`."""

    help = (
        "Compute a run again from the inputs it kept and compare the digests. "
        "Exit code 0: the same; 1: it differs; 2: it cannot be computed again; "
        "3: it differs, but a time limit ended the search, so that this proves nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the run, `--show` and `--json`."""
        parser.add_argument("run", metavar="RUN", help="id of the run, as the API shows it")
        parser.add_argument("--show", action="store_true", help="show the first difference")
        parser.add_argument("--json", action="store_true", help="one JSON object for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay and print."""
        run_id = _find(options["run"])
        began = perf_counter()
        try:
            found = replay.replay_run(run_id)
        except DomainError as error:
            raise CommandError(f"It cannot be computed again. {_words(error)}", returncode=CANNOT) from error
        seconds = round(perf_counter() - began, 3)
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(found), "seconds": seconds}, ensure_ascii=False, indent=2))
        else:
            self._tell(found, seconds, show=options["show"])
        if not found.same:
            raise SystemExit(PROVES_NOTHING if found.outcome == replay.INCONCLUSIVE else DIFFERS)

    def _tell(self, found: replay.Replay, seconds: float, *, show: bool) -> None:
        self.stdout.write(f"run       {found.output_digest}  engine {found.engine_version}")
        self.stdout.write(f"replayed  {found.replayed_digest}  engine {ENGINE_VERSION}")
        self.stdout.write(f"inputs    {found.snapshot_digest}  mode {found.mode}")
        self.stdout.write(f"{VERDICTS[found.outcome]}, computed in {seconds:.3f} s.")
        self.stdout.write(gettext(replay.WORDS[found.outcome]))
        if show and not found.same:
            self.stdout.write(_difference(found.difference))


def _find(text: str) -> int:
    """Give the primary key of a run by its public id. Raises CommandError."""
    try:
        found = replay.run_by_id(UUID(text))
    except ValueError as error:
        raise CommandError(f"{text} is not the id of a run: those are UUIDs.", returncode=CANNOT) from error
    if found is None:
        raise CommandError(f"There is no run {text}.", returncode=CANNOT)
    return found


def _words(error: DomainError) -> str:
    if error.errors:
        return " ".join(entry.detail % entry.params for entry in error.errors)
    return error.kind.detail % error.params


def _difference(difference: replay.Difference | None) -> str:
    if difference is None:
        return "All of the answer that the run keeps is the same; the rest of it was not."
    return (
        f"First difference at {difference.pointer or '(the whole answer)'}:\n"
        f"  kept      {difference.kept or '(nothing)'}\n"
        f"  replayed  {difference.replayed or '(nothing)'}"
    )
