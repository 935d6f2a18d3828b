"""Benchmarks of the matching engine: one table of what was measured, against what, and whether the goal is met.

`make bench-matching`, or `.venv/bin/python -m bench.matching [--write]`; `--write` puts the table into
`docs/benchmarks.md`. Ratios count, not milliseconds: both sides run in one process one after the other, CPU time,
medians. Each benchmark has a fresh process. Exit code 1 where a goal is missed; what could not run is said in capitals.
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from importlib.metadata import version
from math import inf
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
OFFERS, NEEDS, WARM, LIMIT = 100_000, 60, 60, 20
ROOMS = {"bench.portfolio_rows": "portfolio_rows", "bench.team_rows": "team_rows"}
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
NOT_RUN = "NOT RUN"


class Row(NamedTuple):
    """One line of the table; `ratio` is how many times better than the other side, None where nothing was compared."""

    name: str
    figure: str
    ratio: float | None
    goal: float | None

    @property
    def verdict(self) -> str:
        """Say whether the goal is met."""
        if self.ratio is None or self.goal is None:
            return NOT_RUN if self.figure.startswith(NOT_RUN) else ""
        return "yes" if self.ratio >= self.goal else "NO"


def milliseconds(work: Callable[[Any], object], over: Iterable[Any], rounds: int = 1) -> float:
    """Return the median CPU time of a piece of work over several inputs, of each the least of some rounds through all of them."""
    entries = list(over)
    least = [inf] * len(entries)
    for _ in range(rounds):
        for number, entry in enumerate(entries):
            begun = time.process_time()
            work(entry)
            least[number] = min(least[number], time.process_time() - begun)
    return median(least) * 1000


def triad() -> float:
    """Return gigabytes a second of `a = b + s * c` in NumPy (STREAM's triad: three columns of 8 bytes count)."""
    size = 8_000_000
    a, b, c = np.zeros(size), np.ones(size), np.ones(size)

    def once(_: int) -> None:
        np.multiply(c, 3.0, out=a)
        np.add(a, b, out=a)

    return 24 * size / milliseconds(once, range(7)) / 1e6


def best_of_many() -> list[Row]:
    """Measure the top 20 of 100,000 offerings against plain Python and PostgreSQL.

    Reasons are what each criterion contributes to each score, and whether that rests on evidence. Their sentences are
    written when a candidate is looked at; what that takes for all 20 at once is said beside.
    """
    from bench import offers as made
    from bench import plain_python, postgresql
    from matching.engine import DEFAULT_POLICY, build_catalogue
    from matching.engine import best_candidates as best

    catalogue = build_catalogue(made.offers(OFFERS), made.scheme(), made.places())
    ready, today = plain_python.prepare(catalogue), made.TODAY.toordinal()

    def found(need: Any) -> Any:
        return best(need, need.lines[0], catalogue, DEFAULT_POLICY, as_of=made.TODAY, rates=made.RATES, limit=LIMIT)

    def ours(need: Any) -> tuple[list[int], tuple[str, ...], list[list[int]], list[list[bool]]]:
        shortlist = found(need)
        reasons = shortlist.contributions.tolist(), shortlist.known.tolist()
        return shortlist.scores, shortlist.offers, *reasons

    def plain(need: Any) -> list[tuple[int, str]]:
        return plain_python.top(need, ready, catalogue, made.RATES, today, LIMIT)

    everything = made.needs(WARM + NEEDS)
    for need in everything[:WARM]:
        ours(need)
    measured = everything[WARM:]
    mine = milliseconds(ours, measured, postgresql.REPEATS)
    others = made.needs(WARM + 2 * NEEDS)[WARM + NEEDS :]
    written = milliseconds(lambda need: tuple(found(need)), others, postgresql.REPEATS)
    figure = f"{mine:.2f} ms ({written:.2f} with every sentence written)"
    few = measured[:15]
    theirs = milliseconds(plain, few)
    if any(ours(need)[0] != [score for score, _ in plain(need)] for need in few):
        raise RuntimeError("plain Python and the engine differ")
    rows = [
        Row(
            f"top {LIMIT} of {OFFERS:,} offerings with reasons, against plain Python (without reasons)",
            f"{figure} against {theirs:.0f} ms",
            theirs / mine,
            40,
        )
    ]
    name = f"top {LIMIT} of {OFFERS:,} offerings with reasons, against PostgreSQL with a GIN index on each array"
    server = postgresql.connect()
    if server is None:
        return [*rows, Row(name, f"{NOT_RUN}: no server answers on 127.0.0.1:5432", None, 8)]
    try:
        postgresql.load(server, catalogue)
        other = postgresql.milliseconds(server, catalogue, measured, found)
        postgresql.join_indexes(server)
        joined = postgresql.milliseconds(server, catalogue, measured, found)
    finally:
        server.close()
        postgresql.drop()
    best_index = "the same with one GIN index over themes and places together, the best for this very question"
    return [
        *rows,
        Row(name, f"{figure} against {other:.1f} ms", other / mine, 8),
        Row(best_index, f"{figure} against {joined:.1f} ms", joined / mine, None),
    ]


def exhaustive() -> list[Row]:
    """Measure all criteria for all slots of all offerings against the memory triad of this process.

    Bytes counted: each column that the sweep reads from one end to the other, once, at the width at which it is stored
    and read, and the score written. What is written and read in between, tables made for the need, and the lists of
    rows by word or code are not counted. What the sweep keeps of a catalogue is made at the first question (for an audience,
    or for a place, that asks for it); twenty questions go before those that are measured.
    """
    from bench import offers as made
    from matching.engine import DEFAULT_POLICY, build_catalogue
    from matching.engine.sweep import bytes_of, score_everything

    catalogue = build_catalogue(made.offers(OFFERS), made.scheme(), made.places())
    needs = made.needs(40)

    def once(need: Any) -> object:
        return score_everything(need, need.lines[0], catalogue, DEFAULT_POLICY, as_of=made.TODAY, rates=made.RATES)

    for need in needs[:20]:
        once(need)
    spent, memory = milliseconds(once, needs[20:]), triad()
    pairs, moved = len(catalogue.slots.slots), bytes_of(catalogue, DEFAULT_POLICY)
    speed = moved / spent / 1e6
    figure = f"{spent:.1f} ms, {pairs / spent / 1000:.0f} million pairs/s, {speed:.2f} of {memory:.2f} GB/s"
    return [
        Row(
            f"all criteria for all {pairs:,} slots of {OFFERS:,} offerings, share of the memory triad",
            figure,
            speed / memory,
            0.2,
        )
    ]


OWN: dict[str, Callable[[], list[Row]]] = {"best": best_of_many, "exhaustive": exhaustive}


def in_fresh_process(which: str) -> list[Row]:
    """Measure one benchmark in a process of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "bench.matching", "--only", which], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode:
        return [Row(which, f"{NOT_RUN}: {told.stderr.strip().splitlines()[-1]}", None, 0)]
    return [Row(*entry) for entry in json.loads(told.stdout)]


def rows_of_room(module: str, function: str) -> list[Row]:
    """Measure what another room brings; each of its benchmarks has a process of its own."""
    try:
        return [Row(*tuple(entry)[:4]) for entry in getattr(importlib.import_module(module), function)()]
    except (ImportError, AttributeError, RuntimeError, subprocess.CalledProcessError) as error:
        return [Row(module, f"{NOT_RUN}: {error}", None, 0)]


def machine() -> str:
    """Say on what it was measured."""
    names = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    cpu = next((line.partition(": ")[2] for line in names if line.startswith("model name")), platform.processor())
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "ortools"))
    waiting = f"{os.cpu_count()} cores on which {os.getloadavg()[1]:.0f} processes wanted to run (mean of five minutes)"
    return f"{cpu}; Python {platform.python_version()}, {libraries}; {platform.system()}, {waiting}"


def table(rows: Iterable[Row]) -> str:
    """Write the rows as a table."""
    lines = ["| what | figure | ratio | goal | met? |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:,.2f}"
        goal = "" if not row.goal else f"{row.goal:,g}"
        lines.append(f"| {row.name} | {row.figure} | {ratio} | {goal} | {row.verdict} |")
    return "\n".join(lines)


def write(content: str) -> None:
    """Put the table into the document, between its two marks."""
    text = DOCUMENT.read_text()
    before, after = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    DOCUMENT.write_text(f"{before}\n{content}\n{after}")


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    parser.add_argument("--only", choices=sorted(OWN), help="measure one benchmark here and print it as JSON")
    asked = parser.parse_args()
    if asked.only:
        print(json.dumps(OWN[asked.only]()))
        return 0
    rows = [row for which in OWN for row in in_fresh_process(which)]
    rows += [row for room, function in ROOMS.items() for row in rows_of_room(room, function)]
    content = f"{table(rows)}\n\nMeasured {date.today()} on {machine()}."  # noqa: DTZ011  the day of this machine
    print(content)
    for row in rows:
        if row.verdict == NOT_RUN:
            print(f"{row.name}: {row.figure}".upper())
    if asked.write:
        write(content)
    return 1 if any(row.verdict in ("NO", NOT_RUN) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
