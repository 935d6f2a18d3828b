"""The same search in PostgreSQL: arrays under GIN indexes for the filter, SQL for the score, the 20 best.

It is as much of the model as SQL reasonably can: all constraints on offers and dates, seats, and every criterion but
the likeness of texts. It reads one table of offers and one of slots, both analyzed and in memory. Days are ordinals.
"""

from pathlib import Path
from statistics import median

import psycopg

from bench.offers import TODAY
from matching.engine import DEFAULT_POLICY as POLICY
from matching.engine import LEVELS, Catalogue, Criterion, Need, to_cents
from matching.engine.reference.concepts import Relation

DATABASE = "bench_matching"
REPEATS = 3
SERVERS = (
    "host=127.0.0.1 port=5432 user=postgres connect_timeout=2",
    "host=127.0.0.1 port=5432 user=root connect_timeout=2",
)

TABLES = """
CREATE UNLOGGED TABLE bench_offers (
  id int PRIMARY KEY, themes int[], theme_count int, form text, languages text[], audiences text[], served text[],
  market boolean, vetted int, level int, award int, interpretation boolean, customisable boolean, home text,
  duration int, lead int, largest int, per_delivery bigint, per_participant bigint, currency text,
  mean int, evaluations int, deliveries int, form_mean int, form_evaluations int);
CREATE UNLOGGED TABLE bench_slots (
  offer int, kind int, first int, last int, closes int, bookable boolean, languages text[], free int, total int,
  per_delivery int, group_min int);
CREATE UNLOGGED TABLE bench_closeness (asked int, offered int, closeness int, narrower boolean, meets boolean,
  PRIMARY KEY (asked, offered));
"""
INDEXES = """
CREATE INDEX ON bench_offers USING gin (themes);
CREATE INDEX ON bench_offers USING gin (served);
CREATE INDEX ON bench_offers USING gin (audiences);
CREATE INDEX ON bench_slots (offer);
"""

QUERY = """
WITH fit AS (
  SELECT o.*,
    CASE WHEN %(country)s::text = ANY(o.served) THEN 1000 WHEN %(region)s::text = ANY(o.served) THEN 850 ELSE 500 END AS coverage,
    (SELECT (6 * max(c.closeness) + 2 * 1000 + 2 * (1000 * count(*) FILTER (WHERE c.meets) / o.theme_count)) / 10
       FROM unnest(o.themes) AS t(theme) JOIN bench_closeness c ON c.asked = %(theme)s AND c.offered = t.theme) AS theme
  FROM bench_offers o
  WHERE o.themes && %(themes)s::int[] AND o.served && %(served)s::text[] AND o.market AND o.vetted >= %(today)s
    AND (o.audiences && %(audience)s::text[] OR o.customisable)
    AND (%(level)s < 0 OR o.level < 0 OR o.level = %(level)s OR o.customisable)
    AND (o.award < 0 OR o.award >= %(award)s)
), timed AS (
  SELECT f.*, s.kind, s.free, s.total, s.group_min, s.per_delivery AS units,
    %(language)s::text = ANY(s.languages) AS native,
    CASE WHEN s.kind = 0 THEN s.first ELSE greatest(s.first, %(today)s + f.lead, %(opens)s) END AS begins,
    CASE WHEN s.kind = 0 THEN s.last
      ELSE greatest(s.first, %(today)s + f.lead, %(opens)s) + f.duration - 1 END AS ends,
    CASE WHEN s.kind = 0 THEN least(s.closes, s.first) - %(today)s
      ELSE least(s.last, %(closes)s) - f.duration + 1 - greatest(s.first, %(today)s + f.lead) END AS notice,
    CASE WHEN s.kind = 0 THEN s.free WHEN s.kind = 2 THEN 6 * f.largest
      ELSE s.free / greatest(1, s.per_delivery) * f.largest END AS available,
    least(s.last, %(closes)s) AS latest
  FROM fit f JOIN bench_slots s ON s.offer = f.id
  WHERE (f.interpretation OR %(language)s::text = ANY(s.languages))
    AND (s.kind <> 0 OR (s.bookable AND s.first > %(today)s AND s.closes >= %(today)s
                         AND s.first >= %(opens)s AND s.last <= %(closes)s)) AND s.kind <> 4
), seated AS (
  SELECT t.*, least(%(most)s, t.available) AS seats,
    greatest(1, ceil(least(%(most)s, t.available)::numeric
      / CASE WHEN t.kind = 0 THEN greatest(1, t.free) ELSE t.largest END)) AS runs
  FROM timed t
  WHERE t.ends <= t.latest AND t.available >= %(least)s AND t.available >= t.group_min AND %(most)s >= t.group_min
), priced AS (
  SELECT p.*, CASE WHEN p.currency = '' THEN NULL
    ELSE round((p.runs * p.per_delivery + p.seats * p.per_participant) * CASE p.currency WHEN 'EUR' THEN 1.1 ELSE 1 END)
    END AS cost FROM seated p
), scored AS (
  SELECT r.id, r.begins,
    %(w_theme)s * r.theme
    + %(w_place)s * (5 * r.coverage + 3000 + 2 * CASE WHEN r.home = ANY(%(neighbours)s::text[]) THEN 600 ELSE 200 END) / 10
    + %(w_audience)s * (5 * CASE WHEN r.audiences && %(audience)s::text[] THEN 1000 ELSE 400 END
        + 3 * CASE WHEN %(level)s < 0 THEN 1000 WHEN r.level < 0 THEN 500
            ELSE (ARRAY[1000, 600, 200])[1 + abs(r.level - %(level)s)] END + 2000) / 10
    + %(w_language)s * CASE WHEN r.native THEN 1000 ELSE 400 END
    + %(w_dates)s * CASE r.kind WHEN 0 THEN 1000 WHEN 1 THEN 500 + 5 * least(60, r.latest - r.ends)
        WHEN 3 THEN 900 ELSE 500 END
    + %(w_group)s * (1000 * r.seats / %(most)s)
    + %(w_cost)s * CASE WHEN r.cost IS NULL THEN 500 WHEN 1000 * r.cost / %(ceiling)s <= 500 THEN 1000
        ELSE 1000 - (1000 * r.cost / %(ceiling)s - 500) * 4 / 5 END
    + %(w_track_record)s * ((10 * ((10 * 700 + r.form_evaluations * r.form_mean) / (10 + r.form_evaluations))
        + r.evaluations * r.mean) / (10 + r.evaluations))
    + %(w_lead_time)s * least(1000, 1000 * r.notice / 60)
    + %(w_award)s * CASE WHEN %(award)s = 0 OR r.award >= 0 THEN 1000 ELSE 500 END
    + %(w_load)s * CASE WHEN r.free >= 0 AND r.total > 0 THEN least(1000, 1000 * r.free / r.total) ELSE 500 END
    + %(w_newcomer)s * (1000 * greatest(0, 5 - r.deliveries) / 5) AS score
  FROM priced r WHERE r.cost IS NULL OR r.cost <= %(ceiling)s
)
SELECT id, max(score) AS score FROM scored GROUP BY id ORDER BY score DESC, min(begins), id LIMIT 20
"""


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
    columns, scheme = catalogue.columns, catalogue.scheme
    with server.cursor().copy("COPY bench_offers FROM STDIN") as copy:
        for row, offer in enumerate(catalogue.offers):
            served = [*offer.countries, *offer.regions, *(["world"] if offer.worldwide else [])]
            copy.write_row(
                (
                    row, [scheme.index(theme) for theme in sorted(offer.themes)], len(offer.themes), offer.form,
                    sorted(offer.languages), sorted(offer.audiences), served,
                    offer.published and offer.bookable and offer.provider_verified, int(columns.vetted_until[row]),
                    int(columns.level[row]), int(columns.award[row]), offer.interpretation, offer.customisable,
                    offer.home_country or "", int(columns.duration[row]), offer.lead_time_days, offer.participants_max,
                    int(columns.per_delivery[row]), int(columns.per_participant[row]),
                    offer.cost.currency if offer.cost else "", offer.record.mean, offer.record.evaluations,
                    offer.record.deliveries, int(columns.form_mean[row]), int(columns.form_evaluations[row]),
                )
            )  # fmt: skip
    with server.cursor().copy("COPY bench_slots FROM STDIN") as copy:
        for slot in catalogue.slots.slots:
            copy.write_row(
                (
                    slot.offer, int(slot.kind), slot.start, slot.end, slot.closes, slot.bookable,
                    sorted(slot.languages), slot.free, slot.total, slot.per_delivery, slot.group_min,
                )
            )  # fmt: skip
    with server.cursor().copy("COPY bench_closeness FROM STDIN") as copy:
        for asked, concept in enumerate(scheme.concepts):
            kinds = scheme.relations(concept.id)
            meets = kinds[Relation.EQUAL] | kinds[Relation.NARROWER] | kinds[Relation.BROADER]
            for offered in range(len(scheme.concepts)):
                near = int(scheme.closeness[asked, offered])
                copy.write_row((asked, offered, near, bool(kinds[Relation.NARROWER][offered]), bool(meets[offered])))
    server.execute(INDEXES)
    server.execute("VACUUM (ANALYZE) bench_offers, bench_slots, bench_closeness")


