"""What every loader is given."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.demo.source import Calendar, Row

SOURCE = "demo"  # name of this source where records keep one


@dataclass(frozen=True)
class Load:
    """The data, its calendar, in whose name it is written, and a count of what was new."""

    data: dict[str, Any]
    calendar: Calendar
    actor: Actor = field(default_factory=lambda: Actor.system("demo data"))
    new: Counter[str] = field(default_factory=Counter)

    def rows(self, kind: str) -> list[Row]:
        """Give the records of one kind."""
        rows: list[Row] = self.data[kind]
        return rows

    def by_code(self, kind: str) -> dict[str, Row]:
        """Give the records of one kind by their code."""
        return {row["code"]: row for row in self.rows(kind)}
