"""How fast many offerings are imported, against a bare bulk insert of the same rows, and how much memory that takes.

Both run on a database of their own that is thrown away, in turns, each in a process of its own: the bare insert makes model instances
and stores them by `bulk_create`, 500 in a transaction, and does nothing else. The import is the whole job: it reads the CSV, judges
every row, writes offerings, facets, words, audit records and events, and moves the cursor. All rows are synthetic.

    DATABASE_URL=postgres://... python -m bench.bulk --rows 100000 [--write]
"""

import argparse
import csv
import os
import platform
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

BATCH = 500
GOAL, MEGABYTES = 0.15, 400
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
PROVIDERS = 200
PAGE = Path(__file__).parent.parent / "docs" / "bulk.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
Row = dict[str, Any]


class World:
    """What rows are drawn from."""

    def __init__(self) -> None:
        from marketplace.vocabularies import queries as vocabularies

        self.codes = {
            scheme: sorted(vocabularies.codes(scheme))
            for scheme in ("themes", "languages", "audiences", "countries", "forms", "modalities", "levels")
        }

    def row(self, number: int) -> Row:
        """Draw the offering of this number, as the body of a single write has it."""
        rng = Random(number)
        some = {name: rng.sample(codes, min(len(codes), rng.randint(1, 3))) for name, codes in self.codes.items()}
        title = f"Course {number} on {some['themes'][0].replace('-', ' ')}"
        return {
            "provider": f"BENCH-{number % PROVIDERS}",
            "external_id": f"bench-{number}",
            "source": "bench",
            "titles": {"en": title, "fr": f"Cours {number} : {title}"},
            "summaries": {"en": f"{title}. " + "For those who plan and carry out programmes. " * rng.randint(1, 4)},
            "themes": some["themes"],
            "languages": some["languages"][:2],
            "audiences": some["audiences"],
            "scope": "listed",
            "countries_served": some["countries"],
            "form": some["forms"][0],
            "modality": some["modalities"][0],
            "level": some["levels"][0],
            "duration_hours": rng.randint(4, 80),
            "participants_min": 8,
            "participants_max": rng.randint(10, 60),
            "cost_per_delivery": f"{rng.randint(2_000, 60_000)}.00",
            "currency": "USD",
            "lead_time_days": rng.randint(0, 120),
            "on_request": rng.random() < 0.5,
        }


