"""The same search in PostgreSQL: arrays under GIN indexes for the filter, SQL for the score, the 20 best with their reasons.

`best_candidates.sql` applies every constraint and every criterion that offers and needs of the benchmark touch, and returns what
the engine returns: the scores, what each criterion contributes, and whether that rests on evidence; only ties beyond score,
first day and load are left to the number of the row. It reads one table of offers and one of slots, both analyzed and in
memory; the weights of words in texts lie ready beside each offer, as they do in the engine's index. Days are ordinals.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg

from bench.offers import TODAY
from matching.engine import DEFAULT_POLICY as POLICY
from matching.engine import LEVELS, Catalogue, Criterion, Need, to_cents
from matching.engine.explaining.shortlist import Shortlist
from matching.engine.policy import CRITERIA
from matching.engine.reference.concepts import RELATION_ORDER, Relation

DATABASE = "bench_matching"
REPEATS = 3
SERVERS = (
    "host=127.0.0.1 port=5432 user=postgres connect_timeout=2",
    "host=127.0.0.1 port=5432 user=root connect_timeout=2",
)

TABLES = """
CREATE UNLOGGED TABLE bench_offers (
  id int PRIMARY KEY, themes int[], form text, languages text[], audiences text[], served text[],
  market boolean, vetted int, level int, award int, interpretation boolean, customisable boolean, home text,
  duration int, lead int, largest int, per_delivery bigint, per_participant bigint, currency text,
  mean int, evaluations int, deliveries int, form_mean int, form_evaluations int, words int[], parts int[]);
CREATE UNLOGGED TABLE bench_slots (
  offer int, kind int, first int, last int, closes int, bookable boolean, languages text[], free int, total int,
  per_delivery int, group_min int);
"""
INDEXES = """
CREATE INDEX bench_themes ON bench_offers USING gin (themes);
CREATE INDEX bench_served ON bench_offers USING gin (served);
CREATE INDEX bench_audiences ON bench_offers USING gin (audiences);
CREATE INDEX ON bench_slots (offer);
"""
JOINED = """
DROP INDEX bench_themes, bench_served;
CREATE INDEX bench_both ON bench_offers USING gin (themes, served);
"""
QUERY = (Path(__file__).parent / "best_candidates.sql").read_text()


def connect() -> psycopg.Connection | None:
    """Open a server of the usual address with a database of the benchmark's own; None where no server answers."""
    for address in SERVERS:
        try:
            with psycopg.connect(f"{address} dbname=postgres", autocommit=True) as first:
                first.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
                first.execute(f"CREATE DATABASE {DATABASE}")
            return psycopg.connect(f"{address} dbname={DATABASE}", autocommit=True)
        except psycopg.OperationalError:
            continue
    return None


def drop() -> None:
    """Take the database away again."""
    for address in SERVERS:
        try:
            with psycopg.connect(f"{address} dbname=postgres", autocommit=True) as last:
                last.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
                return
        except psycopg.OperationalError:
            continue


def load(server: psycopg.Connection, catalogue: Catalogue) -> None:
    """Write the catalogue into tables and index them."""
    server.execute(TABLES)
    columns, scheme, texts = catalogue.columns, catalogue.scheme, catalogue.texts.languages["en"]
    with server.cursor().copy("COPY bench_offers FROM STDIN") as copy:
        for row, offer in enumerate(catalogue.offers):
            own = slice(int(texts.start[row]), int(texts.start[row + 1]))
            served = [*offer.countries, *offer.regions, *(["world"] if offer.worldwide else [])]
            copy.write_row(
                (
                    row, [scheme.index(theme) for theme in sorted(offer.themes)], offer.form,
                    sorted(offer.languages), sorted(offer.audiences), served,
                    offer.published and offer.bookable and offer.provider_verified, int(columns.vetted_until[row]),
                    int(columns.level[row]), int(columns.award[row]), offer.interpretation, offer.customisable,
                    offer.home_country or "", int(columns.duration[row]), offer.lead_time_days, offer.participants_max,
                    int(columns.per_delivery[row]), int(columns.per_participant[row]),
                    offer.cost.currency if offer.cost else "", offer.record.mean, offer.record.evaluations,
                    offer.record.deliveries, int(columns.form_mean[row]), int(columns.form_evaluations[row]),
                    texts.term[own].tolist(), texts.part[own].tolist(),
                )
            )  # fmt: skip
    with server.cursor().copy("COPY bench_slots FROM STDIN") as copy:
        for offer, slot in zip(catalogue.slots.offer.tolist(), catalogue.slots.slots, strict=True):
            copy.write_row(
                (
                    offer, int(slot.kind), slot.start, slot.end, slot.closes, slot.bookable,
                    sorted(slot.languages), slot.free, slot.total, slot.per_delivery, slot.group_min,
                )
            )  # fmt: skip
    server.execute(INDEXES)
    server.execute("VACUUM (ANALYZE) bench_offers, bench_slots")


