"""An instance of the portfolio problem: which needs, which pairs could serve them, what those use and cost.

Everything is sorted by id when an instance is built, so the order of the input changes nothing. The pairs are arrays,
because ten thousand needs with thirty pairs each must stay far below 250 MB.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.engine.errors import EngineError

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

TIE_BITS = 60
AMOUNT_TOP = 1 << 40  # of seats, days and cents: sums over every need stay exact in int64 and in float64
LAST_CLASS = 99
APART_RULE = "apart"  # partners that must not work together
CEILING_RULE = "ceiling"  # what needs may cost together


@dataclass(frozen=True, slots=True)
class NeedEntry:
    """A need: its priority class (1 first) and the groups it counts for, such as `agency:UNDP`, `ldc` or `sids`."""

    id: str
    priority_class: int = 4
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Capacity:
    """What pairs use up: seats of a session, trainer days of a window, the load of a provider in a period.

    At most `maximum` units are used in a plan and at least `minimum`. `rule` names what rule it is where it is one and no
    supply, so that nothing is told of what more of it would bring: APART_RULE or CEILING_RULE.
    """

    id: str
    maximum: int
    minimum: int = 0
    rule: str = ""


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """The most that a plan may cost, in cents: `total`, or what a funder gives."""

    id: str
    maximum: int


@dataclass(frozen=True, slots=True)
class Floor:
    """At least `minimum` needs of the group are served."""

    group: str
    minimum: int


@dataclass(frozen=True, slots=True)
class Pair:
    """A need and a candidate that could serve it.

    `score` in 0..10^6; `uses`: (capacity, units); `costs`: (budget, cents); `previous`: it was in the last published
    plan; `tie`: 60 bits that decide between plans that are otherwise equal: the smaller sum of the upper 20 bits wins,
    then of the middle 20, then of the lower.
    """

    need: str
    candidate: str
    score: int
    uses: tuple[tuple[str, int], ...] = ()
    costs: tuple[tuple[str, int], ...] = ()
    previous: bool = False
    tie: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """A pair that is chosen only together with one of some others, all by their numbers; without others: never."""

    pair: int
    one_of: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PairArrays:
    """The pairs as arrays, sorted by need and candidate; a pair's number is its place.

    Shapes: `need`, `score`, `previous`, `tie` [pairs]; the pairs of need n are `need_start[n]:need_start[n + 1]`; the
    uses of pair p are `use_start[p]:use_start[p + 1]` of `use_capacity` and `use_amount`, its costs likewise (cents).
    """

    need: Ints
    score: Ints
    previous: Flags
    tie: Ints
    need_start: Ints
    use_start: Ints
    use_capacity: Ints
    use_amount: Ints
    cost_start: Ints
    cost_budget: Ints
    cost_amount: Ints
    candidate: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.candidate)

    def use_pair(self) -> Ints:
        """Return for each use the number of its pair. [uses]"""
        return np.repeat(np.arange(len(self)), np.diff(self.use_start))

    def cost_pair(self) -> Ints:
        """Return for each cost the number of its pair. [costs]"""
        return np.repeat(np.arange(len(self)), np.diff(self.cost_start))


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """All that a plan is made from. `locked` and `banned` are pair numbers; everything is sorted by id."""

    needs: tuple[NeedEntry, ...]
    capacities: tuple[Capacity, ...]
    budgets: tuple[BudgetLimit, ...]
    floors: tuple[Floor, ...]
    pairs: PairArrays
    locked: frozenset[int]
    banned: frozenset[int]
    links: tuple[Link, ...] = ()

    def pair_number(self, need: str, candidate: str) -> int:
        """Find a pair by its names. Raises EngineError(bad_instance) when there is no such pair."""
        low, high = 0, len(self.needs)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.needs[middle].id < need else (low, middle)
        if low < len(self.needs) and self.needs[low].id == need:
            start, end = int(self.pairs.need_start[low]), int(self.pairs.need_start[low + 1])
            for number in range(start, end):
                if self.pairs.candidate[number] == candidate:
                    return number
        raise refusal(f"{need} / {candidate}", "is not a pair of this instance")

    def pair_name(self, number: int) -> tuple[str, str]:
        """Return the need and the candidate of a pair."""
        return self.needs[int(self.pairs.need[number])].id, self.pairs.candidate[number]


@dataclass(frozen=True, slots=True, eq=False)
class PairColumns:
    """Pairs as columns in any order, for whoever has arrays already.

    `need` counts in the needs as they are handed over, `use_pair` and `cost_pair` in the pairs, `use_capacity` and
    `cost_budget` in capacities and budgets as they are handed over.
    """

    need: Ints
    candidate: Sequence[str]
    score: Ints
    use_pair: Ints
    use_capacity: Ints
    use_amount: Ints
    cost_pair: Ints
    cost_budget: Ints
    cost_amount: Ints
    previous: Flags
    tie: Ints


def refusal(subject: str, detail: str) -> EngineError:
    """Say what is wrong with an instance."""
    return EngineError("bad_instance", subject, detail)
