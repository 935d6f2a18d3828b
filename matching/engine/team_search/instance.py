"""What a search for a team starts from: cells to cover, candidates with what they cover, and the limits.

A cell is whatever must be covered: a line of a request, a language, a country, a role. Sets of cells are bit masks: bit
`n` stands for `cells[n]`. Each covered cell is served by one candidate, and each partner in a team serves at least one.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from itertools import combinations
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from matching.engine.errors import EngineError

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_CELLS = 60  # bits of a mask in 64, with room for the lead and the sign
MOST_PARTNERS = 16
MOST_VALUE = 2**34  # of a whole team: with the tie-break below it stays exact in 64 bits
MOST_COST = 2**40
GROUPED = 8  # candidates of one partner whose choices are all listed
TIE_BITS = 16
SCALE = 2**20  # value is counted in steps of SCALE; up to 16 ties below 2**16 never add up to one step


@dataclass(frozen=True, slots=True)
class TeamCandidate:
    """One thing a partner could contribute.

    `value` counts once when it serves any cell, `values[n]` for each cell `n` that it serves (empty: nothing);
    `cost` counts once when it serves any cell. All are whole numbers, not below 0, in units of the caller's choice.
    """

    id: str
    partner: str
    cells: int
    value: int = 0
    values: tuple[int, ...] = ()
    cost: int = 0
    can_lead: bool = True


@dataclass(frozen=True, slots=True)
class Groups:
    """What partners can contribute, as columns: one row for each candidate or group of candidates of one partner.

    Under a budget a partner of up to GROUPED candidates has a row for each choice among them that it pays, so that worth and cost
    of a row are exact; else one row stands for all its candidates: `once` and `by_cell` (in steps of SCALE) are then
    the most, `cost` the least it can come to. Sorted by partner.
    """

    partners: tuple[str, ...]  # codes, sorted
    foes: Mapping[int, frozenset[int]]  # partner -> partners it must not meet
    partner: Ints  # of each row
    members: tuple[tuple[int, ...], ...]  # rows of candidates
    whole: Bools  # every candidate of the row takes part
    masks: Ints
    once: Ints
    by_cell: Ints  # rows x cells; no columns where no candidate has values by cell
    cost: Ints
    tie: Ints
    leads: Bools


@dataclass(frozen=True, slots=True)
class TeamInstance:
    """One search. Raises EngineError(bad_instance) naming the thing at fault.

    `exclusions` are pairs of partners that must not work together; `excluded` partners are out altogether. `lead` names
    the partner that must lead, `lead_required` asks for any one: a partner leads with a candidate that can lead and
    serves a cell. `budget` limits the sum of costs. `search_nodes` bounds the search; beyond it the answer says so.
    """

    cells: tuple[str, ...]
    candidates: tuple[TeamCandidate, ...]
    exclusions: frozenset[tuple[str, str]] = frozenset()
    excluded: frozenset[str] = frozenset()
    budget: int | None = None
    max_partners: int = 4
    lead_required: bool = False
    lead: str | None = None
    search_nodes: int = 200_000
    groups: Groups = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.candidates, key=lambda entry: entry.id))
        object.__setattr__(self, "candidates", ordered)
        object.__setattr__(self, "exclusions", frozenset((min(pair), max(pair)) for pair in self.exclusions))
        _check_limits(self)
        _check_candidates(self)
        _check_partners(self)
        object.__setattr__(self, "groups", groups_of(self))
        _check_values(self)

    @property
    def needs_lead(self) -> bool:
        """Tell whether a team without a lead is no team."""
        return self.lead_required or self.lead is not None

    def names(self, mask: int) -> tuple[str, ...]:
        """Return the cells of a mask, in their order."""
        return tuple(cell for number, cell in enumerate(self.cells) if mask >> number & 1)

    def leads(self, candidate: TeamCandidate) -> bool:
        """Tell whether a candidate makes its partner the lead that is asked for."""
        return candidate.can_lead and (self.lead is None or candidate.partner == self.lead)


def mask_of(cells: tuple[str, ...], names: frozenset[str]) -> int:
    """Return the bit mask of some cells. Raises KeyError for a cell that is not there."""
    position: Mapping[str, int] = {cell: number for number, cell in enumerate(cells)}
    return sum(1 << position[name] for name in sorted(names))


def _refuse(subject: str, detail: str) -> EngineError:
    return EngineError("bad_instance", subject, detail)


def _check_limits(instance: TeamInstance) -> None:
    if not 0 < len(instance.cells) <= MOST_CELLS:
        raise _refuse("/cells", f"there must be 1 to {MOST_CELLS} cells")
    if len(set(instance.cells)) != len(instance.cells):
        raise _refuse("/cells", "a cell occurs twice")
    if not 0 < instance.max_partners <= MOST_PARTNERS:
        raise _refuse("/max_partners", f"must be 1 to {MOST_PARTNERS}")
    if instance.budget is not None and not 0 <= instance.budget <= MOST_COST:
        raise _refuse("/budget", f"must be 0 to {MOST_COST}")
    if instance.search_nodes < 1:
        raise _refuse("/search_nodes", "must be at least 1")


def _check_candidates(instance: TeamInstance) -> None:
    whole, size, before = (1 << len(instance.cells)) - 1, len(instance.cells), None
    for entry in instance.candidates:
        if entry.id == before:
            raise _refuse("/candidates", f'the id "{entry.id}" occurs twice')
        before = entry.id
        if entry.cells & ~whole or entry.cells < 0:
            raise _refuse("/candidates", f'"{entry.id}" covers a cell that is not there')
        if entry.value < 0 or not 0 <= entry.cost <= MOST_COST:
            raise _refuse("/candidates", f'value and cost of "{entry.id}" must be 0 or more, cost up to {MOST_COST}')
        if entry.values and (len(entry.values) != size or min(entry.values) < 0):
            raise _refuse("/candidates", f'"{entry.id}" needs one value of 0 or more for each cell')


def _check_partners(instance: TeamInstance) -> None:
    known = {entry.partner for entry in instance.candidates}
    for pair in sorted(instance.exclusions):
        if pair[0] == pair[1] or not known.issuperset(pair):
            raise _refuse("/exclusions", f"{' and '.join(pair)}: an exclusion names two partners that are there")
    if instance.lead is not None and instance.lead not in known:
        raise _refuse("/lead", f'"{instance.lead}" is no partner here')


def _check_values(instance: TeamInstance) -> None:
    once = sorted((entry.value for entry in instance.candidates), reverse=True)
    by_cell = [
        max(column) for column in zip(*(entry.values for entry in instance.candidates if entry.values), strict=True)
    ]
    if sum(once[: len(instance.cells)]) + sum(by_cell) >= MOST_VALUE:
        raise _refuse("/candidates", f"the values of one team must stay below {MOST_VALUE} in sum")


def tie_number(partner: str) -> int:
    """Return 16 bits of the CRC-32 of a partner's code: the lower sum wins between teams of equal value."""
    return crc32(partner.encode()) & ((1 << TIE_BITS) - 1)


