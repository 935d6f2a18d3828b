"""Solutions put together from pair numbers and proofs: every value counted from the instance itself."""

from collections import Counter

import numpy as np

from matching.engine.portfolio.instance import TIE_BITS, Instance, Ints
from matching.engine.portfolio.model import Model
from matching.engine.portfolio.objectives import TIE_PART_BITS, Outcome, Proof, served_name, tie_part
from matching.engine.portfolio.results import (
    FEASIBLE,
    KEPT,
    OPTIMAL,
    TIE,
    TOTAL_SCORE,
    WORST_SCORE,
    Conflict,
    Solution,
    StageResult,
)

ALONE = "locks"  # who "solves" a class all of whose needs are locked or without pairs


def without_plan(instance: Instance, status: str, conflict: Conflict | None) -> Solution:
    """Return the answer that there is no plan."""
    nobody = dict.fromkeys(sorted({entry.priority_class for entry in instance.needs}), 0)
    return Solution((), nobody, None, 0, 0, status, (), conflict)


def solution_of(instance: Instance, model: Model, outcome: Outcome, status: str | None = None) -> Solution:
    """Return the answer of a plan; without a status, it is what the proofs say. A plan of no proofs has no stages."""
    chosen = np.sort(np.concatenate([model.locked, outcome.numbers]))
    values = _values(instance, chosen)
    stages = tuple(
        _stage(proof, values[proof.name])
        for proof in (_all_proofs(instance, outcome) if outcome.proofs or status is None else ())
    )
    scores = instance.pairs.score[chosen]
    counts = Counter(instance.needs[int(need)].priority_class for need in instance.pairs.need[chosen])
    return Solution(
        chosen=tuple(int(number) for number in chosen),
        served_by_class={number: counts[number] for number in _class_numbers(instance)},
        worst_score=int(scores.min()) if len(scores) else None,
        total_score=int(scores.sum()),
        kept=int(instance.pairs.previous[chosen].sum()),
        status=status or (OPTIMAL if all(stage.proven for stage in stages) else FEASIBLE),
        stages=stages,
    )


def _class_numbers(instance: Instance) -> list[int]:
    return sorted({entry.priority_class for entry in instance.needs})


def _values(instance: Instance, chosen: Ints) -> dict[str, int]:
    """Return the value of every objective for chosen pair numbers; of the tie its first part."""
    pairs = instance.pairs
    own = Counter(instance.needs[int(need)].priority_class for need in pairs.need[chosen])
    return {
        **{served_name(number): own[number] for number in _class_numbers(instance)},
        WORST_SCORE: int(pairs.score[chosen].min()) if len(chosen) else 0,
        TOTAL_SCORE: int(pairs.score[chosen].sum()),
        KEPT: int(pairs.previous[chosen].sum()),
        TIE: int(tie_part(pairs.tie[chosen], TIE_BITS - TIE_PART_BITS).sum()),
    }


def _all_proofs(instance: Instance, outcome: Outcome) -> list[Proof]:
    """List the proofs in the order of the objectives, every class once and the tie, which has parts, once."""
    found: dict[str, Proof] = {}
    for proof in outcome.proofs:
        known = found.get(proof.name)
        # Later parts of the tie matter only among plans equal in the first, so an open gap stays open.
        found[proof.name] = proof if known is None or proof.gap > known.gap else known
    service = [served_name(number) for number in _class_numbers(instance)]
    return [
        *(found.get(name, Proof(name, 0, ALONE)) for name in service),
        *(proof for name, proof in found.items() if name not in service),
    ]


def _stage(proof: Proof, value: int) -> StageResult:
    bound = value - proof.gap if proof.name == TIE else value + proof.gap
    return StageResult(proof.name, value, bound, proof.gap, proof.gap == 0, proof.solver)
