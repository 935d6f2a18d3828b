"""Benchmarks of the API: how fast it reads, against the least that PostgreSQL needs and against Django REST framework's own way.

`make bench-api`, or `.venv/bin/python -m bench.api [--write] [--keep]` with DATABASE_URL of a database of the benchmark's own
(made and filled where it is empty: minutes); `--write` puts the table into `docs/benchmarks-api.md`. Calls go through the WSGI applications
without sockets. Exit code 1 where a goal is missed; what could not run is said in capitals.
"""

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
os.environ.setdefault("ALLOWED_HOSTS", "testserver")
os.environ["CALLS_PER_MINUTE_PERSON"] = "1000000000"  # calls are counted, and nobody is refused

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks-api.md"
NEEDS, OFFERINGS, PROVIDERS = 100_000, 100_000, 300
DEEP_ROWS, DEEP_PAGE = 1_000_000, 10_000
QUESTIONS = (
    "fair recruitment",
    "protection",
    "trafficking police",
    "droits",
    "statistics",
    "border",
    "children",
    "santé",
)


class Row(NamedTuple):
    """One line of the table: the figure and the goal, both so that more is better."""

    name: str
    figure: str
    reached: float
    goal: float | None

    @property
    def verdict(self) -> str:
        """Say whether the goal is met."""
        return "" if self.goal is None else "yes" if self.reached >= self.goal else "NO"


def fill(at: datetime, *, needs: int = NEEDS) -> None:
    """Make the tables and the made-up rows where there are none."""
    from django.core.management import call_command
    from django.db import connection

    from marketplace.demo.synthetic.rows import is_loaded

    call_command("migrate", verbosity=0)
    if not is_loaded():
        call_command("load_synthetic", requests=needs, offerings=OFFERINGS, providers=PROVIDERS)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE")  # as autovacuum has done by the time that anybody asks


