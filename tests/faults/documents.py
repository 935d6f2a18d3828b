"""The documented life cycles, read from docs/lifecycles/*.md: which verb leads from which state to which."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "lifecycles"
CODE = re.compile(r"`([^`]+)`")
INITIAL = re.compile(r"\[\*\] --> (\w+)")
UNCHANGED = "*unchanged*"


@dataclass(frozen=True)
class Move:
    """One permitted move, and the event that tells of it."""

    verb: str
    source: str
    target: str
    event: str


@dataclass(frozen=True)
class Cycle:
    """One life cycle."""

    initial: str
    moves: frozenset[Move]

    def events_of(self, verb: str) -> set[str]:
        """Give the event types of a verb."""
        return {move.event for move in self.moves if move.verb == verb}


@cache
def cycles() -> dict[str, Cycle]:
    """Read every page, by the name of the thing."""
    return {page.stem: read(page.read_text(encoding="utf-8")) for page in FOLDER.glob("*.md") if page.stem != "README"}


def read(page: str) -> Cycle:
    """Read one page: its diagram tells the initial state, its table of verbs the moves."""
    initial = INITIAL.search(page)
    table = page.partition("## Verbs")[2].partition("## ")[0]
    moves = {move for line in table.splitlines() if line.startswith("| `") for move in _moves(line)}
    return Cycle(initial.group(1) if initial else "", frozenset(moves))


def _moves(line: str) -> list[Move]:
    verb, sources, targets, _, event, *_ = (cell.strip() for cell in line.strip("|").split("|"))
    (verb,), (event,) = CODE.findall(verb), CODE.findall(event)
    found = []
    for source in CODE.findall(sources):
        goals = [source] if UNCHANGED in targets else CODE.findall(targets)
        found += [Move(verb, source, goal, event) for goal in goals]
    return found
