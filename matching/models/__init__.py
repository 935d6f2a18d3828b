"""Tables of the matching app; the other modules of the app import from here."""

from matching.models.answers import Counter, Decision
from matching.models.plans import PlanLine
from matching.models.policies import MatchingPolicy
from matching.models.proposals import SCORE_TOP, MatchProposal, PartLine, ProposalPart
from matching.models.runs import (
    COMPARED,
    IMPOSSIBLE,
    PLAN_MODES,
    REQUEST_MODES,
    RUN_MODES,
    MatchRun,
    SupplyPiece,
    SupplySnapshot,
)
from matching.models.watches import FITS, NeedWatch, ToldNeed

__all__ = [
    "COMPARED",
    "FITS",
    "IMPOSSIBLE",
    "PLAN_MODES",
    "REQUEST_MODES",
    "RUN_MODES",
    "SCORE_TOP",
    "Counter",
    "Decision",
    "MatchProposal",
    "MatchRun",
    "MatchingPolicy",
    "NeedWatch",
    "PartLine",
    "PlanLine",
    "ProposalPart",
    "SupplyPiece",
    "SupplySnapshot",
    "ToldNeed",
]
