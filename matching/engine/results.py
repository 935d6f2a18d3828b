"""What comes out: candidates, near misses, conflicts and proposals, each with its reasons. All frozen, all codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from matching.engine.policy import Criterion
from matching.engine.sentences import Param, Sentence

COMPLETE = "complete"
NO_SOLUTION = "no_solution"


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One line of a breakdown: `contribution` is weight * value; `known` False: the declared neutral value."""

    criterion: Criterion
    raw: int | None
    unit: str
    value: int
    weight: int
    contribution: int
    known: bool
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class SlotChoice:
    """The delivery chosen. `kind`: session, capacity, on_request, open_access; `code`: of the session or window."""

    kind: str
    code: str | None
    start: date
    end: date
    precision: str  # "exact", or "vague" where a session is not dated to the day
    seats: int
    deliveries: int
    trainer_days: int


@dataclass(frozen=True, slots=True)
class CriterionShare:
    """What a criterion contributes to the score of a proposal; the shares add up to the score exactly."""

    criterion: Criterion
    contribution: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate or proposal against number `rank` of the same ranking, which proposes `offers`.

    `criteria` are those that differ, the largest difference first; they add up to `difference` (of the scores) exactly.
    """

    rank: int
    offers: tuple[str, ...]
    difference: int
    criteria: tuple[CriterionShare, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to change, who can do it, and by how much; the smallest that is enough."""

    code: str
    actor: str  # requester, provider, secretariat
    params: Mapping[str, Param]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """One offer that can serve one line. `cost` is in the request's currency, None where it is not known.

    `to_first`: single changes of the provider, each of which would put it first of its line; empty for the first.
    """

    offer: str
    provider: str
    line: int
    rank: int
    slot: SlotChoice
    score: int
    breakdown: tuple[CriterionResult, ...]
    evidence: int  # permille of the weights that rest on evidence
    flags: tuple[str, ...]
    cost: Decimal | None
    currency: str
    tie_hash: str
    against_next: Comparison | None = None
    to_first: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Changes that are enough together, none of which can be left out; `actors`: who has to act."""

    changes: tuple[Change, ...]
    actors: tuple[str, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class NearMiss:
    """An offer that small changes would make eligible.

    `ways` are alternatives, the smallest first; `changes` are those of the first, which together do it.
    `score_if_changed` is exact where for them the requester alone has to act, else None.
    """

    offer: str
    provider: str
    line: int
    codes: tuple[str, ...]
    mask: int
    changes: tuple[Change, ...]
    score_if_changed: int | None
    ways: tuple[ChangeSet, ...] = ()


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A smallest set of the request's own constraints whose giving up opens offers."""

    codes: tuple[str, ...]
    mask: int
    opens: int
    best_offer: str
    best_score: int
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class LineConflict:
    """Why a line has no candidate. `reasons` are codes of the list of unmet reasons, the main one first."""

    line: int
    reasons: tuple[str, ...]
    failing: Mapping[str, int]  # code -> offers on the market that fail it
    relaxations: tuple[Relaxation, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class LineRanking:
    """Everything found for one line. `considered` counts published offers, `eligible` those that fail nothing."""

    line: int
    considered: int
    eligible: int
    candidates: tuple[CandidateResult, ...]
    near_misses: tuple[NearMiss, ...]
    conflict: LineConflict | None


@dataclass(frozen=True, slots=True)
class LineShare:
    """A line's part in a proposal: participants by slot code or kind, score and breakdown of the pair."""

    line: int
    participants: int
    score: int
    breakdown: tuple[CriterionResult, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartPlan:
    """One partner's delivery: an offer at one slot for one or more lines."""

    offer: str
    provider: str
    slot: SlotChoice
    lines: Mapping[int, int]  # line -> participants
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class ProposalPlan:
    """A complete or partial answer to a request: one lead and 1..n parts.

    The score is the mean of the lines' scores weighted by their maximum participants; lines not covered count 0.
    """

    rank: int
    parts: tuple[PartPlan, ...]
    lead: str
    providers: tuple[str, ...]
    lines: tuple[LineShare, ...]
    uncovered: tuple[int, ...]
    complete: bool
    score: int
    breakdown: tuple[CriterionShare, ...]
    evidence: int
    cost: Decimal | None
    currency: str
    flags: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    against_next: Comparison | None = None
    to_first: tuple[Change, ...] = ()  # of a request of one line: see CandidateResult


@dataclass(frozen=True, slots=True)
class BundleStep:
    """One step of a bundle: an offer at a slot; cost in the currency of the bundle, None where it is not known."""

    offer: str
    provider: str
    form: str
    modality: str
    slot: SlotChoice
    score: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class BundlePlan:
    """A sequence for one line: the second step begins after the first has ended. See `bundles`."""

    rank: int
    line: int
    steps: tuple[BundleStep, ...]
    score: int
    cost: Decimal | None
    currency: str
    flags: tuple[str, ...]
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True)
class OpenLine:
    """A line that the best proposal leaves open. `reasons`: the limits that keep it open, see `open_lines`.

    `needed`: partners or amount (text with currency) that would be enough. `certain` False: a search was cut short.
    """

    line: int
    reasons: tuple[str, ...]
    needed: Mapping[str, Param]
    certain: bool
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Ranking:
    """The answer to one request. `outcome`: complete (something can be proposed) or no_solution."""

    engine_version: str
    policy_version: str
    need: str
    as_of: date
    outcome: str
    partial: bool
    proven: bool  # the search for teams was exhaustive
    lines: tuple[LineRanking, ...]
    proposals: tuple[ProposalPlan, ...]
    uncovered: tuple[int, ...]
    open_lines: tuple[OpenLine, ...] = ()  # one for each line that the best proposal leaves open
    bundles: tuple[BundlePlan, ...] = ()
