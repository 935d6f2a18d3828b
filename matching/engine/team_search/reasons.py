"""Why a cell stays open: the smallest set of limits to give up for a team that covers it beside what is covered.

Each statement is tested by the search itself: with the limits named given up there is such a team, with fewer there is
none (where `certain`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

from matching.engine.sentences import Param, Sentence
from matching.engine.team_search.bounds import POSSIBLE
from matching.engine.team_search.field import field_of
from matching.engine.team_search.instance import MOST_PARTNERS, TeamInstance, changed, mask_of
from matching.engine.team_search.search import Found, Search

NO_CANDIDATE, EXCLUDED, EXCLUSIONS, PARTNERS, BUDGET, LEAD = (
    "no_candidate",
    "excluded",
    "exclusions",
    "max_partners",
    "budget",
    "lead",
)
REASONS = (NO_CANDIDATE, EXCLUDED, EXCLUSIONS, PARTNERS, BUDGET, LEAD)


@dataclass(frozen=True, slots=True)
class UncoveredCell:
    """A cell that stays open. `reasons`: the limits that together keep it open, as codes of REASONS.

    `needed` says what would be enough: `max_partners` so many, `budget` so much, `exclusions` the pairs and `excluded`
    the partners to let in again, `lead` nothing. `certain` False: the search was cut short.
    """

    cell: str
    reasons: tuple[str, ...]
    needed: Mapping[str, int | tuple[str, ...]]
    candidates: int
    certain: bool
    sentences: tuple[Sentence, ...]


WITHOUT: Mapping[str, Callable[[TeamInstance], TeamInstance]] = {
    EXCLUDED: lambda instance: changed(instance, excluded=frozenset()),
    EXCLUSIONS: lambda instance: changed(instance, exclusions=frozenset()),
    PARTNERS: lambda instance: changed(instance, max_partners=min(MOST_PARTNERS, len(instance.cells))),
    BUDGET: lambda instance: changed(instance, budget=None),
    LEAD: lambda instance: changed(instance, lead=None, lead_required=False),
}


def uncovered_cells(
    instance: TeamInstance, covered: frozenset[str], open_cells: tuple[str, ...], *, certain: bool
) -> tuple[UncoveredCell, ...]:
    """Explain each open cell."""
    if not open_cells:
        return ()
    binding = tuple(code for code, holds in _limits(instance).items() if holds)
    return tuple(_explain(instance, covered, cell, binding, certain) for cell in open_cells)


def team_for(instance: TeamInstance, cells: int) -> tuple[Found | None, bool]:
    """Return any team that covers these cells of the instance with fewest partners, and whether the search ended."""
    field = field_of(instance)
    target = field.bits_of(cells)
    if field.cells_of(target) != cells or (instance.needs_lead and not field.lead):
        return None, True
    search = Search(field, instance.search_nodes, first=True)
    for partners in range(1, min(instance.max_partners, cells.bit_count(), field.partners) + 1):
        search.reset_price()
        if search.bounds.reach(partners, target | field.lead) > POSSIBLE:
            search.look(partners, [target | field.lead])
        if search.over:
            break
    return search.best, search.best is not None or not search.exhausted


def _limits(instance: TeamInstance) -> dict[str, bool]:
    return {
        EXCLUDED: bool(instance.excluded & frozenset(instance.groups.partners)),
        EXCLUSIONS: bool(instance.exclusions),
        PARTNERS: instance.max_partners < len(instance.cells),
        BUDGET: instance.budget is not None,
        LEAD: instance.needs_lead,
    }


def _explain(
    instance: TeamInstance, covered: frozenset[str], cell: str, binding: tuple[str, ...], certain: bool
) -> UncoveredCell:
    bit = mask_of(instance.cells, frozenset({cell}))
    offering = sum(1 for entry in instance.candidates if entry.cells & bit)
    if not offering:
        return _said(instance, cell, (NO_CANDIDATE,), {}, 0, certain=True)
    wanted = mask_of(instance.cells, covered) | bit
    sure = certain
    for size in range(1, len(binding) + 1):
        for codes in combinations(binding, size):
            found, ended = team_for(_without(instance, codes), wanted)
            sure = sure and ended
            if found is not None:
                return _said(instance, cell, codes, _needed(instance, codes, wanted), offering, certain=sure)
    return _said(instance, cell, binding, {}, offering, certain=False)


def _without(instance: TeamInstance, codes: tuple[str, ...]) -> TeamInstance:
    for code in codes:
        instance = WITHOUT[code](instance)
    return instance


def _needed(instance: TeamInstance, codes: tuple[str, ...], wanted: int) -> dict[str, int | tuple[str, ...]]:
    """Return how far each limit has to be moved: one after the other, what is moved before stays moved that far."""
    moved = _without(instance, codes)
    needed: dict[str, int | tuple[str, ...]] = {}
    for code in codes:
        if code in MEASURES:
            moved, needed[code] = MEASURES[code](instance, moved, wanted)
    return needed


def _fewest_partners(_: TeamInstance, moved: TeamInstance, wanted: int) -> tuple[TeamInstance, int]:
    for partners in range(1, moved.max_partners):
        trial = changed(moved, max_partners=partners)
        if team_for(trial, wanted)[0] is not None:
            return trial, partners
    return moved, moved.max_partners


def _least_budget(_: TeamInstance, moved: TeamInstance, wanted: int) -> tuple[TeamInstance, int]:
    """Halve the interval: whoever can pay less can pay more."""
    found, _ended = team_for(moved, wanted)
    low, high = 0, found.cost if found else 0
    while low < high:
        middle = (low + high) // 2
        found, _ended = team_for(changed(moved, budget=middle), wanted)
        low, high = (low, found.cost) if found else (middle + 1, high)
    return changed(moved, budget=high), high


def _pairs_to_lift(instance: TeamInstance, moved: TeamInstance, wanted: int) -> tuple[TeamInstance, tuple[str, ...]]:
    """Put back one pair after the other unless that makes the team impossible: none of the rest can be spared."""
    lifted = instance.exclusions
    found, _ended = team_for(moved, wanted)
    if found is not None:
        inside = {instance.groups.partners[partner] for partner, _ in found.packages}
        lifted = frozenset(pair for pair in lifted if inside.issuperset(pair))
    for pair in sorted(lifted):
        trial = changed(moved, exclusions=instance.exclusions - (lifted - {pair}))
        if team_for(trial, wanted)[0] is not None:
            lifted -= {pair}
    words = tuple(f"{one} + {other}" for one, other in sorted(lifted))
    return changed(moved, exclusions=instance.exclusions - lifted), words


def _partners_to_admit(
    instance: TeamInstance, moved: TeamInstance, wanted: int
) -> tuple[TeamInstance, tuple[str, ...]]:
    """Rule out one partner after the other again unless that makes the team impossible."""
    admitted = instance.excluded & frozenset(instance.groups.partners)
    found, _ended = team_for(moved, wanted)
    if found is not None:
        admitted &= {instance.groups.partners[partner] for partner, _ in found.packages}
    for partner in sorted(admitted):
        trial = changed(moved, excluded=instance.excluded - (admitted - {partner}))
        if team_for(trial, wanted)[0] is not None:
            admitted -= {partner}
    return changed(moved, excluded=instance.excluded - admitted), tuple(sorted(admitted))


Measure = Callable[[TeamInstance, TeamInstance, int], tuple[TeamInstance, "int | tuple[str, ...]"]]
MEASURES: Mapping[str, Measure] = {
    EXCLUDED: _partners_to_admit,
    EXCLUSIONS: _pairs_to_lift,
    PARTNERS: _fewest_partners,
    BUDGET: _least_budget,
}


def _said(
    instance: TeamInstance,
    cell: str,
    reasons: tuple[str, ...],
    needed: Mapping[str, int | tuple[str, ...]],
    candidates: int,
    *,
    certain: bool,
) -> UncoveredCell:
    """Write the sentences: the cell first, then each limit with what would be enough."""
    said = [Sentence("team.uncovered", {"cell": cell})]
    if len(reasons) > 1 and needed:
        said.append(Sentence("team.limits_together", {"limits": len(reasons)}))
    limits = {PARTNERS: instance.max_partners, BUDGET: instance.budget or 0}
    for code in reasons:
        params: dict[str, Param] = {"candidates": candidates, "limit": limits.get(code, 0)}
        if code in needed:
            said.append(Sentence(f"team.limit.{code}", params | {"needed": needed[code]}))
        elif code not in MEASURES:
            said.append(Sentence(f"team.limit.{code}", params))
    if not certain:
        said.append(Sentence("team.uncertain"))
    return UncoveredCell(cell, reasons, needed, candidates, certain, tuple(said))
