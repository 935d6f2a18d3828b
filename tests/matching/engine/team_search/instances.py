"""Made-up instances, and two independent ways to the optimum: trying everything, and a mixed-integer program."""

import random
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from matching.engine.team_search import TeamCandidate, TeamInstance
from matching.engine.team_search.instance import tie_number

Key = tuple[int, int, int, int]  # cells, fewer partners, value, fewer ties


@st.composite
def instances(draw: st.DrawFn, most: int = 5, cells: int = 4) -> TeamInstance:
    """Draw a small instance with every kind of limit."""
    count = draw(st.integers(1, cells))
    candidates = tuple(
        TeamCandidate(
            id=f"K{number}",
            partner=draw(st.sampled_from(["P1", "P2", "P3", "P4"])),
            cells=draw(st.integers(0, (1 << count) - 1)),
            value=draw(st.integers(0, 5)),
            values=draw(st.just(()) | st.tuples(*[st.integers(0, 5)] * count)),
            cost=draw(st.integers(0, 6)),
            can_lead=draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, most)))
    )
    partners = sorted({entry.partner for entry in candidates})
    pairs = list(combinations(partners, 2))
    return TeamInstance(
        cells=tuple(f"c{number}" for number in range(count)),
        candidates=candidates,
        exclusions=frozenset(draw(st.sets(st.sampled_from(pairs), max_size=3))) if pairs else frozenset(),
        excluded=frozenset(draw(st.sets(st.sampled_from(["P1", "P9"]), max_size=1))),
        budget=draw(st.none() | st.integers(0, 14)),
        max_partners=draw(st.integers(1, 4)),
        lead_required=draw(st.booleans()),
        lead=draw(st.none() | st.sampled_from(partners)) if partners else None,
    )


def made(seed: int, *, candidates: int, cells: int, partners: int, **limits: Any) -> TeamInstance:
    """Make a larger instance; the same seed makes the same one."""
    chance = random.Random(seed)
    names = tuple(f"c{number}" for number in range(cells))
    own = tuple(
        TeamCandidate(
            id=f"K{number:04}",
            partner=f"P{number if number < partners else chance.randrange(partners):04}",
            cells=sum(1 << cell for cell in chance.sample(range(cells), chance.randint(1, 3))),
            value=chance.randint(0, 50),
            values=tuple(chance.randint(0, 50) for _ in names),
            cost=chance.randint(1, 100),
            can_lead=chance.random() < 0.4,
        )
        for number in range(candidates)
    )
    there = sorted({entry.partner for entry in own})
    drawn = [chance.sample(there, 2) for _ in there]
    pairs = frozenset((min(pair), max(pair)) for pair in drawn)
    return replace(TeamInstance(names, own), exclusions=pairs, **limits)


def allowed(instance: TeamInstance, chosen: tuple[TeamCandidate, ...]) -> bool:
    """Tell whether candidates may form a team, whatever they serve."""
    partners = {entry.partner for entry in chosen}
    return (
        len(partners) <= instance.max_partners
        and not partners & instance.excluded
        and not any(set(pair) <= partners for pair in instance.exclusions)
        and (instance.budget is None or sum(entry.cost for entry in chosen) <= instance.budget)
        and (not instance.needs_lead or any(instance.leads(entry) for entry in chosen))
    )


def tried(instance: TeamInstance) -> tuple[Key, int]:
    """Return the best of all teams and of all ways to serve the cells; and all cells that can be covered, as a mask."""
    best: Key = (0, 0, 0, 0)
    reachable = 0
    for size in range(1, len(instance.candidates) + 1):
        for chosen in combinations(instance.candidates, size):
            if allowed(instance, chosen):
                key, cells = _served(instance, chosen)
                best, reachable = max(best, key), reachable | cells
    return best, reachable


def _served(instance: TeamInstance, chosen: tuple[TeamCandidate, ...]) -> tuple[Key, int]:
    best: Key = (0, 0, 0, 0)
    reachable = 0
    ways = [
        [None, *(number for number, entry in enumerate(chosen) if entry.cells >> cell & 1)]
        for cell in range(len(instance.cells))
    ]
    partners = {entry.partner for entry in chosen}
    for way in product(*ways):
        if {number for number in way if number is not None} != set(range(len(chosen))):
            continue
        value = sum(entry.value for entry in chosen) + sum(
            chosen[number].values[cell]
            for cell, number in enumerate(way)
            if number is not None and chosen[number].values
        )
        cells = sum(1 << cell for cell, number in enumerate(way) if number is not None)
        ties = sum(tie_number(partner) for partner in partners)
        best = max(best, (cells.bit_count(), -len(partners), value, -ties))
        reachable |= cells
    return best, reachable


