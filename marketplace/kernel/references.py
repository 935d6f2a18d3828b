"""Human references of training requests: ``GMG-MLI-2026-0007``."""

import re
from dataclasses import dataclass

PATTERN = re.compile(
    r"^(?P<group>[A-Z0-9]{2,10})-(?P<place>[A-Z]{3}|[0-9]{3})-(?P<year>[0-9]{4})-(?P<number>[0-9]{4,9})$"
)


@dataclass(frozen=True, slots=True)
class RequestReference:
    """Group code, country (alpha-3) or M49 area, year of submission and the counter of that year."""

    group: str
    place: str
    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.group}-{self.place}-{self.year:04d}-{self.number:04d}"


def parse_request_reference(text: str) -> RequestReference | None:
    """Read a reference, or give None when ``text`` has another form."""
    found = PATTERN.match(text)
    if not found:
        return None
    return RequestReference(found["group"], found["place"], int(found["year"]), int(found["number"]))
