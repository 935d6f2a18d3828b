"""A rule that must hold whatever happened, and what breaks it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing about which a rule does not hold; ``subject`` is its reference, ``detail`` says what was found."""

    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule by the name under which people speak of it; ``look`` reads the database and yields what breaks it."""

    name: str
    look: Callable[[], Iterable[Breach]]
