"""Periods with a precision, and working days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

import numpy as np


class Precision(StrEnum):
    """How exactly a date is known; imprecise dates keep their precision (domain rule 9)."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Period:
    """First and last day of a period, both included."""

    start: date
    end: date
    precision: Precision = Precision.DAY

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError("a period ends on or after the day it starts")

    @property
    def days(self) -> int:
        """Number of calendar days, first and last included."""
        return (self.end - self.start).days + 1

    def overlaps(self, other: "Period") -> bool:
        """Tell whether the two periods share a day."""
        return self.start <= other.end and other.start <= self.end

    def contains(self, other: "Period") -> bool:
        """Tell whether ``other`` lies wholly within this period."""
        return self.start <= other.start and other.end <= self.end

    def intersection(self, other: "Period") -> "Period | None":
        """Give the shared days, with the finer precision of the two, or None."""
        if not self.overlaps(other):
            return None
        finer = min(self.precision, other.precision, key=list(Precision).index)
        return Period(max(self.start, other.start), min(self.end, other.end), finer)


def add_working_days(moment: datetime, days: int) -> datetime:
    """Move ``moment`` by ``days`` working days (Monday to Friday; negative goes back), keeping the time of day.

    Public holidays differ by duty station and are not taken out; the service level table allows for them.
    """
    day = np.datetime64(moment.date())
    # From a weekend, the count begins on the Monday after (or, going back, on the Friday before).
    moved = np.busday_offset(day, days, roll="forward") if days >= 0 else np.busday_offset(day, days, roll="backward")
    return moment + timedelta(days=int((moved - day) / np.timedelta64(1, "D")))


def working_days_between(start: datetime, end: datetime) -> int:
    """Count the working days from ``start`` to ``end`` (negative when ``end`` is earlier)."""
    return int(np.busday_count(np.datetime64(start.date()), np.datetime64(end.date())))
