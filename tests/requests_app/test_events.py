"""The catalogue of events names all that this app says, and nothing else."""

import re
from pathlib import Path

from requests_app.events import EVENT_TYPES
from requests_app.lifecycle import CLARIFICATION, ENDORSEMENT, LINE, REQUEST

LIFECYCLES = (REQUEST, LINE, CLARIFICATION, ENDORSEMENT)
CHANGE = re.compile(r'record_change\(\s*(\w+),\s*"(\w+)"')
OWNERS = {"line": "request_line", "equal": "request_line", "request": "training_request", "target": "training_request"}


def said() -> set[str]:
    found = {row.event for lifecycle in LIFECYCLES for row in lifecycle.transitions}
    found |= {f"{lifecycle.name}.created" for lifecycle in LIFECYCLES}
    # The clock speaks of whatever has a step with a deadline.
    found |= {f"{one.name}.{word}" for one in LIFECYCLES if one.steps for word in ("overdue", "reminder_due")}
    for path in Path("requests_app/operations").glob("*.py"):
        found |= {f"{OWNERS[who]}.{what}" for who, what in CHANGE.findall(path.read_text())}
    return found


def test_catalogue_is_complete_and_has_nothing_else() -> None:
    assert said() == set(EVENT_TYPES)


def test_catalogue_is_sorted() -> None:
    assert list(EVENT_TYPES) == sorted(EVENT_TYPES)