def question(need: Need, catalogue: Catalogue) -> dict[str, object]:
    """Return the parameters of the query for one need."""
    line, scheme = need.lines[0], catalogue.scheme
    kinds, texts = scheme.relations(line.theme), catalogue.texts.ask(need.texts).words[0]
    relations = np.sum([number * kinds[kind].astype(int) for number, kind in enumerate(RELATION_ORDER)], axis=0)
    region = catalogue.places.chain_of(country=line.country, region=None)[0]
    weights: dict[str, object] = {f"w_{criterion.value}": POLICY.weights[criterion] for criterion in Criterion}
    return weights | {
        "themes": np.flatnonzero(relations <= RELATION_ORDER.index(Relation.BROADER)).tolist(),
        "relations": relations.tolist(),
        "closeness": scheme.closeness[scheme.index(line.theme)].tolist(),
        "parts": int(kinds[Relation.NARROWER].sum()),
        "words": list(texts.asked.known),
        "likest": texts.top,
        "country": line.country,
        "region": region,
        "served": [line.country, region, "world"],
        "neighbours": sorted(catalogue.places.members[region]),
        "audience": [line.audience],
        "language": line.language,
        "level": -1 if line.level is None else LEVELS.index(line.level),
        "award": 0 if need.award == "none" else 1,
        "today": TODAY.toordinal(),
        "opens": need.window_start.toordinal(),
        "closes": need.window_end.toordinal(),
        "least": line.minimum,
        "most": line.maximum,
        "deliveries": POLICY.max_deliveries,
        "ceiling": to_cents(need.budget.ceiling) if need.budget.ceiling is not None else 1,
    }


def join_indexes(server: psycopg.Connection) -> None:
    """Put one index over themes and places together in the place of the two: the best for this very question."""
    server.execute(JOINED)
    server.execute("VACUUM (ANALYZE) bench_offers")


def milliseconds(
    server: psycopg.Connection, catalogue: Catalogue, needs: list[Need], expected: Callable[[Need], Shortlist]
) -> float:
    """Return the median milliseconds that the server needs for a query. Raises RuntimeError where it finds anything else.

    The server works in a process of its own. Each query is run a few times with one worker and everything in memory; the
    least counts of its own timing of the execution, which leaves out planning, and of the CPU time of its process, which
    leaves out waiting for a processor that others use.
    """
    server.execute("SET max_parallel_workers_per_gather = 0")
    server.execute("SET jit = off")
    cursor = psycopg.ClientCursor(server)  # EXPLAIN takes no parameters of the server's own
    times = []
    for need in needs:
        asked, spent = question(need, catalogue), []
        for _ in range(REPEATS):
            began = cpu_milliseconds(server)
            rows = cursor.execute(QUERY, asked).fetchall()
            spent.append(cpu_milliseconds(server) - began)
            compare(rows, expected(need), catalogue)
            plan = cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {QUERY}", asked).fetchone()
            spent += [plan[0][0]["Execution Time"]] if plan else []
        times.append(min(spent))
    return median(times)


def compare(rows: list[tuple[Any, ...]], expected: Shortlist, catalogue: Catalogue) -> None:
    """Raise RuntimeError unless these rows are what the engine found, ties aside."""
    reasons = dict(
        zip(expected.offers, zip(expected.contributions.tolist(), expected.known.tolist(), strict=True), strict=True)
    )
    if [score for _, score, *_ in rows] != expected.scores:
        raise RuntimeError("PostgreSQL and the engine differ in their scores")
    for row, _, *found in rows:
        own = reasons.get(catalogue.offers[row].id)
        if own is not None and own != (found[: len(CRITERIA)], found[len(CRITERIA) :]):
            raise RuntimeError("PostgreSQL and the engine differ in their reasons")


def cpu_milliseconds(server: psycopg.Connection) -> float:
    """Return the CPU time that the server's process for this connection has spent, on this machine and under Linux."""
    return int(Path(f"/proc/{server.info.backend_pid}/schedstat").read_text().split()[0]) / 1e6