def write_csv(path: Path, rows: int) -> None:
    """Write the file that is imported."""
    from marketplace.api.flat import cell_of

    world = World()
    names = [
        name
        for key, value in world.row(0).items()
        for name in ([f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key])
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for number in range(rows):
            row = world.row(number)
            cells = (row[name.split(".")[0]] for name in names)
            writer.writerow(
                cell_of(cell[name.split(".")[1]] if "." in name else cell)
                for name, cell in zip(names, cells, strict=True)
            )


# --- what is timed ------------------------------------------------------------------------------------------------
def bare(rows: int, _path: Path) -> None:
    """Store the rows and nothing else."""
    from decimal import Decimal

    from django.db import transaction

    from providers.models import Offering, Provider

    world, owners = World(), dict(Provider.objects.values_list("code", "pk"))
    bodies: Iterator[Row] = (world.row(number) for number in range(rows))
    while some := list(islice(bodies, BATCH)):
        with transaction.atomic():
            Offering.objects.bulk_create(
                Offering(
                    provider_id=owners[row.pop("provider")],
                    cost_per_delivery=Decimal(row.pop("cost_per_delivery")),
                    state="draft",
                    created_at=AT,
                    updated_at=AT,
                    **row,
                )
                for row in some
            )


def imported(rows: int, path: Path) -> None:
    """Import the file by its job."""
    from marketplace.accounts.models import User
    from marketplace.bulk.models import Import
    from marketplace.files import storage
    from marketplace.work import loop
    from marketplace.work import operations as work
    from tests.factories.bulk import ImportFactory

    name = secrets.token_hex(16)
    target = storage.path_of(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    os.link(path, target)
    owner = User.objects.get(username="bench")
    one = ImportFactory.create(requested_by=f"user:{owner.public_id}", upload__name=name)
    work.enqueue("bulk.import", {"import": str(one.public_id)}, at=AT)
    loop.run_one(worker="bench")
    one = Import.objects.get(pk=one.pk)
    assert (one.status, one.created, one.refused) == ("done", rows, 0), (one.status, one.created, one.refused)


def clear() -> None:
    """Empty what a run has written."""
    from django.db import connection

    from marketplace.audit import triggers

    tables = ("events_eventaudience", "events_outboxevent", "providers_offeringfacet", "search_searchdocument")
    audit = ("audit_erasablevalues", "audit_pendingrecord", "audit_auditrecord")
    with connection.cursor() as cursor:
        for statement in triggers.drop_statements(connection.vendor):
            cursor.execute(statement)
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join((*tables, *audit, 'providers_offering'))} CASCADE")
        else:
            for table in (*tables, *audit, "providers_offering"):
                cursor.execute(f"DELETE FROM {table}")
        for statement in triggers.create_statements(connection.vendor):
            cursor.execute(statement)


def scene() -> None:
    """Make the providers, and somebody who may write for them all."""
    from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory
    from tests.factories.providers import ProviderFactory

    office = OrganizationFactory.create(code="SEC", roles=["secretariat"])
    user = UserFactory.create(username="bench")
    MembershipFactory.create(organization=office, role="secretariat_officer", user=user)
    for number in range(PROVIDERS):
        ProviderFactory.create(code=f"BENCH-{number}")


def timed(what: Callable[[int, Path], None], rows: int, path: Path) -> tuple[float, float]:
    """Run it in a process of its own; give its seconds and the megabytes at their peak."""
    from django.db import connections

    connections.close_all()
    mother, child = get_context("fork").Pipe()

    def run() -> None:
        start = time.perf_counter()
        what(rows, path)
        took = time.perf_counter() - start
        child.send((took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))

    process = get_context("fork").Process(target=run)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{what.__name__} failed")
    seconds, megabytes = mother.recv()
    return seconds, megabytes


def main() -> None:
    """Measure, say it, and with ``--write`` put it into docs/bulk.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    with tempfile.TemporaryDirectory() as folder:
        settings.FILES_DIR = Path(folder) / "documents"
        settings.FILES_DIR.mkdir()
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            scene()
            told = measure(asked.rows, asked.rounds, Path(folder))
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
    print(told)
    if asked.write:
        text = PAGE.read_text("utf-8")
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{told}\n{END}{rest.partition(END)[2]}", "utf-8")


def measure(rows: int, rounds: int, folder: Path) -> str:
    """Take turns; give a table in Markdown."""
    from django.db import connection

    small, whole = folder / "small.csv", folder / "whole.csv"
    few = max(1, rows // 10)
    write_csv(small, few)
    write_csv(whole, rows)
    ratios, rates = [], []
    bare_rates, peaks = [], []
    clear()
    _, small_peak = timed(imported, few, small)
    for _ in range(rounds):
        clear()
        plain, _ = timed(bare, rows, whole)
        clear()
        took, peak = timed(imported, rows, whole)
        ratios.append(plain / took)
        rates.append(rows / took)
        bare_rates.append(rows / plain)
        peaks.append(peak)
    clear()
    size = whole.stat().st_size / 2**20
    return "\n".join(
        (
            f"| {rows:,} offerings, {size:.0f} MB of CSV, {connection.vendor}, {platform.machine()}, {os.cpu_count()} cores | |",
            "|---|---|",
            f"| bare bulk insert | {median(bare_rates):,.0f} rows/s |",
            f"| import | {median(rates):,.0f} rows/s |",
            f"| import against the bare insert (goal {GOAL} and more) | {median(ratios):.3f} |",
            f"| memory of the process at its peak (goal {MEGABYTES} MB and less) | {max(peaks):.0f} MB |",
            f"| the same for {few:,} offerings | {small_peak:.0f} MB |",
        )
    )


if __name__ == "__main__":
    main()
