"""What a plan of all open needs says, line by line and as a whole. All frozen; `engine.plain` turns it into JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from matching.engine.portfolio.report import BudgetPrice, CapacityPrice, Change, FairnessReport, GreedyDifference
from matching.engine.portfolio.results import StageResult
from matching.engine.results import CriterionResult, Relaxation, SlotChoice
from matching.engine.sentences import Sentence

SERVED, UNMET = "served", "unmet"


@dataclass(frozen=True, slots=True)
class PlannedChoice:
    """What the plan gives a line. `cost` is in the request's currency, `cents` in the plan's; None: not known.

    `units` are what it uses of `capacity` (seats of a session, units of a window); `least`: the smallest group only,
    because the slot is wanted by others too; `together`: the other lines of the request in the same delivery, whose cost is
    shared by participants.
    """

    candidate: str
    offer: str
    provider: str
    slot: SlotChoice
    participants: int
    least: bool
    score: int
    breakdown: tuple[CriterionResult, ...]
    evidence: int  # permille of the weights that rest on evidence
    flags: tuple[str, ...]
    cost: Decimal | None
    currency: str
    cents: int | None
    capacity: str
    units: int
    together: tuple[int, ...] = ()
    can_lead: bool = True


@dataclass(frozen=True, slots=True)
class PlannedAlternate:
    """Another candidate that would fit as well, and what choosing it would change in the whole plan."""

    candidate: str
    offer: str
    provider: str
    slot: SlotChoice
    participants: int
    score: int
    change: Change
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a line is not served though offers would fit: who competes with it for what (names of the plan)."""

    reason: str
    competing: tuple[str, ...]
    capacities: tuple[str, ...]
    budgets: tuple[str, ...]
    demand: int
    supply: int


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One line of one request in the plan. `best_score` is of its best candidate, plan or no plan.

    `unmet_reason` is of the code list `unmet_reasons`; `relaxations` say what the requester could give up where
    nothing is eligible.
    """

    key: str
    need: str
    reference: str
    content_version: int
    line: int
    priority_class: int
    groups: tuple[str, ...]
    theme: str
    country: str | None
    region: str
    language: str | None
    forms: tuple[str, ...]
    outcome: str
    eligible: int
    best_score: int | None
    choice: PlannedChoice | None
    alternates: tuple[PlannedAlternate, ...]
    unmet_reason: str
    shortage: Shortage | None
    relaxations: tuple[Relaxation, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class PlanConflict:
    """What the planner set and cannot hold together: locks (line, offer), floors (groups), smallest loads (providers)."""

    locks: tuple[tuple[str, str], ...] = ()
    floors: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """The answer of a planning run. `outcome`: complete (something is served) or no_solution.

    `stages` say of each objective its value, the best possible, the gap, whether it is proven, and who solved it.
    `resolves` are changed problems that were solved to explain it, `refused` those that the limits did not allow.
    `spent` gives cents by budget; `cost_unknown` counts served lines whose cost nobody knows: they use no budget.
    """

    engine_version: str
    policy_version: str
    as_of: date
    outcome: str
    status: str
    lines: tuple[PlannedLine, ...]
    served_by_class: Mapping[int, int]
    worst_score: int | None
    total_score: int
    kept: int
    stages: tuple[StageResult, ...]
    instance_digest: str
    sizes: Mapping[str, int]
    conflict: PlanConflict | None
    spent: Mapping[str, int]
    cost_unknown: int
    fairness: FairnessReport | None
    capacity_prices: tuple[CapacityPrice, ...]
    budget_prices: tuple[BudgetPrice, ...]
    greedy: GreedyDifference | None
    resolves: int
    refused: int
    sentences: tuple[Sentence, ...]
