from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.kernel.periods import Period, Precision, add_working_days, working_days_between

FRIDAY = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


def test_working_days_jump_over_the_weekend_and_keep_the_hour() -> None:
    assert add_working_days(FRIDAY, 1) == datetime(2026, 11, 23, 15, 30, tzinfo=UTC)


def test_working_days_counted_from_a_saturday_begin_on_monday() -> None:
    saturday = datetime(2026, 11, 21, 9, tzinfo=UTC)
    assert add_working_days(saturday, 0) == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert add_working_days(saturday, -1) == datetime(2026, 11, 19, 9, tzinfo=UTC)


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(0, 400))  # noqa: DTZ001  made aware below
def test_working_days_added_are_the_working_days_between(moment: datetime, days: int) -> None:
    start = add_working_days(moment.replace(tzinfo=UTC), 0)
    end = add_working_days(start, days)
    assert working_days_between(start, end) == days
    assert end.weekday() < 5


def test_period_reversed_is_refused() -> None:
    with pytest.raises(ValueError, match="ends on or after"):
        Period(date(2027, 2, 1), date(2027, 1, 1))


def test_intersection_of_overlapping_periods_has_the_finer_precision() -> None:
    year = Period(date(2027, 1, 1), date(2027, 12, 31), Precision.YEAR)
    week = Period(date(2026, 12, 28), date(2027, 1, 3))
    shared = year.intersection(week)
    assert shared == Period(date(2027, 1, 1), date(2027, 1, 3), Precision.DAY)
    assert shared is not None
    assert shared.days == 3
    assert year.contains(shared)


def test_intersection_of_separate_periods_is_none() -> None:
    assert Period(date(2027, 1, 1), date(2027, 1, 2)).intersection(Period(date(2027, 1, 3), date(2027, 1, 4))) is None
