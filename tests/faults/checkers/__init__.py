"""The checkers: each looks at the recorded history and the final state for one promise, and lists what breaks it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.final import Final
from tests.faults.history import History

LOST, DOUBLED, BROKEN = "lost", "doubled", "broken"


@dataclass(frozen=True)
class Violation:
    """One broken promise: whether something was lost, doubled, or otherwise wrong, and when where that is known."""

    kind: str
    text: str
    at: float | None = None


Checker = Callable[[History, Final], list[Violation]]


def lost(text: str, at: float | None = None) -> Violation:
    """Say that something acknowledged is not there."""
    return Violation(LOST, text, at)


def doubled(text: str, at: float | None = None) -> Violation:
    """Say that something happened twice."""
    return Violation(DOUBLED, text, at)


def broken(text: str, at: float | None = None) -> Violation:
    """Say that a rule does not hold."""
    return Violation(BROKEN, text, at)
