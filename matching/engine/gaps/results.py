"""Unmet lines in, hypothetical offerings out: what is said of gaps, all frozen, all codes."""

from collections.abc import Mapping
from dataclasses import dataclass

from matching.engine.policy.priority import LAST_CLASS
from matching.engine.sentences import Sentence
from matching.engine.types import Need

Key = tuple[str, int]  # need id, line number


@dataclass(frozen=True, slots=True)
class UnmetLine:
    """A line that nobody serves, with the participants who wait; class 1 is the most urgent."""

    need: Need
    line: int
    participants: int
    priority_class: int = LAST_CLASS

    @property
    def key(self) -> Key:
        """Need and line."""
        return (self.need.id, self.line)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What every hypothetical offering is taken to be: its length, how soon it can begin, how many it takes at once."""

    hours: int = 12
    lead_time_days: int = 30
    participants_min: int = 1
    participants_max: int = 1000


@dataclass(frozen=True, slots=True, order=True)
class Hypothetical:
    """An offering that does not exist. `region` M49; `level` None: where no unmet line names one."""

    theme: str
    language: str
    region: str
    form: str
    modality: str
    level: str | None

    @property
    def code(self) -> str:
        """The combination as one word."""
        return "|".join((self.theme, self.language, self.region, self.form, self.modality, self.level or "any"))


@dataclass(frozen=True, slots=True)
class Closing:
    """What one more offering would close: exact. `audiences` are those it has to be made for to do so."""

    offering: Hypothetical
    audiences: tuple[str, ...]
    lines: tuple[Key, ...]
    needs: int
    participants: int
    by_class: Mapping[int, int]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class GapStep:
    """One more offering of the joint choice: what it adds, what all so far close, and what as many could close at most."""

    adds: Closing
    closed: int
    closed_participants: int
    bound: int
    proven: bool


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """A line that no such offering can serve, and which constraints stand in the way of the nearest one."""

    need: str
    line: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GapRanking:
    """Hypothetical offerings, best first alone (`singles`) and best together (`together`, greedy)."""

    unmet: int
    participants: int
    closable: int
    candidates: int
    assumptions: Assumptions
    singles: tuple[Closing, ...]
    together: tuple[GapStep, ...]
    method: str
    guarantee_permille: int
    out_of_reach: tuple[OutOfReach, ...]
    sentences: tuple[Sentence, ...]
