"""Teams among 2,000 candidates: our search against `scipy.optimize.milp` on the same model, CPU time, one run.

`team_rows()` returns the rows for `bench/matching.py`, each measured in a fresh process of its own; alone:
`.venv/bin/python -m bench.team_rows`. The mixed-integer program is the compact one of the same model with one weighted
objective (cells, then partners, then value), its gap set to 0 and stopped after PROGRAM_SECONDS: then the ratio is the least it
can be. Building the model counts for neither side.
"""

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the engine is imported in the fresh process only
    from scipy.optimize import Bounds, LinearConstraint

    from matching.engine import TeamInstance

ROOT = Path(__file__).resolve().parent.parent
CANDIDATES, CELLS, REPEATS, PROGRAM_SECONDS = 2000, 10, 15, 60


class Row(NamedTuple):
    """One line of the table: what, our figure in words, how many times faster than the other, and how many it must be."""

    name: str
    figure: str
    ratio: float
    goal: float


CASES = {
    "by cell limits": ("values by cell, 2,000 exclusions, a lead, a budget that binds", 100.0),
    # For orientation, where only "not slower" is asked for: most columns fall away before the program begins.
    "whole": ("one value each, no limits", 1.0),
    "whole limits": ("one value each, 2,000 exclusions, a lead, a budget", 1.0),
}


def instance(case: str, seed: int) -> "TeamInstance":
    """Make a search: each candidate is a partner of its own and covers one to three cells of ten."""
    from matching.engine import TeamCandidate, TeamInstance

    chance = random.Random(seed)
    by_cell, limits = case.startswith("by cell"), case.endswith("limits")
    candidates = tuple(
        TeamCandidate(
            id=f"K{number:05}",
            partner=f"K{number:05}",
            cells=sum(1 << cell for cell in chance.sample(range(CELLS), chance.randint(1, 3))),
            value=0 if by_cell else chance.randint(1, 1000),
            values=tuple(chance.randint(1, 1000) for _ in range(CELLS)) if by_cell else (),
            cost=chance.randint(1, 1000),
            can_lead=chance.random() < 0.3,
        )
        for number in range(CANDIDATES)
    )
    pairs = [chance.sample(range(CANDIDATES), 2) for _ in range(2000)] if limits else []
    return TeamInstance(
        cells=tuple(f"c{number}" for number in range(CELLS)),
        candidates=candidates,
        exclusions=frozenset((f"K{a:05}", f"K{b:05}") for a, b in pairs),
        budget=300 if limits else None,
        max_partners=6,
        lead_required=limits,
    )


class Model:
    """Rows of a sparse matrix as they are added: least <= sum of terms <= most."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.factors: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def add(self, terms: Iterable[tuple[int, float]], least: float, most: float) -> None:
        for column, factor in terms:
            self.rows.append(len(self.low))
            self.columns.append(column)
            self.factors.append(factor)
        self.low.append(least)
        self.high.append(most)


def program(made: "TeamInstance") -> tuple[NDArray[Any], "LinearConstraint", "Bounds", int]:
    """Build the mixed-integer program: x takes part, y serves (by cell), or u is covered where values do not need y."""
    from scipy.optimize import Bounds, LinearConstraint
    from scipy.sparse import coo_array

    people, count, model = made.candidates, len(made.candidates), Model()
    by_cell = any(entry.values for entry in people)
    pairs = [(n, c) for n, entry in enumerate(people) for c in range(CELLS) if entry.cells >> c & 1]
    width = count + (len(pairs) if by_cell else CELLS)
    step = 1 + sum(max((entry.values[c] if by_cell else entry.value) for entry in people) for c in range(CELLS))
    cell = -step * (made.max_partners + 1)
    goal = np.zeros(width)
    goal[:count] = step - np.array([entry.value for entry in people])
    for c in range(CELLS):
        own = [number for number, pair in enumerate(pairs) if pair[1] == c]
        if by_cell:
            model.add([(count + number, 1) for number in own], 0, 1)
        else:
            model.add([(count + c, 1), *((pairs[number][0], -1) for number in own)], -np.inf, 0)
            goal[count + c] = cell
    for number, (person, c) in enumerate(pairs if by_cell else []):
        model.add([(count + number, 1), (person, -1)], -np.inf, 0)
        goal[count + number] = cell - people[person].values[c]
    add_limits(model, made)
    matrix = coo_array((model.factors, (model.rows, model.columns)), shape=(len(model.low), width)).tocsr()
    return goal, LinearConstraint(matrix, model.low, model.high), Bounds(0, 1), step


def add_limits(model: Model, made: "TeamInstance") -> None:
    """Add exclusions, number of partners, budget and lead."""
    people = made.candidates
    place = {entry.id: number for number, entry in enumerate(people)}
    for one, other in sorted(made.exclusions):
        model.add([(place[one], 1), (place[other], 1)], 0, 1)
    model.add([(n, 1) for n in range(len(people))], 0, made.max_partners)
    if made.budget is not None:
        model.add([(n, entry.cost) for n, entry in enumerate(people)], 0, made.budget)
    if made.lead_required:
        model.add([(n, 1) for n, entry in enumerate(people) if entry.can_lead], 1, np.inf)


def measure(case: str) -> dict[str, float | bool]:
    """Measure one case in this process: the median of our searches, and one run of the program on the first instance."""
    from scipy.optimize import milp

    from matching.engine import find_team

    made = [instance(case, seed) for seed in range(5)]
    find_team(made[0])
    spent = []
    for turn in range(REPEATS):
        begun = time.process_time()
        answer = find_team(made[turn % len(made)])
        spent.append(time.process_time() - begun)
        assert answer.proven
    first = find_team(made[0])
    ratios, same = [], True
    for number in range(1):
        goal, constraint, bounds, step = program(made[number])
        begun = time.process_time()
        other = milp(
            goal,
            constraints=constraint,
            integrality=np.ones(len(goal)),
            bounds=bounds,
            options={"mip_rel_gap": 0, "time_limit": PROGRAM_SECONDS},
        )
        ratios.append(time.process_time() - begun)
        found = find_team(made[number]).objective
        ours = -step * (made[number].max_partners + 1) * found.cells + step * found.partners - found.value
        same = same and (other.status != 0 or round(other.fun) == ours)
    return {
        "ours": median(spent),
        "theirs": min(ratios),
        "same": same,
        "cells": first.objective.cells,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def team_rows() -> list[Row]:
    """Return the rows, each measured in a fresh process. Raises RuntimeError where the two optima differ."""
    rows = []
    for case, (words, goal) in CASES.items():
        text = subprocess.run(
            [sys.executable, "-m", "bench.team_rows", case], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        found = json.loads(text)
        if not found["same"]:
            raise RuntimeError(f"the optima differ: {case}")
        figure = f"{found['ours'] * 1000:.1f} ms against {found['theirs'] * 1000:,.0f} ms"
        rows.append(
            Row(
                f"team among {CANDIDATES:,} candidates, {CELLS} cells: {words}",
                figure,
                found["theirs"] / found["ours"],
                goal,
            )
        )
    return rows


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        for row in team_rows():
            print(f"{row.name}: {row.figure}, {row.ratio:,.0f} x (goal {row.goal:,.0f})")
