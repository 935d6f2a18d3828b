"""Sentences of a plan: the first objective that differs decides which."""

from collections.abc import Sequence

from matching.engine.portfolio.report import Change, Move
from matching.engine.portfolio.results import KEPT, SERVED, TOTAL_SCORE, WORST_SCORE, StageResult
from matching.engine.sentences import Param, Sentence

NAMED = 5  # so many needs are named in a sentence; the data name all of them


def first_difference(change: Change) -> tuple[str, dict[str, Param]]:
    """Return the first objective that differs (or "none") and how much, without a sign."""
    for priority_class, needs in sorted(change.served.items()):
        if needs:
            return "served", {"needs": abs(needs), "priority_class": priority_class}
    if change.worst_score:
        return "worst", {"points": abs(change.worst_score)}
    if change.total_score:
        return "total", {"points": abs(change.total_score)}
    return ("kept", {"pairs": abs(change.kept)}) if change.kept else ("none", {})


def told(prefix: str, change: Change, **names: Param) -> Sentence:
    """Say a change by its first difference; `_bound` where it is not exact."""
    objective, figures = first_difference(change)
    return Sentence(f"{prefix}.{objective}{'' if change.exact else '_bound'}", names | figures)


GAPS = {WORST_SCORE: "plan.gap_worst", TOTAL_SCORE: "plan.gap_total", KEPT: "plan.gap_kept"}


def gap_sentence(stage: StageResult) -> Sentence:
    """Say by how much a better plan could gain in the first objective that is not proved; ties gain nothing."""
    if stage.name.startswith(f"{SERVED}_"):
        priority_class = int(stage.name.removeprefix(f"{SERVED}_"))
        return Sentence("plan.gap_served", {"gap": stage.gap, "priority_class": priority_class})
    code = GAPS.get(stage.name)
    return Sentence("plan.unproven") if code is None else Sentence(code, {"gap": stage.gap})


def some(code: str, needs: Sequence[str], count: int) -> Sentence:
    """Name the first of so many needs and count the others (code `..._more`)."""
    named: Param = tuple(needs[:NAMED])
    if count <= NAMED:
        return Sentence(code, {"needs": named})
    return Sentence(f"{code}_more", {"needs": named, "more": count - NAMED})


def moved(move: Move) -> Sentence:
    """Say what becomes of a need."""
    if move.before is None:
        return Sentence("move.gains", {"need": move.need, "after": move.after or ""})
    if move.after is None:
        return Sentence("move.loses", {"need": move.need, "before": move.before})
    return Sentence("move.changes", {"need": move.need, "before": move.before, "after": move.after})


def amount(cents: int, currency: str) -> str:
    """Write cents as an amount that `render` shows in the manner of each language."""
    return f"{cents // 100}.{cents % 100:02} {currency}"
