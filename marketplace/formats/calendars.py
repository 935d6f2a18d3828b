"""iCalendar (RFC 5545, RFC 7986) by the icalendar library: days, not hours; the last day is included in what we know."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar import Calendar, Event

MEDIA_TYPE = "text/calendar"
PRODUCT = "-//GMG Training Marketplace//EN"
REFRESH = timedelta(hours=6)
DAY = timedelta(days=1)
LAST_END = date.max - DAY  # the last day that one can follow


@dataclass(frozen=True, slots=True)
class Happening:
    """What happens on some days. ``sequence`` counts its changes; an imprecise one takes nobody's time yet."""

    uid: str
    title: str
    start: date
    end: date  # the last day
    changed_at: datetime
    sequence: int
    status: str = "CONFIRMED"  # TENTATIVE | CONFIRMED | CANCELLED
    exact: bool = True
    place: str = ""
    text: str = ""
    url: str = ""
    categories: Sequence[str] = ()
    language: str = ""  # of the title; empty: that of the calendar


def write_calendar(happenings: Iterable[Happening], *, name: str, language: str) -> Iterator[bytes]:
    """Write a calendar."""
    calendar = Calendar()
    for key, value in (
        ("prodid", PRODUCT),
        ("version", "2.0"),
        ("calscale", "GREGORIAN"),
        ("method", "PUBLISH"),
        ("name", name),
        ("x-wr-calname", name),
    ):
        calendar.add(key, value)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    head, mark, tail = calendar.to_ical().partition(b"END:VCALENDAR")
    yield head
    for happening in happenings:
        yield _event(happening, language).to_ical()
    yield mark + tail


def _event(happening: Happening, language: str) -> Event:
    event = Event()
    event.add("uid", happening.uid)
    event.add("dtstamp", happening.changed_at.astimezone(UTC))
    event.add("last-modified", happening.changed_at.astimezone(UTC))
    event.add("sequence", happening.sequence)
    event.add("dtstart", happening.start)
    over = min(happening.end, LAST_END) + DAY  # the first day on which it is over
    if over > happening.start:  # what begins on the last day there is has no such day, and lasts that day without one
        event.add("dtend", over)
    event.add("summary", happening.title, parameters={"LANGUAGE": happening.language or language})
    event.add("status", happening.status)
    event.add("transp", "OPAQUE" if happening.exact and happening.status == "CONFIRMED" else "TRANSPARENT")
    for name, value in (("location", happening.place), ("description", happening.text), ("url", happening.url)):
        if value:
            event.add(name, value)
    if happening.categories:
        event.add("categories", list(happening.categories))
    return event