def changed(instance: TeamInstance, **limits: object) -> TeamInstance:
    """Return the instance with other limits, without looking at its candidates again."""
    other = copy(instance)
    for name, value in limits.items():
        object.__setattr__(other, name, value)
    if {"budget", "exclusions", "lead", "lead_required"} & set(limits):
        object.__setattr__(other, "groups", groups_of(other))
    return other


def groups_of(instance: TeamInstance) -> Groups:
    """Put the candidates of an instance into columns."""
    owned: dict[str, list[int]] = {}
    for number, entry in enumerate(instance.candidates):
        owned.setdefault(entry.partner, []).append(number)
    partners = tuple(sorted(owned))
    rows = [
        (place, members, whole)
        for place, name in enumerate(partners)
        for members, whole in _choices(instance, owned[name])
    ]
    groups = [[instance.candidates[number] for number in members] for _, members, _ in rows]
    ties = [tie_number(name) for name in partners]
    return Groups(
        partners=partners,
        foes=_foes(instance, partners),
        partner=np.array([place for place, _, _ in rows], dtype=np.int64),
        members=tuple(members for _, members, _ in rows),
        whole=np.array([whole for _, _, whole in rows], dtype=np.bool_),
        masks=np.array([_union(group) for group in groups], dtype=np.int64),
        once=np.array([min(MOST_VALUE, sum(entry.value for entry in group)) for group in groups], dtype=np.int64)
        * SCALE,
        by_cell=_by_cell(instance, groups),
        cost=np.array(
            [
                sum(entry.cost for entry in group) if whole else min(entry.cost for entry in group)
                for group, (_, _, whole) in zip(groups, rows, strict=True)
            ],
            dtype=np.int64,
        ),
        tie=np.array([ties[place] for place, _, _ in rows], dtype=np.int64),
        leads=np.array([any(instance.leads(entry) for entry in group) for group in groups], dtype=np.bool_),
    )


def _choices(instance: TeamInstance, own: list[int]) -> Iterator[tuple[tuple[int, ...], bool]]:
    """Yield the rows of one partner: its candidates, and whether all of them take part. None is beyond the budget."""
    if len(own) == 1 or instance.budget is None or len(own) > GROUPED:
        yield tuple(own), len(own) == 1
        return
    for size in range(1, min(len(own), len(instance.cells)) + 1):
        for chosen in combinations(own, size):
            if sum(instance.candidates[number].cost for number in chosen) <= instance.budget:
                yield chosen, True


def _by_cell(instance: TeamInstance, groups: list[list[TeamCandidate]]) -> Ints:
    if not any(entry.values for entry in instance.candidates):
        return np.zeros((len(groups), 0), dtype=np.int64)
    none = (0,) * len(instance.cells)
    rows = [
        group[0].values or none
        if len(group) == 1
        else tuple(max(column) for column in zip(*(entry.values or none for entry in group), strict=True))
        for group in groups
    ]
    return np.array(rows, dtype=np.int64).reshape(len(groups), len(instance.cells)) * SCALE


def _foes(instance: TeamInstance, partners: tuple[str, ...]) -> dict[int, frozenset[int]]:
    place = {name: number for number, name in enumerate(partners)}
    found: dict[int, set[int]] = {}
    for one, other in instance.exclusions:
        found.setdefault(place[one], set()).add(place[other])
        found.setdefault(place[other], set()).add(place[one])
    return {number: frozenset(others) for number, others in found.items()}


def _union(group: list[TeamCandidate]) -> int:
    mask = 0
    for entry in group:
        mask |= entry.cells
    return mask
