"""What a plan of all open needs is made from: the needs, what the planner set, and what a "what if" changes.

Everything is frozen and plain, so that the whole of it goes into the snapshot of a run.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from matching.engine.errors import EngineError
from matching.engine.policy import Criterion
from matching.engine.types import Need, Offer

CLASSES = (1, 2, 3, 4)  # of engine.priority; 1 comes first
COUNTRY_GROUPS = ("ldc", "lldc", "sids")
AGENCY = "agency:"
HYPOTHETICAL = "hypothetical:"  # begins the id of an offer that nobody has made yet
TOTAL = ""  # the budget over all funders


def line_key(reference: str, line: int) -> str:
    """Return the name of one line of one request, as the plan knows it and people read it."""
    return f"{reference}/{line}"


@dataclass(frozen=True, slots=True)
class PlanNeed:
    """One open request: as the engine reads it, how people know it, and who pays.

    `content_version` is the one that was planned; `funder` is an organization code, None while no funder is named.
    """

    need: Need
    reference: str
    content_version: int = 1
    funder: str | None = None


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """Money that the plan may spend: in all (`funder` empty) or of one funder, in cents of the plan's currency."""

    cents: int
    funder: str = TOTAL


@dataclass(frozen=True, slots=True)
class GroupFloor:
    """At least so many lines of a group are served: `ldc`, `lldc`, `sids`, or `agency:CODE`."""

    group: str
    minimum: int

    def __post_init__(self) -> None:
        if self.group not in COUNTRY_GROUPS and not self.group.startswith(AGENCY):
            raise EngineError("bad_instance", self.group, "a group is ldc, lldc, sids or agency:CODE")


@dataclass(frozen=True, slots=True)
class ProviderLoad:
    """How many lines one provider serves in the plan: at least and at most (None: as many as its capacity allows)."""

    provider: str
    minimum: int = 0
    maximum: int | None = None

    def __post_init__(self) -> None:
        if self.minimum < 0 or (self.maximum is not None and self.maximum < self.minimum):
            raise EngineError("bad_instance", self.provider, "a load needs 0 <= minimum <= maximum")


@dataclass(frozen=True, slots=True)
class PlanMark:
    """One offer for one line of one request (by its reference): to be chosen (lock) or never (ban)."""

    request: str
    line: int
    offer: str

    @property
    def key(self) -> str:
        """Return the name of the line."""
        return line_key(self.request, self.line)


@dataclass(frozen=True, slots=True)
class PlanParameters:
    """What the planner set. Needs outside of `classes` are not planned; `candidates` offers are kept for each line."""

    classes: frozenset[int] = frozenset(CLASSES)
    budgets: tuple[PlanBudget, ...] = ()
    floors: tuple[GroupFloor, ...] = ()
    loads: tuple[ProviderLoad, ...] = ()
    most_lines: int | None = None  # of any provider that `loads` does not name
    locks: tuple[PlanMark, ...] = ()
    bans: tuple[PlanMark, ...] = ()
    worst_served: bool = True
    time_limit_seconds: int | None = 60
    candidates: int = 20
    alternates: int = 3
    currency: str = "USD"  # of budgets and of the plan's costs

    def __post_init__(self) -> None:
        wanted = {mark.key: mark.offer for mark in self.locks}
        if len(wanted) != len({(mark.key, mark.offer) for mark in self.locks}):
            raise EngineError("bad_instance", "locks", "a line is locked to two offers")
        for name, keys in (
            ("budgets", [limit.funder for limit in self.budgets]),
            ("floors", [floor.group for floor in self.floors]),
            ("loads", [load.provider for load in self.loads]),
        ):
            if len(set(keys)) != len(keys):
                raise EngineError("bad_instance", name, "the same thing is limited twice")
        both = {(mark.key, mark.offer) for mark in self.locks} & {(mark.key, mark.offer) for mark in self.bans}
        if both:
            raise EngineError("bad_instance", sorted(both)[0][0], "the same offer is locked and banned")


@dataclass(frozen=True, slots=True)
class FreeCapacity:
    """Another number of free seats of a session, or free units of a window, than there are."""

    code: str
    free: int


@dataclass(frozen=True, slots=True)
class MarketChanges:
    """What a "what if" changes; nothing by default."""

    weights: Mapping[Criterion, int] | None = None
    capacities: tuple[FreeCapacity, ...] = ()
    offers: tuple[Offer, ...] = ()  # hypothetical ones


@dataclass(frozen=True, slots=True)
class PlanTask:
    """Everything of a plan that is not the market: needs in any order, earlier choices, parameters and changes.

    `previous` gives for the name of a line the (offer, slot kind and code) that the last published plan chose.
    """

    needs: tuple[PlanNeed, ...]
    parameters: PlanParameters = PlanParameters()
    changes: MarketChanges = MarketChanges()
    previous: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.needs, key=lambda entry: (entry.reference, entry.need.id)))
        ids, references = {entry.need.id for entry in ordered}, {entry.reference for entry in ordered}
        if min(len(ids), len(references)) != len(ordered):
            raise EngineError("bad_instance", "needs", "a need occurs twice")
        object.__setattr__(self, "needs", ordered)