class Program:
    """The same question as a mixed-integer program: who serves which cell, who takes part, which partners join."""

    def __init__(self, instance: TeamInstance) -> None:
        self.instance = instance
        self.partners = sorted({entry.partner for entry in instance.candidates})
        self.pairs = [
            (number, cell)
            for number, entry in enumerate(instance.candidates)
            for cell in range(len(instance.cells))
            if entry.cells >> cell & 1
        ]
        self.width = len(self.pairs) + len(instance.candidates) + len(self.partners)
        self.rows: list[np.ndarray[Any, Any]] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self._serving()
        self._limits()

    def add(self, terms: dict[int, float], least: float, most: float) -> None:
        """Add least <= sum of terms <= most."""
        row = np.zeros(self.width)
        for column, factor in terms.items():
            row[column] = factor
        self.rows.append(row)
        self.low.append(least)
        self.high.append(most)

    def takes(self, number: int) -> int:
        return len(self.pairs) + number

    def joins(self, partner: str) -> int:
        return len(self.pairs) + len(self.instance.candidates) + self.partners.index(partner)

    def _serving(self) -> None:
        for cell in range(len(self.instance.cells)):
            self.add({column: 1 for column, (_, other) in enumerate(self.pairs) if other == cell}, 0, 1)
        for number, entry in enumerate(self.instance.candidates):
            own = [column for column, (other, _) in enumerate(self.pairs) if other == number]
            for column in own:
                self.add({column: 1, self.takes(number): -1}, -1, 0)
            self.add({self.takes(number): 1.0} | dict.fromkeys(own, -1.0), -np.inf, 0)
            self.add({self.takes(number): 1, self.joins(entry.partner): -1}, -1, 0)

    def _limits(self) -> None:
        instance = self.instance
        for one, other in instance.exclusions:
            self.add({self.joins(one): 1, self.joins(other): 1}, 0, 1)
        for partner in instance.excluded & set(self.partners):
            self.add({self.joins(partner): 1}, 0, 0)
        self.add({self.joins(partner): 1 for partner in self.partners}, 0, instance.max_partners)
        everybody = range(len(instance.candidates))
        if instance.budget is not None:
            self.add({self.takes(n): instance.candidates[n].cost for n in everybody}, 0, instance.budget)
        if instance.needs_lead:  # whoever takes part does so beside one that leads
            leading = {self.takes(n): -1.0 for n in everybody if instance.leads(instance.candidates[n])}
            for number in everybody:
                column = self.takes(number)
                self.add({**leading, column: leading.get(column, 0.0) + 1.0}, -np.inf, 0)

    def goals(self) -> list[np.ndarray[Any, Any]]:
        """Return what is to be minimized, one after the other."""
        cells, partners, value = (np.zeros(self.width) for _ in range(3))
        cells[: len(self.pairs)] = -1
        partners[self.joins(self.partners[0]) :] = 1
        for column, (number, cell) in enumerate(self.pairs):
            entry = self.instance.candidates[number]
            value[column] = -entry.values[cell] if entry.values else 0
        for number, entry in enumerate(self.instance.candidates):
            value[self.takes(number)] = -entry.value
        return [cells, partners, value]

    def least(self, goal: np.ndarray[Any, Any]) -> int:
        """Minimize a goal within all that has been added."""
        answer = milp(
            goal,
            constraints=LinearConstraint(np.array(self.rows), np.array(self.low), np.array(self.high)),
            integrality=np.ones(self.width),
            bounds=Bounds(0, 1),
            options={"mip_rel_gap": 0},
        )
        assert answer.status == 0
        return round(float(answer.fun))


def by_program(instance: TeamInstance) -> tuple[int, int, int]:
    """Return (cells, partners, value) by three mixed-integer programs, one after the other."""
    program = Program(instance)
    found = []
    for goal in program.goals():
        found.append(program.least(goal))
        program.add({column: float(factor) for column, factor in enumerate(goal) if factor}, found[-1], found[-1])
    return -found[0], found[1], -found[2]
