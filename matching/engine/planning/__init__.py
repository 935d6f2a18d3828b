"""Planning: all open needs of a day turned into one instance of the portfolio, solved, and told line by line.

answer = plan_all(PlanTask(needs, PlanParameters(budgets=...)), catalogue, policy, as_of=today, rates=rates,
                  engine_version=ENGINE_VERSION)
answer.planned.lines                    # each line served or not, and why
plan_all(PlanTask(needs, changes=MarketChanges(offers=(idea,))), ...)     # what if this offering existed?
"""

from matching.engine.planning.keeping import KeptPlan, keep, kept
from matching.engine.planning.market import fails_then
from matching.engine.planning.plan import STAGES, PlanAnswer, plan_all
from matching.engine.planning.proposing import PlannedShare, UnservedLine, choice_from_plain, proposal_of
from matching.engine.planning.results import Planned, PlannedAlternate, PlannedChoice, PlannedLine
from matching.engine.planning.snapshot import PlanInputs, decode_plan, plan_bytes, plan_snapshot
from matching.engine.planning.telling import constraint_sentences
from matching.engine.planning.types import (
    AGENCY,
    CLASSES,
    COUNTRY_GROUPS,
    HYPOTHETICAL,
    FreeCapacity,
    GroupFloor,
    MarketChanges,
    PlanBudget,
    PlanMark,
    PlanNeed,
    PlanParameters,
    PlanTask,
    ProviderLoad,
    line_key,
)

__all__ = [
    "AGENCY",
    "CLASSES",
    "COUNTRY_GROUPS",
    "HYPOTHETICAL",
    "STAGES",
    "FreeCapacity",
    "GroupFloor",
    "KeptPlan",
    "MarketChanges",
    "PlanAnswer",
    "PlanBudget",
    "PlanInputs",
    "PlanMark",
    "PlanNeed",
    "PlanParameters",
    "PlanTask",
    "Planned",
    "PlannedAlternate",
    "PlannedChoice",
    "PlannedLine",
    "PlannedShare",
    "ProviderLoad",
    "UnservedLine",
    "choice_from_plain",
    "constraint_sentences",
    "decode_plan",
    "fails_then",
    "keep",
    "kept",
    "line_key",
    "plan_all",
    "plan_bytes",
    "plan_snapshot",
    "proposal_of",
]
