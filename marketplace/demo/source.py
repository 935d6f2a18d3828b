"""The demo data as it ships (`data/demo.json`), and its dates moved to where they stand today.

The data says what was true on its demo day, 21 November 2026; its open windows lie in the year that follows. It is moved
on by whole years, as few as keep the demo day at most one year behind: then no history lies in the future, and open
windows still lie ahead. References, codes and the original periods stay as they are.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from marketplace.kernel.periods import Period, Precision

FILE = Path(__file__).resolve().parent / "data" / "demo.json"
DEMO_DAY = date(2026, 11, 21)
MORNING, EVENING = time(9), time(17)  # UTC; the hours at which dated things begin and end

Row = dict[str, Any]  # one record of the file


def read() -> dict[str, Any]:
    """Read the file: one list of records for each kind, `meta`, and `cases`."""
    data: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return data


def move(day: date, years: int) -> date:
    """Give the same day so many years later; 29 February becomes the 28th where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def years_since_demo_day(today: date) -> int:
    """Count the whole years since the demo day, at least 0."""
    years = max(0, today.year - DEMO_DAY.year)
    return years - 1 if years and move(DEMO_DAY, years) > today else years


@dataclass(frozen=True, slots=True)
class Calendar:
    """Dates of the data as they are loaded: moved by ``years``, and no history later than ``now``."""

    years: int
    now: datetime

    def day(self, text: str) -> date:
        """Move a day."""
        return move(date.fromisoformat(text), self.years)

    def day_or_none(self, text: str | None) -> date | None:
        """Move a day where there is one."""
        return self.day(text) if text else None

    def period(self, row: Row) -> Period:
        """Move a period ``{start, end, precision}`` with a known end."""
        return Period(self.day(row["start"]), self.day(row["end"]), Precision(row["precision"]))

    def moment(self, text: str) -> datetime:
        """Move a moment of the history."""
        moment = datetime.fromisoformat(text)
        return self.past(datetime.combine(move(moment.date(), self.years), moment.time(), tzinfo=UTC))

    def morning(self, day: date) -> datetime:
        """Give the moment at which something begins on ``day``."""
        return self.past(datetime.combine(day, MORNING, tzinfo=UTC))

    def evening(self, day: date) -> datetime:
        """Give the moment at which something ends on ``day``."""
        return self.past(datetime.combine(day, EVENING, tzinfo=UTC))

    def past(self, moment: datetime) -> datetime:
        """Keep history out of the future."""
        return min(moment, self.now)

    @property
    def demo_day(self) -> date:
        """The day of which the data tells."""
        return move(DEMO_DAY, self.years)


def provenance(row: Row) -> dict[str, Any]:
    """Give what is known of where a record comes from, as the column of the same name keeps it."""
    kept = ("origin", "editorial_fields", "external_fields", "synthetic_fields", "note")
    return {"sources": row.get("provenance", []), **{key: row[key] for key in kept if row.get(key)}}
