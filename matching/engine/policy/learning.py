"""Which weights would have agreed more often with what people decided. A suggestion: a person publishes.

Each decision compares what was chosen with what was passed over. With values in 0..1 and weights w on the simplex
(w >= 0, sum 1) the chance that a person prefers the first is `1 / (1 + exp(-STEEPNESS * w * difference))` (Bradley and
Terry 1952, with the weighted sum of differences as strength). The weights suggested minimise

    sum over decisions of ln(1 + exp(-STEEPNESS * w * difference)) + PULL / 2 * |w - present|^2

so that few decisions move them little and many move them as far as they must: the pull to the present policy weighs
as much as PRIOR_DECISIONS ordinary decisions. The function is strictly convex; projected gradient steps (projection on
the simplex after Duchi et al. 2008) with momentum (Beck and Teboulle 2009) find its only minimum. What the weights are
worth is measured on decisions that were held out of the fit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from matching.engine.policy import CRITERIA, VALUE_TOP, WEIGHT_TOTAL, Criterion, Policy
from matching.engine.sentences import Sentence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEEPNESS = 20.0  # a lead of five points in a hundred is followed about three times in four
PRIOR_DECISIONS = 40
# Curvature of one ordinary decision: an even one, with a difference of about a third of the scale.
PULL = PRIOR_DECISIONS * STEEPNESS**2 * 0.25 * 0.1
LEAST_DECISIONS = 10  # with fewer nothing is suggested
FOLDS = 5
STEPS = 2000
CLOSE_ENOUGH = 1e-9  # of a weight; a thousandth is what is published
PERMILLE = 1000


@dataclass(frozen=True, slots=True)
class Override:
    """One decision: values 0..1000 by criterion of what was chosen, and of what was passed over for it.

    An override: `proposed` is what the engine put first. A decision that followed the engine is evidence too:
    `followed` is then True, `chosen` what came first and `proposed` the next one. Criteria left out count 0.
    """

    decision_id: str
    chosen: Mapping[Criterion, int]
    proposed: Mapping[Criterion, int]
    followed: bool = False


@dataclass(frozen=True, slots=True)
class CriterionOverrides:
    """How overrides fall on one criterion: how often the chosen one was better, equal or worse, and by how much.

    `mean_difference`: chosen - proposed, in thousandths of the scale, over all overrides, towards zero.
    """

    criterion: Criterion
    better: int
    equal: int
    worse: int
    mean_difference: int


@dataclass(frozen=True, slots=True)
class WeightSuggestion:
    """Weights as they are and as they would have agreed more often; shares in permille of the decisions held out.

    `enough` False: too few decisions; `suggested` is then what is in force and the shares are None. A tie counts
    half. `overrides` are the decisions against the engine's first, of all `decisions`.
    """

    decisions: int
    overrides: int
    least: int
    enough: bool
    present: Mapping[Criterion, int]
    suggested: Mapping[Criterion, int]
    folds: int
    held_out_suggested: int | None
    held_out_present: int | None
    sentences: tuple[Sentence, ...]


def suggest_weights(observations: Sequence[Override], policy: Policy) -> WeightSuggestion:
    """Return the weights that decisions speak for, with what they are worth on decisions held out of the fit.

    The order of observations does not matter; several of one decision are held out together.
    """
    ordered = sorted(observations, key=_order)
    decisions = {entry.decision_id for entry in ordered}
    present = np.array([policy.weights[criterion] for criterion in CRITERIA], dtype=np.int64)
    overrides = len({entry.decision_id for entry in ordered if not entry.followed})
    if len(decisions) < LEAST_DECISIONS:
        return WeightSuggestion(
            decisions=len(decisions),
            overrides=overrides,
            least=LEAST_DECISIONS,
            enough=False,
            present=_by_criterion(present),
            suggested=_by_criterion(present),
            folds=0,
            held_out_suggested=None,
            held_out_present=None,
            sentences=(Sentence("learning.too_few", {"decisions": len(decisions), "least": LEAST_DECISIONS}),),
        )
    differences = np.array([_difference(entry) for entry in ordered], dtype=np.int64)
    suggested = _fit(differences, present)
    learned = _held_out(ordered, differences, present)
    known = _agreement(differences, present)
    return WeightSuggestion(
        decisions=len(decisions),
        overrides=overrides,
        least=LEAST_DECISIONS,
        enough=True,
        present=_by_criterion(present),
        suggested=_by_criterion(suggested),
        folds=FOLDS,
        held_out_suggested=learned,
        held_out_present=known,
        sentences=_sentences(present, suggested, learned, known),
    )


def overrides_by_criterion(observations: Sequence[Override]) -> tuple[CriterionOverrides, ...]:
    """Return for each criterion how the decisions against the engine's first fall on it, in the order of CRITERIA."""
    differences = np.array([_difference(entry) for entry in observations if not entry.followed], dtype=np.int64)
    rows = differences.reshape(-1, len(CRITERIA))
    return tuple(
        CriterionOverrides(
            criterion=criterion,
            better=int((column > 0).sum()),
            equal=int((column == 0).sum()),
            worse=int((column < 0).sum()),
            mean_difference=int(column.sum() / max(1, len(column))),
        )
        for criterion, column in zip(CRITERIA, rows.T, strict=True)
    )


