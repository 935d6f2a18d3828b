"""Why the best proposal leaves a line open, though each line is asked for by somebody: tested, not guessed.

For each open line that has candidates, a team for the lines covered and this one is searched with one limit given up
after the other. What helps alone is a reason; what helps only together is named as such; what no limit explains is
capacity that the other lines take.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from matching.engine.catalogue import UNKNOWN
from matching.engine.proposing.packing import Packing, Task
from matching.engine.proposing.teams import teams_covering
from matching.engine.reference.rates import to_amount
from matching.engine.results import OpenLine, ProposalPlan
from matching.engine.scoring import Scored
from matching.engine.sentences import Param, Sentence

NODES = 4000  # of each search: a reason is worth less time than the answer

LIFTED: Mapping[str, Callable[[Task], Task]] = {
    "max_partners": lambda task: replace(task, policy=replace(task.policy, max_partners=len(task.scored))),
    "budget": lambda task: replace(task, policy=replace(task.policy, enforce_ceiling=False)),
    "kept_apart": lambda task: replace(task, need=replace(task.need, kept_apart=frozenset())),
    "lead": lambda task: replace(task, need=replace(task.need, lead_required=False)),
}


def open_lines(task: Task, proposals: Sequence[ProposalPlan]) -> tuple[OpenLine, ...]:
    """Explain each line that the best proposal leaves open; all lines, where there is no proposal."""
    covered = {share.line for share in proposals[0].lines} if proposals else set()
    return tuple(_explain(task, covered, entry) for entry in task.scored if entry.line.number not in covered)


def _explain(task: Task, covered: set[int], entry: Scored) -> OpenLine:
    if not entry.best:
        return _said(entry, ("no_candidate",), {}, certain=True)
    kept = tuple(other for other in task.scored if other.line.number in covered or other is entry)
    wanted = replace(task, scored=kept)
    whole, certain = wanted, True
    for code, lift in LIFTED.items():
        lifted = lift(wanted)
        found, ended = _team(lifted) if lifted != wanted else (None, True)
        certain = certain and ended
        if found is not None:
            return _said(entry, (code,), _needed(task, code, found), certain=True)
        whole = lift(whole)
    found, ended = _team(whole)
    if found is not None:
        return _said(entry, _binding(wanted), {}, certain=certain)
    return _said(entry, ("capacity",), {}, certain=certain and ended)


def _binding(task: Task) -> tuple[str, ...]:
    return tuple(code for code, lift in LIFTED.items() if lift(task) != task)


def _team(task: Task) -> tuple[Packing | None, bool]:
    """Return the team with fewest partners that covers all lines of the task, and whether the search was exhaustive."""
    packings, ended, _ = teams_covering(task, 1, skips=0, nodes=NODES)
    return (packings[0] if packings else None), ended


def _needed(task: Task, code: str, found: Packing) -> dict[str, Param]:
    if code == "max_partners":
        providers = {task.catalogue.offers[offer].provider for offer in found.assigned.values()}
        return {"needed": len(providers), "limit": task.policy.max_partners}
    if code == "budget" and found.cost != UNKNOWN:
        return {"amount": f"{to_amount(found.cost)} {task.need.budget.currency or task.policy.currency}"}
    return {}


def _said(entry: Scored, reasons: tuple[str, ...], needed: Mapping[str, Param], *, certain: bool) -> OpenLine:
    """Write the sentence; a search cut short, or a cost that is not known, claims no more than it may."""
    code = reasons[0] if len(reasons) == 1 else "together"
    if not certain:
        code = "unproven"
    elif code == "budget" and not needed:
        code = "budget_unknown"
    params: dict[str, Param] = {"line": str(entry.line.number), "theme": entry.line.theme, **needed}
    return OpenLine(entry.line.number, reasons, needed, certain, Sentence(f"open_line.{code}", params))
