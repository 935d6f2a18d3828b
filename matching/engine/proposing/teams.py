"""Proposals: who serves which lines. One line: its candidates. Several: the smallest teams that cover the most.

Order of what is wanted: most lines covered, then fewest partners, then the better score, then earlier start and tie
hash. Partners that must be kept apart are in no team together, and a required lead must accept to lead. The search
assigns an offer to each line, scarcest line first and most promising offer first, and cuts whatever cannot reach the
best proposals found so far (branch and bound). The bound of a line is its score alone at its least cost: sharing seats
can only lower the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from matching.engine.catalogue import Catalogue
from matching.engine.policy import Criterion, Policy
from matching.engine.proposing.packing import COST, Packing, Task, pack
from matching.engine.proposing.proposals import plan, sort_key
from matching.engine.reference.rates import Rates
from matching.engine.results import ProposalPlan
from matching.engine.scoring import Scored
from matching.engine.scoring.criteria import cost_value
from matching.engine.types import Need


@dataclass(frozen=True, slots=True)
class Option:
    """An offer for a line: who provides it and the most it can weigh."""

    offer: int
    provider: str
    bound: int


@dataclass(slots=True)
class Search:
    """One search for teams of a given size: lines scarcest first, nodes left, the best packings so far."""

    task: Task
    lines: list[int]
    options: Mapping[int, list[Option]]
    providers: Mapping[int, frozenset[str]]
    partners: int
    wanted: int
    nodes: int
    found: list[Packing] = field(default_factory=list)
    exhausted: bool = False

    def threshold(self) -> int:
        """Return the weight a further proposal must beat; -1 while there is room."""
        return -1 if len(self.found) < self.wanted else self.found[-1].weighted

    def spend(self) -> bool:
        """Count one node; tell whether there are nodes left."""
        self.nodes -= 1
        self.exhausted = self.exhausted or self.nodes <= 0
        return not self.exhausted

    def rest(self, depth: int, skips: int) -> int:
        """Return the most the lines from `depth` on can weigh, `skips` of them left open."""
        bounds = sorted((self.options[line][0].bound for line in self.lines[depth:]), reverse=True)
        return sum(bounds[: max(0, len(bounds) - skips)])


@dataclass(frozen=True, slots=True)
class Branch:
    """What has been assigned on the way down."""

    assigned: Mapping[int, int]
    used: frozenset[str]
    weight: int
    skips: int

    def with_option(self, line: int, option: Option) -> "Branch":
        """Return the branch one line further."""
        return Branch(
            {**self.assigned, line: option.offer}, self.used | {option.provider}, self.weight + option.bound, self.skips
        )


def find_proposals(
    need: Need, catalogue: Catalogue, policy: Policy, rates: Rates, scored: Sequence[Scored], limit: int
) -> tuple[tuple[ProposalPlan, ...], bool]:
    """Return the proposals, best first, and whether the search was exhaustive."""
    task = Task(need, catalogue, policy, rates, tuple(scored))
    if len(scored) == 1:
        leading = [at for at in scored[0].best if task.may_lead([int(scored[0].found.offer[at])])]
        found = [pack(task, {0: int(scored[0].found.offer[position])}) for position in leading[:limit]]
        plans = [plan(task, packing) for packing in found if packing is not None]
        return _ranked(plans), True
    packings, proven = _teams(task, min(limit, policy.proposals))
    plans = sorted((plan(task, packing) for packing in packings), key=lambda entry: sort_key(task, entry))
    return _ranked(plans), proven


def _ranked(plans: Sequence[ProposalPlan]) -> tuple[ProposalPlan, ...]:
    return tuple(replace(entry, rank=number) for number, entry in enumerate(plans, start=1))


def _teams(task: Task, wanted: int) -> tuple[list[Packing], bool]:
    nodes, proven = task.policy.search_nodes, True
    for skips in range(sum(bool(entry.best) for entry in task.scored)):
        packings, ended, nodes = teams_covering(task, wanted, skips=skips, nodes=nodes)
        proven = proven and ended
        if packings:
            return packings, proven
    return [], proven


def teams_covering(task: Task, wanted: int, *, skips: int, nodes: int) -> tuple[list[Packing], bool, int]:
    """Return teams that leave exactly so many of the lines with candidates open, fewest partners first.

    Also whether the search was exhaustive, and the nodes left.
    """
    options = {number: _options(task, number) for number, entry in enumerate(task.scored) if entry.best}
    providers = {number: frozenset(option.provider for option in row) for number, row in options.items()}
    lines = sorted(options, key=lambda number: (len(options[number]), number))
    everyone = len(frozenset().union(*providers.values()))
    packings: list[Packing] = []
    proven = True
    for partners in range(1, min(task.policy.max_partners, len(lines) - skips, everyone) + 1):
        search = Search(task, lines, options, providers, partners, wanted - len(packings), nodes)
        _descend(search, 0, Branch({}, frozenset(), 0, skips))
        nodes, proven = search.nodes, proven and not search.exhausted
        packings += search.found
        if len(packings) >= wanted:
            break
    return packings, proven, nodes


def _options(task: Task, line: int) -> list[Option]:
    """Return the offers for a line, the most promising first."""
    entry = task.scored[line]
    weight = task.policy.weights[Criterion.COST]
    least = cost_value(task.need, entry.found.floor_cost)[0]
    bound = entry.score + weight * np.maximum(0, least - entry.values.value[:, COST])
    options = [
        Option(
            offer,
            task.catalogue.offers[offer].provider,
            entry.line.maximum * max(int(bound[position]) for position in positions),
        )
        for offer, positions in entry.by_offer.items()
    ]
    return sorted(options, key=lambda option: -option.bound)  # stable: equal bounds stay in the order of the ranking


def _descend(search: Search, depth: int, branch: Branch) -> None:
    """Assign the lines from `depth` on, with exactly `search.partners` partners and `branch.skips` lines left open."""
    if depth == len(search.lines):
        if branch.skips == 0 and len(branch.used) == search.partners:
            _keep(search, branch)
        return
    line = search.lines[depth]
    rest = search.rest(depth + 1, branch.skips)
    for option in search.options[line]:
        if branch.weight + option.bound + rest <= search.threshold():
            break
        if not search.spend():
            return
        trial = branch.with_option(line, option)
        if _possible(search, depth + 1, trial):
            _descend(search, depth + 1, trial)
    if branch.skips:
        _descend(search, depth + 1, replace(branch, skips=branch.skips - 1))


def _possible(search: Search, depth: int, branch: Branch) -> bool:
    """Tell whether the lines from `depth` on can still make a team of the right size, and what is assigned fits."""
    missing = search.partners - len(branch.used)
    if missing < 0 or missing > len(search.lines) - depth:
        return False
    if missing == 0:
        lost = sum(not search.providers[line] & branch.used for line in search.lines[depth:])
        if lost > branch.skips:
            return False
    return search.task.may_meet(branch.assigned.values()) and search.task.room(branch.assigned)


def _keep(search: Search, branch: Branch) -> None:
    leads = search.task.may_lead(branch.assigned.values())
    packing = pack(search.task, branch.assigned) if leads else None
    if packing is not None:
        search.found = sorted([*search.found, packing], key=lambda entry: -entry.weighted)[: search.wanted]