def _order(entry: Override) -> tuple[str, bool, list[int], list[int]]:
    return entry.decision_id, entry.followed, _values(entry.chosen), _values(entry.proposed)


def _values(values: Mapping[Criterion, int]) -> list[int]:
    return [values.get(criterion, 0) for criterion in CRITERIA]


def _difference(entry: Override) -> list[int]:
    return [chosen - other for chosen, other in zip(_values(entry.chosen), _values(entry.proposed), strict=True)]


def _by_criterion(weights: Ints) -> dict[Criterion, int]:
    return {criterion: int(weight) for criterion, weight in zip(CRITERIA, weights, strict=True)}


# --- fit -----------------------------------------------------------------------------------------------------------


def _fit(differences: Ints, present: Ints) -> Ints:
    """Return the weights of the minimum in whole thousandths. `differences`: decisions x criteria."""
    scaled = differences.astype(np.float64) * (STEEPNESS / VALUE_TOP)
    home = present.astype(np.float64) / WEIGHT_TOTAL
    # No curvature is beyond this: a logistic term bends by a quarter of the squared length of its difference at most.
    step = 1.0 / (PULL + 0.25 * float((scaled**2).sum()))
    weights, ahead, momentum = home, home, 1.0
    for _ in range(STEPS):
        pressed = 1.0 / (1.0 + np.exp(np.clip(scaled @ ahead, -500.0, 500.0)))
        moved = _onto_simplex(ahead - step * (PULL * (ahead - home) - scaled.T @ pressed))
        following = (1.0 + (1.0 + 4.0 * momentum**2) ** 0.5) / 2.0
        ahead = moved + (momentum - 1.0) / following * (moved - weights)
        # Steps that overshoot begin anew (O'Donoghue and Candes 2015), or the last digits would swing for long.
        backwards = float((ahead - moved) @ (moved - weights)) < 0
        done = float(np.abs(moved - weights).max()) < CLOSE_ENOUGH * step * PULL
        weights, momentum = moved, 1.0 if backwards else following
        if done:
            break
    return _whole(weights)


def _onto_simplex(point: Floats) -> Floats:
    """Return the nearest point with no negative part and sum 1."""
    falling = np.sort(point)[::-1]
    above = np.cumsum(falling) - 1.0
    kept = int(np.flatnonzero(falling * np.arange(1, len(point) + 1) > above)[-1])
    nearest: Floats = np.maximum(point - above[kept] / (kept + 1), 0.0)
    return nearest


def _whole(weights: Floats) -> Ints:
    """Return weights in whole thousandths that sum to 1000: the largest remainders are rounded up."""
    # Far digits come from the order of a sum; they decide nothing.
    exact = np.round(weights * WEIGHT_TOTAL, 6)
    down = np.floor(exact).astype(np.int64)
    by_remainder = sorted(range(len(exact)), key=lambda number: (-(exact[number] - down[number]), number))
    for number in by_remainder[: WEIGHT_TOTAL - int(down.sum())]:
        down[number] += 1
    return down


# --- what it is worth ----------------------------------------------------------------------------------------------


def _held_out(ordered: Sequence[Override], differences: Ints, present: Ints) -> int:
    """Return the agreement, in permille, of weights fitted without the decisions that they are asked about."""
    decisions = sorted({entry.decision_id for entry in ordered}, key=lambda code: sha256(code.encode()).hexdigest())
    fold_of = {code: number % FOLDS for number, code in enumerate(decisions)}
    folds = np.array([fold_of[entry.decision_id] for entry in ordered], dtype=np.int64)
    halves = sum(
        _agreed_halves(differences[folds == fold], _fit(differences[folds != fold], present)) for fold in range(FOLDS)
    )
    return PERMILLE * halves // (2 * len(ordered))


def _agreement(differences: Ints, weights: Ints) -> int:
    return PERMILLE * _agreed_halves(differences, weights) // (2 * len(differences))


def _agreed_halves(differences: Ints, weights: Ints) -> int:
    """Count two for each pair in which the weights put the chosen one first, one for each tie."""
    lead = differences @ weights
    return 2 * int((lead > 0).sum()) + int((lead == 0).sum())


def _sentences(present: Ints, suggested: Ints, learned: int, known: int) -> tuple[Sentence, ...]:
    shares = {"suggested": learned // 10, "present": known // 10}
    said = [Sentence("learning.better" if learned > known else "learning.no_better", shares)]
    changes = [
        (int(after) - int(before), CRITERIA[number])
        for number, (before, after) in enumerate(zip(present, suggested, strict=True))
        if before != after
    ]
    for change, criterion in sorted(changes, key=lambda entry: (-abs(entry[0]), CRITERIA.index(entry[1])))[:3]:
        code = "learning.more" if change > 0 else "learning.less"
        said.append(Sentence(code, {"criterion": criterion.value, "points": abs(change)}))
    return tuple(said)
