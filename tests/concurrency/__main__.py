"""`make concurrency`: 50 clients and 200 rounds of each race, then 50,000 events with kills, on PostgreSQL; and a table.

`python -m tests.concurrency [--clients 50] [--rounds 200] [--processes 12] [--events 50000] [--kills 40]
[--minutes 0]`: with minutes, the races share that time and stop after it, however many rounds that were. `DATABASE_URL`, when it names a PostgreSQL
server, is where a database is made for the run and dropped afterwards; otherwise a throw-away server is started.
Ends with 1 when there was any violation.
"""

import argparse
import io
import math
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import django

from tests.kit.servers import fresh_database, postgres_server

WRITERS, READERS = 16, 3
TOLD_EVERY = 10  # rounds, after which a long run says how far it is
ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str]) -> int:
    """Run all races and print the table."""
    options = parse(arguments)
    with ExitStack() as things:
        given = os.environ.get("DATABASE_URL", "")
        server = given if given.startswith("postgres") else things.enter_context(postgres_server())
        os.environ |= {
            "DATABASE_URL": things.enter_context(fresh_database(server)),
            "REDIS_URL": "",
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "LOG_LEVEL": "WARNING",
        }
        prepare()
        folder = Path(things.enter_context(tempfile.TemporaryDirectory()))
        violations = [
            *(run_races(options, folder) if options.rounds else ()),
            *(run_feed(options, folder) if options.events else ()),
        ]
        disconnect()
    say("\n".join(violations[:50]))
    return 1 if violations else 0


def say(text: str) -> None:
    """Write a line at once, for whoever follows a long run."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.concurrency")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=12, help="web processes")
    parser.add_argument("--events", type=int, default=50_000, help="of 16 writers, followed by 3 readers")
    parser.add_argument("--kills", type=int, default=40, help="of writers and sequencers in turn")
    parser.add_argument("--minutes", type=float, default=0, help="for the races; 0: until all rounds are done")
    return parser.parse_args(arguments)


def prepare() -> None:
    """Make the tables and the coded lists."""
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("load_vocabularies", stdout=io.StringIO())


def disconnect() -> None:
    """Let go of the database, which is dropped next."""
    from django.db import connections

    connections.close_all()


def run_races(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run the rounds of all races in turn, say what came of them, and give the violations."""
    from tests.concurrency.races import Field, Score, all_races, run_round
    from tests.concurrency.server import serving

    field = Field(options.clients)
    say(f"{options.clients} clients, {options.rounds} rounds of each race, {options.processes} web processes")
    began = time.monotonic()
    give_up_at = began + options.minutes * 60 if options.minutes else math.inf
    with serving(ROOT, folder / "web.log", os.environ, processes=options.processes) as url:
        races = all_races(options.clients, url)
        scores = [Score(race.name) for race in races]
        for number in range(options.rounds):
            for race, score in zip(races, scores, strict=True):
                run_round(race, field, number, score)
            if (number + 1) % TOLD_EVERY == 0:
                found = sum(len(score.violations) for score in scores)
                say(
                    f"round {number + 1} of {options.rounds}: {found} violations, {time.monotonic() - began:.0f} seconds"
                )
            if time.monotonic() > give_up_at:
                break
    field.close()
    say(f"{'race':<16} {'rounds':>6} {'winners':>8} {'losers':>7} {'violations':>11} {'seconds':>8}  losers were told")
    for score in scores:
        say(score.line())
    return [violation for score in scores for violation in score.violations]


def run_feed(options: argparse.Namespace, folder: Path) -> list[str]:
    """Have the events written, published and read while processes are killed; give the violations."""
    from tests.events import feed_run

    profile = feed_run.Profile(WRITERS, options.events // WRITERS, READERS, sequencers=2, kills=options.kills)
    outcome = feed_run.run_feed(profile, folder)
    found = list(feed_run.violations(outcome))
    killed = " and ".join(f"{count} of a {who}" for who, count in outcome.killed.items())
    say(
        f"feed: {len(outcome.stored)} events of {WRITERS} writers, {READERS} readers, kills: {killed or 'none'}; "
        f"{len(found)} violations, {outcome.seconds:.0f} seconds"
    )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
