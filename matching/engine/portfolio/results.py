"""What the portfolio answers: the plan, how good each objective is and how sure that is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OPTIMAL = "optimal"
FEASIBLE = "feasible"
INFEASIBLE = "infeasible"
UNKNOWN = "unknown"

# Names of the objectives, in their order; `served` is followed by the priority class.
SERVED = "served"
WORST_SCORE = "worst_score"
TOTAL_SCORE = "total_score"
KEPT = "kept"
TIE = "tie"

# Told what is being solved: the name of the stage and the number of stages done so far.
Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """Which objectives count below the needs served and the total fit, and how long mixed-integer programs may take.

    Without a limit of time the answer depends on the instance alone; with one, a run that meets it may differ.
    """

    worst_served: bool = True
    stability: bool = True
    unique: bool = True
    time_limit_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StageResult:
    """One objective: its value, the best that is possible (a proven bound), the distance, and who solved it.

    All objectives are maximised but `tie`, of which less is better. `gap` is `|bound - value|`; `proven` is gap 0
    by the proof of the solver.
    """

    name: str
    value: int
    bound: int
    gap: int
    proven: bool
    solver: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Wishes that cannot hold together, none of which could be left out: without one of them the others can.

    `locks` are pair numbers, `floors` groups, `minima` capacities. Where a limit of time ended the search for it, it
    may name more than it needs to.
    """

    locks: tuple[int, ...] = ()
    floors: tuple[str, ...] = ()
    minima: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """A plan: at most one pair for each need.

    `chosen` are pair numbers in rising order; `worst_score` is None when nobody is served; `conflict` is there only
    when `status` is `infeasible`. With `feasible` the time ended: the gaps of the stages say how far the plan may be
    from the best. With `unknown` it ended before there was any plan, and whether there is one is open.
    """

    chosen: tuple[int, ...]
    served_by_class: Mapping[int, int]
    worst_score: int | None
    total_score: int
    kept: int
    status: str
    stages: tuple[StageResult, ...] = field(default=())
    conflict: Conflict | None = None
