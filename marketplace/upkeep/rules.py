"""The rules of the domain that can be read off the database: looked at after a restore, and whenever somebody doubts.

The database keeps most of them by its constraints; here they are recounted from the rows that they are about, so that a
damaged copy, a hand-written UPDATE or a mistake of ours is seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from marketplace.audit import queries as audit
from marketplace.audit import verification
from marketplace.events import queries as events
from marketplace.kernel.rules import Breach, Rule
from matching import queries as matching
from providers import queries as providers
from requests_app import queries as requests

SHOWN = 20  # breaches told of each rule; the rest is counted


@dataclass(frozen=True, slots=True)
class Verdict:
    """What looking at one rule found: the first breaches, and how many there are."""

    rule: str
    count: int
    shown: tuple[Breach, ...]

    @property
    def holds(self) -> bool:
        """Tell whether nothing breaks the rule."""
        return not self.count


def look_at_rules() -> Iterator[Verdict]:
    """Look at every rule, one after the other; reads only, and keeps no more than the first breaches in memory."""
    for rule in RULES:
        count, shown = 0, []
        for breach in rule.look():
            count += 1
            if count <= SHOWN:
                shown.append(breach)
        yield Verdict(rule.name, count, tuple(shown))


def unpaired_changes() -> Iterator[Breach]:
    """Give the things that have not as many audit records as events (domain rule 3): both come in one transaction."""
    numbers: dict[tuple[str, str], int] = {}
    for resource, key, number in audit.recorded_by_thing():
        numbers[resource, str(key)] = number
    for resource, key, number in events.told_by_thing():
        recorded = numbers.pop((resource, str(key)), 0)
        if recorded != number:
            yield Breach(f"{resource} {key}", f"{recorded} audit records, {number} events")
    for (resource, untold), recorded in numbers.items():
        yield Breach(f"{resource} {untold}", f"{recorded} audit records, 0 events")


def broken_links() -> Iterator[Breach]:
    """Give rows that point at rows that are not there; PostgreSQL refuses them itself, SQLite can be made to take them."""
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_key_check")
        for table, row, parent, _number in cursor.fetchall():
            yield Breach(f"{table} row {row}", f"points at a row of {parent} that is not there")


def damaged_trail() -> Iterator[Breach]:
    """Give what does not fit when the chain of the audit trail is computed again."""
    report, _whole = verification.verify()
    yield from (Breach("audit trail", finding) for finding in report.told)


RULES = (
    Rule("no line is given twice", requests.miscounted_lines),
    Rule("no session is overbooked", providers.miscounted_sessions),
    Rule("no capacity is overbooked", providers.miscounted_windows),
    Rule("partners hold what they are to use", matching.parts_without_their_hold),
    Rule("each change has its audit record and its event", unpaired_changes),
    Rule("the audit trail is whole", damaged_trail),
    Rule("every link leads somewhere", broken_links),
)
