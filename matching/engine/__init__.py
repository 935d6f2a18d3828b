"""The matching engine: which offers serve a training request, how well, why, and what would have to change.

Plain Python and NumPy: frozen dataclasses in, plans with reasons out. No clock, no database, no chance: the same
inputs give the same bytes, in whatever order they come. Other rooms import from here and from nowhere deeper.

    catalogue = build_catalogue(offers, scheme, places)      # once for each change of what is on offer
    ranking = rank(need, catalogue, DEFAULT_POLICY, as_of=today, rates=rates)
    ranking.proposals[0].breakdown                           # contributions add up to the score
    render(sentence, "fr", labels)                           # every reason is a code with parameters
    supply = encode_supply(offers, scheme, places)           # kept once, however many runs read it
    digest(snapshot(need, supply, policy, as_of=..., ...))   # what the run was made from
"""

from matching.engine.catalogue import Catalogue, build_catalogue, trainer_days
from matching.engine.concepts import Concept, Relation, ThemeScheme, scheme_from_pairs
from matching.engine.constraints import CODES as CONSTRAINT_CODES
from matching.engine.constraints import Fail, codes_of
from matching.engine.errors import EngineError
from matching.engine.gaps import (
    Assumptions,
    Closing,
    GapRanking,
    GapStep,
    Hypothetical,
    OutOfReach,
    UnmetLine,
    rank_gaps,
)
from matching.engine.learning import (
    CriterionOverrides,
    Override,
    WeightSuggestion,
    overrides_by_criterion,
    suggest_weights,
)
from matching.engine.lexicon import (
    ConceptLabels,
    Lexicon,
    Suggestion,
    lexicon_from_labels,
)
from matching.engine.matrix import SparseScores, score_matrix
from matching.engine.near_misses import apply_change, apply_offer_change
from matching.engine.places import Country, PlaceIndex
from matching.engine.policy import (
    CRITERIA,
    DEFAULT_POLICY,
    DEFAULT_WEIGHTS,
    SCORE_TOP,
    WEIGHT_TOTAL,
    Criterion,
    Policy,
)
from matching.engine.portfolio import (
    FEASIBLE,
    INFEASIBLE,
    OPTIMAL,
    BudgetLimit,
    Capacity,
    Conflict,
    Floor,
    Instance,
    NeedEntry,
    Pair,
    PairArrays,
    PairColumns,
    Settings,
    Solution,
    StageResult,
    build_instance,
    build_instance_from_columns,
)
from matching.engine.priority import Priority, priority
from matching.engine.ranking import ENGINE_VERSION, rank
from matching.engine.rates import Rate, Rates
from matching.engine.reading import (
    RunInputs,
    SupplyInputs,
    decode,
    decode_snapshot,
    decode_supply,
)
from matching.engine.relaxation import relax
from matching.engine.results import (
    COMPLETE,
    NO_SOLUTION,
    CandidateResult,
    Change,
    CriterionResult,
    CriterionShare,
    LineConflict,
    LineRanking,
    LineShare,
    NearMiss,
    PartPlan,
    ProposalPlan,
    Ranking,
    Relaxation,
    SlotChoice,
)
from matching.engine.sentences import (
    LABELS,
    Labels,
    Sentence,
    render,
    sentence_from_plain,
)
from matching.engine.serving import Cell, Served, serving
from matching.engine.snapshot import (
    Supply,
    canonical,
    digest,
    encode_supply,
    plain,
    ranking_bytes,
    snapshot,
)
from matching.engine.types import (
    AWARDS,
    LEVELS,
    PARALLEL_DELIVERIES,
    TRAINER_DAYS,
    Budget,
    CapacitySlot,
    Cost,
    Need,
    NeedLine,
    Offer,
    PlaceWish,
    SessionSlot,
    TrackRecord,
)

__all__ = [
    "AWARDS",
    "COMPLETE",
    "CONSTRAINT_CODES",
    "CRITERIA",
    "DEFAULT_POLICY",
    "DEFAULT_WEIGHTS",
    "ENGINE_VERSION",
    "FEASIBLE",
    "INFEASIBLE",
    "LABELS",
    "LEVELS",
    "NO_SOLUTION",
    "OPTIMAL",
    "PARALLEL_DELIVERIES",
    "SCORE_TOP",
    "TRAINER_DAYS",
    "WEIGHT_TOTAL",
    "Assumptions",
    "Budget",
    "BudgetLimit",
    "CandidateResult",
    "Capacity",
    "CapacitySlot",
    "Catalogue",
    "Cell",
    "Change",
    "Closing",
    "Concept",
    "ConceptLabels",
    "Conflict",
    "Cost",
    "Country",
    "Criterion",
    "CriterionOverrides",
    "CriterionResult",
    "CriterionShare",
    "EngineError",
    "Fail",
    "Floor",
    "GapRanking",
    "GapStep",
    "Hypothetical",
    "Instance",
    "Labels",
    "Lexicon",
    "LineConflict",
    "LineRanking",
    "LineShare",
    "NearMiss",
    "Need",
    "NeedEntry",
    "NeedLine",
    "Offer",
    "OutOfReach",
    "Override",
    "Pair",
    "PairArrays",
    "PairColumns",
    "PartPlan",
    "PlaceIndex",
    "PlaceWish",
    "Policy",
    "Priority",
    "ProposalPlan",
    "Ranking",
    "Rate",
    "Rates",
    "Relation",
    "Relaxation",
    "RunInputs",
    "Sentence",
    "Served",
    "SessionSlot",
    "Settings",
    "SlotChoice",
    "Solution",
    "SparseScores",
    "StageResult",
    "Suggestion",
    "Supply",
    "SupplyInputs",
    "ThemeScheme",
    "TrackRecord",
    "UnmetLine",
    "WeightSuggestion",
    "apply_change",
    "apply_offer_change",
    "build_catalogue",
    "build_instance",
    "build_instance_from_columns",
    "canonical",
    "codes_of",
    "decode",
    "decode_snapshot",
    "decode_supply",
    "digest",
    "encode_supply",
    "lexicon_from_labels",
    "overrides_by_criterion",
    "plain",
    "priority",
    "rank",
    "rank_gaps",
    "ranking_bytes",
    "relax",
    "render",
    "scheme_from_pairs",
    "score_matrix",
    "sentence_from_plain",
    "serving",
    "snapshot",
    "suggest_weights",
    "trainer_days",
]