def question(need: Need, catalogue: Catalogue) -> dict[str, object]:
    """Return the parameters of the query for one need."""
    line, kinds = need.lines[0], catalogue.scheme.relations(need.lines[0].theme)
    meets = kinds[Relation.EQUAL] | kinds[Relation.NARROWER] | kinds[Relation.BROADER]
    region = catalogue.places.chain_of(country=line.country, region=None)[0]
    weights: dict[str, object] = {f"w_{criterion.value}": POLICY.weights[criterion] for criterion in Criterion}
    return weights | {
        "theme": catalogue.scheme.index(line.theme),
        "themes": meets.nonzero()[0].tolist(),
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
        "ceiling": to_cents(need.budget.ceiling) if need.budget.ceiling is not None else 1,
    }


def milliseconds(server: psycopg.Connection, catalogue: Catalogue, needs: list[Need]) -> tuple[float, float]:
    """Return the median milliseconds that the server needs for a query, and the rows found on average.

    The server works in a process of its own. Each query is run a few times with one worker and everything in memory; the
    least counts of its own timing of the execution, which leaves out planning, and of the CPU time of its process, which
    leaves out waiting for a processor that others use.
    """
    server.execute("SET max_parallel_workers_per_gather = 0")
    server.execute("SET jit = off")
    cursor = psycopg.ClientCursor(server)  # EXPLAIN takes no parameters of the server's own
    found, times = [], []
    for need in needs:
        asked, spent = question(need, catalogue), []
        for _ in range(REPEATS):
            began = cpu_milliseconds(server)
            rows = cursor.execute(QUERY, asked).fetchall()
            spent.append(cpu_milliseconds(server) - began)
            plan = cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {QUERY}", asked).fetchone()
            spent += [plan[0][0]["Execution Time"]] if plan else []
        found.append(len(rows))
        times.append(min(spent))
    return median(times), sum(found) / len(found)


def cpu_milliseconds(server: psycopg.Connection) -> float:
    """Return the CPU time that the server's process for this connection has spent, on this machine and under Linux."""
    return int(Path(f"/proc/{server.info.backend_pid}/schedstat").read_text().split()[0]) / 1e6
