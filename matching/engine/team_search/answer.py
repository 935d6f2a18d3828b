"""The best team for an instance: most cells, then fewest partners, then best value, then tie; proven, or with its bound."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

from matching.engine.sentences import Sentence
from matching.engine.team_search.bounds import POSSIBLE
from matching.engine.team_search.field import Field, field_of
from matching.engine.team_search.greedy import greedy
from matching.engine.team_search.instance import SCALE, TeamInstance, tie_number
from matching.engine.team_search.reasons import UncoveredCell, uncovered_cells
from matching.engine.team_search.search import Found, Search


@dataclass(frozen=True, slots=True)
class Objective:
    """What is wanted, in this order: cells covered (more), partners (fewer), value (more)."""

    cells: int
    partners: int
    value: int

    def better_than(self, other: "Objective") -> bool:
        """Tell whether this comes before the other in the order of what is wanted."""
        return (self.cells, -self.partners, self.value) > (other.cells, -other.partners, other.value)


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A candidate in the team, the cells it serves and what that is worth."""

    candidate: str
    partner: str
    cells: tuple[str, ...]
    value: int
    cost: int


@dataclass(frozen=True, slots=True)
class TeamAnswer:
    """The team found. `bound` is never beaten by any team; where `proven`, it is the objective itself.

    `lead` is the partner that leads: the one named, else the one that serves most cells among those that can lead
    (then the better value, then the lower tie number); None where nobody in the team can.
    """

    members: tuple[TeamMember, ...]
    partners: tuple[str, ...]
    lead: str | None
    covered: tuple[str, ...]
    uncovered: tuple[UncoveredCell, ...]
    objective: Objective
    bound: Objective
    proven: bool
    cost: int
    nodes: int
    sentences: tuple[Sentence, ...]

    @property
    def gap(self) -> Objective:
        """Return how far the bound is from the objective; the value only where cells and partners are settled."""
        cells, partners = self.bound.cells - self.objective.cells, self.objective.partners - self.bound.partners
        settled = not cells and not partners
        return Objective(cells, 0 if cells else partners, self.bound.value - self.objective.value if settled else 0)


@dataclass(slots=True)
class _Outcome:
    search: Search
    bound: Objective = field(default_factory=lambda: Objective(0, 0, 0))


def find_team(instance: TeamInstance) -> TeamAnswer:
    """Search the best team and explain the cells that stay open."""
    ground = field_of(instance)
    outcome = _Outcome(Search(ground, instance.search_nodes))
    _search(outcome)
    found, proven = outcome.search.best, not outcome.search.exhausted
    if found is None and not proven:
        found = greedy(ground)
    members = _members(instance, ground, found)
    covered = frozenset(cell for member in members for cell in member.cells)
    partners = tuple(sorted({member.partner for member in members}))
    objective = Objective(len(covered), len(partners), sum(member.value for member in members))
    open_cells = tuple(cell for cell in instance.cells if cell not in covered)
    uncovered = uncovered_cells(instance, covered, open_cells, certain=proven)
    return TeamAnswer(
        members=members,
        partners=partners,
        lead=_lead(instance, members, found),
        covered=tuple(cell for cell in instance.cells if cell in covered),
        uncovered=uncovered,
        objective=objective,
        bound=objective if proven else outcome.bound,
        proven=proven,
        cost=sum(member.cost for member in members),
        nodes=outcome.search.spent,
        sentences=(*_summary(instance, objective, proven), *(said for entry in uncovered for said in entry.sentences)),
    )


def _search(outcome: _Outcome) -> None:
    """Go from most cells and fewest partners downwards until a team is found or the nodes are spent."""
    search, ground = outcome.search, outcome.search.ground
    if ground.instance.needs_lead and not ground.lead:
        return
    cells = ground.whole & ~ground.lead
    for size in range(cells.bit_count(), 0, -1):
        targets = [target | ground.lead for target in _subsets(cells, size)]
        search.spent += len(targets) - 1
        for partners in range(1, min(ground.instance.max_partners, size, ground.partners) + 1):
            search.reset_price()
            possible = [target for target in targets if search.bounds.reach(partners, target) > POSSIBLE]
            if not possible:
                continue
            highest = max(search.bound(partners, target) for target in possible)
            outcome.bound = Objective(size, partners, -(-highest // SCALE))
            search.look(partners, possible)
            if search.over or search.best is not None:
                return


def _subsets(cells: int, size: int) -> Iterator[int]:
    bits = [1 << bit for bit in range(cells.bit_length()) if cells >> bit & 1]
    for chosen in combinations(bits, size):
        yield sum(chosen)


def _members(instance: TeamInstance, ground: Field, found: Found | None) -> tuple[TeamMember, ...]:
    members = []
    for _, package in found.packages if found else ():
        for number, bits in package.serves:
            candidate, cells = instance.candidates[number], ground.cells_of(bits)
            worth = sum(value for cell, value in enumerate(candidate.values) if cells >> cell & 1)
            names = instance.names(cells)
            members.append(TeamMember(candidate.id, candidate.partner, names, candidate.value + worth, candidate.cost))
    return tuple(sorted(members, key=lambda member: member.candidate))


def _lead(instance: TeamInstance, members: tuple[TeamMember, ...], found: Found | None) -> str | None:
    chosen = [instance.candidates[number] for _, way in (found.packages if found else ()) for number, _ in way.serves]
    willing = {entry.partner for entry in chosen if instance.leads(entry)}
    totals: dict[str, tuple[int, int]] = {}
    for member in members:
        cells, value = totals.get(member.partner, (0, 0))
        totals[member.partner] = (cells + len(member.cells), value + member.value)
    return min(
        willing,
        key=lambda partner: (-totals[partner][0], -totals[partner][1], tie_number(partner), partner),
        default=None,
    )


def _summary(instance: TeamInstance, objective: Objective, proven: bool) -> tuple[Sentence, ...]:
    cells, params = len(instance.cells), {"covered": objective.cells, "partners": objective.partners}
    if not objective.cells:
        first = Sentence("team.none", {"cells": cells})
    elif objective.cells == cells:
        first = Sentence("team.whole", {"cells": cells} | params)
    else:
        first = Sentence("team.part" if proven else "team.found_part", {"cells": cells} | params)
    return (first,) if proven else (first, Sentence("team.cut_short"))
