"""The matching policy: weights, switches and tolerances, versioned and published by people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from matching.engine.errors import EngineError

WEIGHT_TOTAL = 1000
VALUE_TOP = 1000
SCORE_TOP = WEIGHT_TOTAL * VALUE_TOP
NEUTRAL = 500  # the declared value of what is not known


class Criterion(StrEnum):
    """What counts, in the order in which it is shown."""

    THEME = "theme"
    PLACE = "place"
    AUDIENCE = "audience"
    LANGUAGE = "language"
    DATES = "dates"
    GROUP = "group"
    COST = "cost"
    TRACK_RECORD = "track_record"
    LEAD_TIME = "lead_time"
    TEXT = "text"
    AWARD = "award"
    LOAD = "load"
    NEWCOMER = "newcomer"


CRITERIA: tuple[Criterion, ...] = tuple(Criterion)

# Set by swing weighting on paper: what would one rather have raised from worst to best? The theme first,
# then that people are reached where they are, as who they are and in their language (together nearly
# three fifths); then dates, group and cost; what is only an indication (track record of few evaluations,
# likeness of texts, load, being new) can turn a near tie and nothing more.
DEFAULT_WEIGHTS: Mapping[Criterion, int] = {
    Criterion.THEME: 230,
    Criterion.PLACE: 130,
    Criterion.AUDIENCE: 120,
    Criterion.LANGUAGE: 110,
    Criterion.DATES: 80,
    Criterion.GROUP: 80,
    Criterion.COST: 80,
    Criterion.TRACK_RECORD: 60,
    Criterion.LEAD_TIME: 40,
    Criterion.TEXT: 20,
    Criterion.AWARD: 20,
    Criterion.LOAD: 20,
    Criterion.NEWCOMER: 10,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the rules. Raises EngineError(bad_weights) unless the weights are whole and sum to 1000.

    Switches (the hard constraints marked * in the design): a broader theme by one level counts, a must-language
    may be interpreted, a secured ceiling binds, an imposed place binds.
    """

    version: str = "default-1"
    currency: str = "USD"  # of estimates where the request names none
    weights: Mapping[Criterion, int] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    accept_broader_theme: bool = True
    accept_interpretation: bool = True
    enforce_ceiling: bool = True
    enforce_fixed_place: bool = True
    cost_tolerance_permille: int = 0  # above a secured ceiling
    window_tolerance_days: int = 0  # before and after the window, for sessions dated to the day
    level_tolerance: int = 0  # steps of level that are no mismatch
    prior_mean: int = 700  # track record before any evaluation, 0..1000
    prior_strength: int = 10  # evaluations the prior weighs as much as
    newcomer_deliveries: int = 5  # deliveries after which a provider is no newcomer
    max_partners: int = 4
    max_deliveries: int = 6  # on request, where the provider declared no capacity
    proposals: int = 5  # for requests of several lines
    near_misses: int = 10
    near_miss_constraints: int = 2  # an offer failing more is no near miss
    near_miss_days: int = 180  # nor one for which the window would have to move by more
    relaxations: int = 10
    bundles: int = 3  # sequences of two offers shown for a request
    follow_up_days: int = 90  # after the end of the first step within which the second begins
    search_nodes: int = 60_000  # of the search for teams; beyond it the answer is marked as not proven

    def __post_init__(self) -> None:
        if set(self.weights) != set(CRITERIA):
            raise EngineError("bad_weights", self.version, "every criterion needs a weight, and nothing else")
        if min(self.weights.values()) < 0 or sum(self.weights.values()) != WEIGHT_TOTAL:
            raise EngineError(
                "bad_weights", self.version, f"weights must not be negative and must sum to {WEIGHT_TOTAL}"
            )
        if not 0 <= self.prior_mean <= VALUE_TOP or self.prior_strength < 1 or self.newcomer_deliveries < 1:
            raise EngineError("bad_policy", self.version, "prior or newcomer term out of range")
        if min(self.max_partners, self.max_deliveries, self.proposals) < 1:
            raise EngineError("bad_policy", self.version, "limits must be at least 1")

    @property
    def in_order(self) -> tuple[int, ...]:
        """Return the weights in the order of CRITERIA."""
        return tuple(map(self.weights.__getitem__, CRITERIA))


DEFAULT_POLICY = Policy()