class Bench:
    """The three sides, and the person who calls."""

    def __init__(self, at: datetime) -> None:
        import psycopg
        from django.core.wsgi import get_wsgi_application
        from django.db import connection
        from django.test.utils import override_settings

        from bench import api_peers, api_people
        from marketplace.vocabularies.models import Scheme

        self.person, self.officer = api_people.reader(at=at), api_people.officer(at=at)
        self.ours: Any = get_wsgi_application()
        with override_settings(MIDDLEWARE=api_peers.MIDDLEWARE):
            self.peer: Any = get_wsgi_application()
        if connection.vendor != "postgresql":
            return
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")  # as on each connection of a web process (marketplace/api/deadlines.py)
        api_people.give_needs(self.person.organization.pk)
        facts = connection.get_connection_params()
        self.server = psycopg.connect(
            host=facts["host"], port=facts.get("port") or 5432, user=facts["user"], dbname=facts["dbname"],
            password=facts.get("password"), autocommit=True,
        )  # fmt: skip
        self.known = {"ids": [self.person.organization.pk], "forms": Scheme.objects.get(code="forms").pk}

    def call(self, path: str, **options: Any) -> Callable[[], bytes]:
        """Make a call of the product."""
        from bench import api_walk

        return api_walk.call(self.ours, f"/api/v1{path}", self.person.token, **options)

    def backends(self) -> list[int]:
        """Give the processes of PostgreSQL that work for the two sides."""
        from django.db import connection

        if connection.vendor != "postgresql":
            return []
        connection.ensure_connection()
        return [connection.connection.info.backend_pid, self.server.info.backend_pid]

    def compared(self, name: str, statement: str, of: str = "") -> list[Row]:
        """Measure a page of 50 on all three sides."""
        from bench import api_bare, api_walk

        sides = {
            "bare": api_walk.call(api_bare.application(self.server, statement, self.known), "/", ""),
            "ours": self.call(f"/{name}"),
            "peer": api_walk.call(self.peer, f"/peer/{name}", self.person.token),
        }
        for one in sides.values():
            one()
        spent = api_walk.rounds(sides, times=20, each=10, backends=self.backends())
        ours = spent["ours"]
        return [
            Row(f"page of 50 {name}{of}, share of the bare limit", f"{ours:.2f} ms, limit {spent['bare']:.2f} ms", spent["bare"] / ours, 0.35),
            Row(f"page of 50 {name}{of}, times an equivalent ModelSerializer view", f"{ours:.2f} ms against {spent['peer']:.2f} ms", spent["peer"] / ours, 5),
        ]  # fmt: skip

    def detail(self, name: str) -> Row:
        """Measure one thing."""
        from bench import api_walk
        from bench.api_rows import some_id

        thing = some_id(self.call(f"/{name}?page_size=1&fields=id"))
        sides = {
            "ours": self.call(f"/{name}/{thing}"),
            "peer": api_walk.call(self.peer, f"/peer/{name}/{thing}", self.person.token),
        }
        spent = api_walk.rounds(sides, times=20, each=20, backends=self.backends())
        figure = f"{spent['ours']:.2f} ms against {spent['peer']:.2f} ms"
        return Row(
            f"one of the {name}, times an equivalent ModelSerializer view", figure, spent["peer"] / spent["ours"], 2
        )

    def creation(self) -> Row:
        """Measure drafting a need: the same operation on both sides, answered each in its way."""
        from bench import api_walk
        from bench.api_rows import need

        body = need(self.person.organization.code)
        sides = {
            "ours": self.call("/requests", method="POST", body=body),
            "peer": api_walk.call(self.peer, "/peer/requests", self.person.token, method="POST", body=body),
        }
        spent = api_walk.rounds(sides, times=10, each=5, backends=self.backends())
        figure = f"{spent['ours']:.2f} ms against {spent['peer']:.2f} ms"
        return Row(
            "drafting a need, times a ModelSerializer view around the same operation",
            figure,
            spent["peer"] / spent["ours"],
            2,
        )

    def queries(self, name: str) -> Row:
        """Count the queries of a page, sign-in included, for few rows and for many."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        counts = set()
        for size in (1, 1, 1, 200, 200, 200):
            with CaptureQueriesContext(connection) as asked:
                self.call(f"/{name}?page_size={size}")()
            counts.add(len(asked))
        figure = "; ".join(str(count) for count in sorted(counts))
        return Row(
            f"queries for a page of {name}, sign-in included: at most 5, the same for 1 and 200 rows",
            figure,
            5 / max(counts),
            1,
        )

    def search(self, things: str, engine: str, goal: float | None) -> Row:
        """Measure the full-text search over all things of a list."""
        from bench import api_walk

        calls = [self.call(f"/{things}?q={quote(question)}") for question in QUESTIONS]
        for one in calls:
            one()
        cpu, wall = api_walk.percentile(calls, 95, times=12, backends=self.backends())
        name = f"q over {OFFERINGS if things == 'offerings' else NEEDS:,} {things}, page of 50, {engine}: p95"
        figure = f"{cpu:.1f} ms ({wall:.0f} ms by the clock)"
        return Row(f"{name} at most {goal:.0f} ms" if goal else name, figure, (goal or cpu) / cpu, 1 if goal else None)

    def deep(self) -> Row:
        """Measure a late page against the first one, for somebody who sees all."""
        from bench import api_walk
        from bench.api_rows import cursor_of_page, rows_of_needs

        late, token = cursor_of_page(DEEP_PAGE), self.officer
        first = api_walk.call(self.ours, "/api/v1/requests", token)
        last = api_walk.call(self.ours, f"/api/v1/requests?cursor={late}", token)
        for one in (first, last):
            for _ in range(5):
                one()
        seen: dict[str, list[float]] = {"first": [], "last": []}
        for _ in range(5):
            for name, one in (("first", first), ("last", last)):
                seen[name].append(api_walk.percentile([one], 99, times=100, backends=self.backends())[0])
        p1, p2 = median(seen["first"]), median(seen["last"])
        figure = f"{p2:.1f} ms against {p1:.1f} ms, {rows_of_needs():,} rows"
        return Row(
            f"page {DEEP_PAGE:,} of {DEEP_ROWS:,} needs against page 1, p99: at most 1.3 times",
            figure,
            1.3 * p1 / p2,
            1,
        )


def measure_sqlite() -> list[Row]:
    """Measure the search on SQLite, in this process alone."""
    from django.utils import timezone

    at = timezone.now()
    fill(at, needs=10)
    return [Bench(at).search("offerings", "SQLite", 80)]


def measure(deep: bool) -> list[Row]:
    """Measure everything on PostgreSQL."""
    from django.utils import timezone

    from bench import api_bare, api_rows

    at = timezone.now()
    fill(at)
    bench = Bench(at)
    gc.collect()
    gc.freeze()  # as gunicorn.conf.py does, and the threshold, too
    gc.set_threshold(1_500, 20, 50)
    rows = bench.compared("requests", api_bare.REQUESTS) + bench.compared("offerings", api_bare.OFFERINGS)
    rows += [bench.detail("requests"), bench.detail("offerings"), bench.creation()]
    rows += [bench.queries("requests"), bench.queries("offerings"), bench.search("offerings", "PostgreSQL", 40)]
    rows.append(bench.search("requests", "PostgreSQL", None))
    seconds = max(api_rows.seconds_until_matching_knows() for _ in range(3))
    rows.append(Row("change of the catalogue until matching reads it: at most 2 s", f"{seconds:.2f} s", 2 / seconds, 1))
    if deep:
        api_rows.grow(DEEP_ROWS, bench.person.organization.pk)
        rows += bench.compared("requests", api_bare.REQUESTS, of=f", 10,000 visible of {DEEP_ROWS:,}")
        rows.append(bench.deep())
    return rows


def table(rows: list[Row]) -> str:
    """Write the rows as a table."""
    lines = ["| what | figure | ratio | goal | met? |", "|---|---|---|---|---|"]
    lines += [f"| {row.name} | {row.figure} | {row.reached:.2f} | {row.goal or ''} | {row.verdict} |" for row in rows]
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and write where asked."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--write", action="store_true")
    arguments.add_argument("--deep", action="store_true", help="a million needs, too: the database keeps them")
    options = arguments.parse_args()
    import django

    django.setup()
    from django.db import connection

    began = time.monotonic()
    rows = measure(options.deep) if connection.vendor == "postgresql" else measure_sqlite()
    text = table(rows)
    print(text, f"\n{time.monotonic() - began:.0f} s", flush=True)
    if options.write:
        page = DOCUMENT.read_text(encoding="utf-8")
        begin, end = (f"<!-- {connection.vendor}: {edge} -->" for edge in ("begin", "end"))
        when = f"Measured {datetime.now(UTC):%Y-%m-%d}; on {os.cpu_count()} processors {os.getloadavg()[1]:.1f} processes wanted to run."
        head, rest = page.split(begin, 1)
        DOCUMENT.write_text(f"{head}{begin}\n{text}\n\n{when}\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")
    return int(any(row.verdict == "NO" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
