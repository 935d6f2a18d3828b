"""Priority: whose need comes first. Kept apart from fit: it never changes a score, only the order of needs.

Points: 2 for a country in special need (LDC, LLDC, SIDS), 2 for a post-conflict setting, 1 each for a window that opens
within 90 days, a context event within 180 days or a dated event named, 90 days of waiting, an underserved level of
government, and being a pilot country or a spin-off. Class 1: five points or more, 2: three or four, 3: one or two, 4: none.
"""

from dataclasses import dataclass
from datetime import date

from matching.engine.reference.places import Country, PlaceIndex
from matching.engine.types import Need

URGENT_DAYS = 90
EVENT_DAYS = 180
WAITING_DAYS = 90
CLASS_FROM_POINTS = ((5, 1), (3, 2), (1, 3))
LAST_CLASS = 4
FACT_POINTS = {"pilot_country": 1, "spin_off": 1, "underserved_level": 1, "event_deadline": 1, "post_conflict": 2}


@dataclass(frozen=True, slots=True)
class Priority:
    """Class 1 (first) to 4, the points behind it, the facts that gave them, and days waited since opening."""

    priority_class: int
    points: int
    facts: tuple[str, ...]
    waiting_days: int


def priority(need: Need, places: PlaceIndex, *, as_of: date) -> Priority:
    """Assess how urgent a need is as on a day, from its countries, window, context event, waiting time and stated facts."""
    countries = [places.country(line.country) for line in need.lines if line.country is not None]
    waiting = max(0, (as_of - need.opened_on).days) if need.opened_on else 0
    points = {code: FACT_POINTS.get(code, 0) for code in need.priority_facts}
    points |= dict.fromkeys(_groups(countries), 0)
    if any(country.has_special_needs for country in countries):
        points["special_needs"] = 2
    if 0 <= (need.window_start - as_of).days <= URGENT_DAYS:
        points["urgent"] = 1
    if need.context_event_on and 0 <= (need.context_event_on - as_of).days <= EVENT_DAYS:
        points["event_deadline"] = 1
    if waiting >= WAITING_DAYS:
        points["waiting"] = 1
    total = sum(points.values())
    found = next((number for least, number in CLASS_FROM_POINTS if total >= least), LAST_CLASS)
    return Priority(found, total, tuple(sorted(points)), waiting)


def _groups(countries: list[Country]) -> list[str]:
    return [name for name in ("ldc", "lldc", "sids") if any(getattr(country, name) for country in countries)]
