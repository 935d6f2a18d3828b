"""What a plan says of itself: plain data with sentences, which `engine.plain` turns into JSON.

    report = explain_plan(instance, solution, settings, alternates=3, limit_resolves=40,
                          providers={candidate: provider}, currency="USD", progress=None)     # -> PlanReport
    answer = why_not(instance, solution, settings, need=..., candidate=...)                   # -> WhyNot

All figures are whole numbers. Scores are points of 10^6; shares and Jain indices are in millionths; money is in cents.
`exact` tells a figure that was proved by solving the changed problem (or by a shortest path that is proved to be the
same) from a bound; the sentence says so too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from matching.engine.sentences import Sentence

MILLION = 1_000_000

# Why a need is not served; `NeedUnmet.unmet_reason` says it in the code list `unmet_reasons` of the vocabularies.
NO_CANDIDATE = "no_candidate"  # no pair at all: the ranking of the line says which constraints stand in the way
BANNED = "banned"  # pairs there are, but bans took them all
CAPACITY_SHORT = "capacity_short"  # needs that count as much or more take all there is
OUTRANKED = "outranked"  # it would fit if needs of a higher priority class gave way
BUDGET_SHORT = "budget_short"  # it would fit with more money
LOCKED_OUT = "locked_out"  # locks, floors or minima hold what it would need
RULED_OUT = "ruled_out"  # a rule, such as partners kept apart, lets another need have what it could have
LINKED = "linked"  # it could be served only together with another need, and together they find no place
NOT_PROVEN = "not_proven"  # the time ended before the plan was proved the best
UNMET_CODES: Mapping[str, str] = {
    NO_CANDIDATE: "",  # the caller knows why; it comes from the hard constraints
    BANNED: "other",
    CAPACITY_SHORT: "no_capacity",
    OUTRANKED: "no_capacity",
    BUDGET_SHORT: "no_funding",
    LOCKED_OUT: "other",
    LINKED: "other",
    RULED_OUT: "other",
    NOT_PROVEN: "other",
}


@dataclass(frozen=True, slots=True)
class Change:
    """How much better (positive) or worse (negative) the whole plan is after a change, objective by objective.

    `served`: priority class -> needs more, classes without a difference left out; `worst_score`: of the worst-served
    need (0 when nobody is served before or after, or the settings leave it out); `total_score` and `kept`.

    With `exact` all figures are those of the best changed plan. Without it the best changed plan is at least as good
    in the order of the objectives up to the first that differs; what comes after is 0 where it is not known.
    """

    served: Mapping[int, int]
    worst_score: int
    total_score: int
    kept: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """A need whose candidate changes; None stands for "not served"."""

    need: str
    before: str | None
    after: str | None
    points: int  # gained (positive) or lost


@dataclass(frozen=True, slots=True)
class Alternate:
    """Another candidate of a served need that would fit too, with what forcing it changes in the whole plan."""

    candidate: str
    score: int
    change: Change
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class NeedServed:
    """A need of the plan. `regret` is the score of its best eligible candidate less the score of the chosen one."""

    need: str
    priority_class: int
    candidate: str
    score: int
    best_candidate: str
    best_score: int
    regret: int
    eligible: int  # candidates that are not banned
    alternates: tuple[Alternate, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class NeedUnmet:
    """A need that the plan leaves open, and why.

    `proven`: the figures alone prove it by a minimum cut (Hall's condition violated): this need and the `competing_count`
    needs beside it can be served by `capacities` alone and ask for `demand` at the least, where there is room for
    `supply` - counted in needs where each asks for the same amount, else in units. Else `capacities` are those that
    shut out its candidates and `competing` the needs that hold them, and the proof is that of the solver.
    `competing` and `capacities` name the first 25, the nearest to the need first.
    """

    need: str
    priority_class: int
    reason: str
    unmet_reason: str
    eligible: int
    best_candidate: str | None
    best_score: int | None
    competing: tuple[str, ...]
    competing_count: int
    capacities: tuple[str, ...]
    capacity_count: int
    budgets: tuple[str, ...]
    demand: int
    supply: int
    proven: bool
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class WhyNot:
    """What forcing a candidate would do: how the plan changes and who gains or loses; or why it cannot be.

    `reason` is empty when it is possible (or chosen already), else `banned`, `conflict` or `not_proven`.
    """

    need: str
    candidate: str
    chosen: bool
    possible: bool
    reason: str
    change: Change | None
    moves: tuple[Move, ...]
    capacities: tuple[str, ...]  # in conflict with it, where it is impossible
    groups: tuple[str, ...]  # floors in conflict
    locks: tuple[tuple[str, str], ...]  # (need, candidate) in conflict
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class CapacityPrice:
    """What more of a capacity would bring. `units` is the raise that was looked at: the smallest that may help."""

    capacity: str
    used: int
    maximum: int
    units: int
    change: Change
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class BudgetPrice:
    """What more money would bring. `points_per_thousand`: by the multiplier, for each further 1,000 of the currency.

    `change` is that of a plan with `raise_cents` more, solved again.
    """

    budget: str
    spent_cents: int
    maximum_cents: int
    points_per_thousand: int
    raise_cents: int
    change: Change
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class GroupShare:
    """How a group fares: `share` of its needs that are served (millionths), mean score of those served (floored)."""

    group: str
    needs: int
    served: int
    share: int
    mean_score: int | None
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Exposure:
    """How often a provider is a candidate of a need (`offered`) and how often it is chosen."""

    provider: str
    offered: int
    chosen: int


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """Who fares how, and what the floors and the worst-served rule cost in total fit.

    `plain_total` and `plain_served` are those of the plan without these two rules, None when it was not solved;
    `price` = plain_total - plan's total (points), `price_share` in millionths of plain_total. Jain's index of
    x_1..x_n is (sum x)^2 / (n * sum x^2), 1/n..1 in millionths: R. Jain, D. Chiu, W. Hawe, "A Quantitative Measure of
    Fairness and Discrimination", DEC-TR-301, 1984; None where there is nothing to compare.
    """

    groups: tuple[GroupShare, ...]
    plain_served: int | None
    plain_total: int | None
    price: int | None
    price_share: int | None
    regret_total: int
    regret_highest: int
    jain_agencies: int | None
    jain_providers: int | None
    exposure: tuple[Exposure, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class GreedyDifference:
    """The plan against the greedy one: figures of the greedy plan, what the plan has more, and who differs."""

    feasible: bool  # the greedy plan keeps all floors and minima
    served: int
    worst_score: int | None
    total_score: int
    change: Change  # from the greedy plan to this one
    left_by_greedy: tuple[str, ...]  # needs served here and not there
    left_by_plan: tuple[str, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Everything that is said of a plan.

    `resolves`: how many changed problems were solved for it; `refused`: how many more would have been, had the limits
    of number and time not been met: their figures are bounds.
    """

    served: tuple[NeedServed, ...]
    unmet: tuple[NeedUnmet, ...]
    fairness: FairnessReport
    capacity_prices: tuple[CapacityPrice, ...]
    budget_prices: tuple[BudgetPrice, ...]
    greedy: GreedyDifference | None
    resolves: int
    refused: int
    sentences: tuple[Sentence, ...]
