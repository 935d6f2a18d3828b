"""How far the dates of the demo are moved."""

from datetime import UTC, date, datetime

import pytest

from marketplace.demo.source import Calendar, move, years_since_demo_day


@pytest.mark.parametrize(
    ("today", "years"),
    [
        (date(2026, 1, 1), 0),
        (date(2026, 11, 21), 0),
        (date(2027, 11, 20), 0),
        (date(2027, 11, 21), 1),
        (date(2030, 1, 1), 3),
    ],
)
def test_dates_move_by_whole_years_since_the_demo_day(today: date, years: int) -> None:
    assert years_since_demo_day(today) == years


def test_leap_day_becomes_the_28th_where_there_is_none() -> None:
    assert move(date(2028, 2, 29), 1) == date(2029, 2, 28)
    assert move(date(2028, 2, 29), 4) == date(2032, 2, 29)


def test_history_never_lies_in_the_future() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    calendar = Calendar(years=0, now=now)
    assert calendar.moment("2026-09-01T09:00:00Z") == now
    assert calendar.moment("2026-02-01T09:00:00Z") == datetime(2026, 2, 1, 9, tzinfo=UTC)


def test_period_keeps_its_precision_when_it_moves() -> None:
    calendar = Calendar(years=2, now=datetime(2028, 12, 1, tzinfo=UTC))
    period = calendar.period({"start": "2027-04-01", "end": "2027-06-30", "precision": "quarter"})
    assert (str(period.start), str(period.end), period.precision) == ("2029-04-01", "2029-06-30", "quarter")
