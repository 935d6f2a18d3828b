"""What a run has shown: a table for people, JSON for machines, and the page docs/faults.md."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.profiles import PROFILES
from tests.faults.run import Outcome
from tests.faults.verdict import CALM, Row, percentile

COLUMNS = ("faults", "calls", "acknowledged", "lost", "doubled", "rules broken", "p50 s", "p95 s", "max s")
BEGIN, END = "<!-- figures: written by `make faults WRITE=1` -->", "<!-- end of figures -->"
SHOWN = 15  # violations of one checker that are printed; the rest is in the JSON


@dataclass
class Summary:
    """The figures of all shapes together."""

    profile: str
    seed: int
    outcomes: list[Outcome]
    seconds: float

    @property
    def rows(self) -> list[Row]:
        """All rows, the shapes one after the other."""
        return [row for outcome in self.outcomes for row in outcome.rows]

    @property
    def recoveries(self) -> list[float]:
        """All recoveries."""
        return [seconds for row in self.rows for seconds in row.recoveries]

    @property
    def kinds(self) -> set[str]:
        """The kinds that were done at least once."""
        return {row.kind for row in self.rows if row.faults}

    def total(self, name: str) -> int:
        """Sum a figure over all rows."""
        return int(sum(getattr(row, name) for row in self.rows))

    def failures(self) -> list[str]:
        """Say, one by one, why the run has not shown what it is to show; empty where it has."""
        found = [
            f"{self.total(name)} {name}" for name in ("lost", "doubled", "broken", "unrecovered") if self.total(name)
        ]
        slow = percentile(self.recoveries, 95)
        goal = PROFILES[self.profile].goal_seconds
        if slow > goal:
            found.append(f"recovery p95 is {slow:.1f} s, above {goal:.0f} s")
        if not self.recoveries:
            found.append("no fault was recovered from")
        return found + [trouble for outcome in self.outcomes for trouble in outcome.troubles]


def cells(row: Row) -> list[str]:
    """Give the figures of a row as text."""
    times = [f"{percentile(row.recoveries, share):.1f}" for share in (50, 95)] if row.recoveries else ["", ""]
    longest = f"{max(row.recoveries):.1f}" if row.recoveries else ""
    counts = [row.faults, row.calls, row.acknowledged, row.lost, row.doubled, row.broken]
    return [*(str(count) for count in counts), *times, longest]


def all_together(summary: Summary) -> Row:
    """Add all rows up."""
    row = Row("", "all")
    for name in ("faults", "calls", "acknowledged", "lost", "doubled", "broken", "unrecovered"):
        setattr(row, name, summary.total(name))
    row.recoveries = summary.recoveries
    return row


def show(console: Console, summary: Summary) -> None:
    """Print the table, the violations and the verdict."""
    table = Table(title=f"Faults, profile {summary.profile}, seed {summary.seed}")
    table.add_column("shape")
    table.add_column("kind")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for row in summary.rows:
        table.add_row(row.shape, row.kind, *cells(row))
    table.add_section()
    table.add_row("", "all", *cells(all_together(summary)))
    console.print(table)
    for outcome in summary.outcomes:
        _show_outcome(console, outcome)
    failures = summary.failures()
    console.print(f"{summary.seconds:.0f} s, load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")
    for failure in failures:
        console.print(f"✗ {failure}", style="red")
    if not failures:
        console.print(f"✓ 0 lost, 0 doubled, recovery p95 {percentile(summary.recoveries, 95):.1f} s", style="green")


def _show_outcome(console: Console, outcome: Outcome) -> None:
    told = ", ".join(f"{count} {name}" for name, count in sorted(outcome.stories.items()))
    given_up = ", ".join(f"{count} {name}" for name, count in sorted(outcome.abandoned.items()))
    console.print(
        f"{outcome.shape}: stories told: {told or 'none'}; ended early: {given_up or 'none'}", highlight=False
    )
    for name, violations in outcome.violations.items():
        console.print(f"  {name}: {len(violations) or 'nothing found'}", highlight=False)
        for violation in violations[:SHOWN]:
            console.print(f"    {violation.kind}: {violation.text}", highlight=False, markup=False)


def write_json(summary: Summary, path: Path) -> None:
    """Keep everything for machines."""
    facts = {
        "profile": summary.profile,
        "seed": summary.seed,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(summary.seconds, 1),
        "cores": os.cpu_count(),
        "failures": summary.failures(),
        "recovery_seconds": {f"p{share}": round(percentile(summary.recoveries, share), 2) for share in (50, 95)}
        | {"max": round(max(summary.recoveries, default=0.0), 2)},
        "outcomes": [asdict(outcome) for outcome in summary.outcomes],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def write_page(summary: Summary, page: Path) -> None:
    """Put the figures into the document, between its two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{_figures(summary)}\n{END}{after}", encoding="utf-8")


def _priority() -> str:
    """Say with which priority the run went, where it was not the usual one."""
    nice = os.nice(0)
    return f", at priority {nice} (0 is usual, less is before others)" if nice else ""


def _figures(summary: Summary) -> str:
    shapes = ", ".join(f"{one.shape} {one.load_average:.1f}" for one in summary.outcomes)
    failures = summary.failures()
    lines = [
        f"Run of {datetime.now(UTC):%d %B %Y, %H:%M} UTC: profile `{summary.profile}`, seed {summary.seed}, "
        f"{summary.total('faults')} faults of {len(summary.kinds)} kinds in {summary.seconds / 60:.0f} minutes; "
        f"{os.cpu_count()} cores ({platform.machine()}), load average {shapes}{_priority()}. "
        + ("Nothing failed." if not failures else f"What failed: {'; '.join(failures)}."),
        "",
        f"| shape | kind | {' | '.join(COLUMNS)} |",
        f"|---|---|{'---:|' * len(COLUMNS)}",
    ]
    for row in (*summary.rows, all_together(summary)):
        name = row.kind if row.kind in (CALM, "all") else f"`{row.kind}`"
        lines.append(f"| {row.shape} | {name} | {' | '.join(cells(row))} |")
    return "\n".join(lines)
