"""A small mixed-integer program cut out of a model: what is decided already is taken out, the answer is checked exactly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.mixed_integer import FAILED, IMPOSSIBLE, SOLVED, STOPPED, Deadline, Helper, Program
from matching.engine.portfolio.model import UNLIMITED, Model, Rows, relief

CUTS = 30
BOUND_SLACK = 1e-6  # of whole numbers that the solver adds in floats


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """Some pairs of a model: `kept` [pairs] may be chosen, and needs in `served` [needs] must be served by one of them."""

    model: Model
    rows: Rows
    gain: Ints
    kept: Flags
    served: Flags


@dataclass(frozen=True, slots=True, eq=False)
class CoreAnswer:
    """`chosen` [pairs of the model] keeps every row; `bound` is the most that any plan of the core gains, if known."""

    status: str
    chosen: Flags | None = None
    bound: int | None = None


def solve_core(core: Core, helper: Helper, deadline: Deadline) -> CoreAnswer:
    """Solve a core. Programs compute in floats, so an answer that breaks a row by a rounding error is cut off."""
    options = np.bincount(core.model.need[core.kept], minlength=len(core.model.need_class))
    if (core.served & (options == 0)).any():
        return CoreAnswer(IMPOSSIBLE)
    fixed = core.kept & (core.served & (options == 1))[core.model.need]
    free = np.flatnonzero(core.kept & ~fixed)
    base = int(core.gain[fixed].sum())
    least, most = _limits_left(core.rows, fixed)
    if (most + relief(core.rows, core.kept & ~fixed) < 0).any():
        return CoreAnswer(IMPOSSIBLE)
    program = _program(core, free, least, most)
    for _ in range(CUTS):
        if len(free) == 0:
            return _checked(core, fixed, base)
        answer = helper.best(program, deadline)
        bound = base + int(np.floor(answer.bound + BOUND_SLACK)) if np.isfinite(answer.bound) else None
        if answer.chosen is None:
            return CoreAnswer(answer.status, None, bound)
        chosen = fixed.copy()
        chosen[free[answer.chosen]] = True
        broken = _broken(core.rows, chosen)
        if not len(broken):
            return CoreAnswer(answer.status, chosen, bound)
        program = _with_cuts(program, core.rows, broken, free, chosen)
    return CoreAnswer(FAILED)


def _checked(core: Core, fixed: Flags, base: int) -> CoreAnswer:
    return CoreAnswer(SOLVED, fixed, base) if core.rows.hold(fixed) else CoreAnswer(IMPOSSIBLE)


def _limits_left(rows: Rows, fixed: Flags) -> tuple[Ints, Ints]:
    used = rows.totals(fixed)
    return rows.least - used, np.where(rows.most >= UNLIMITED, UNLIMITED, rows.most - used)


def _program(core: Core, free: Ints, least: Ints, most: Ints) -> Program:
    """Write the free pairs as a program: the rows of their needs, then the limits that they touch."""
    place = np.full(len(core.kept), -1)
    place[free] = np.arange(len(free))
    present, need = np.unique(core.model.need[free], return_inverse=True)
    entry = place[core.rows.pair] >= 0
    # A limit without free pairs is kept all the same: if what is fixed breaks it, there is no answer.
    touched = np.zeros(len(least), dtype=np.bool_)
    touched[core.rows.row[entry]] = True
    touched |= least > 0
    row_place = np.cumsum(touched) - 1
    # Half a unit below a whole number cuts off nothing whole and is kind to floats.
    least_left = np.where(least[touched] > 0, least[touched] - 0.5, -np.inf)
    return Program(
        gain=core.gain[free],
        least=np.concatenate([core.served[present].astype(float), least_left]),
        most=np.concatenate([np.ones(len(present)), np.where(most < UNLIMITED, most, np.inf)[touched]]),
        row=np.concatenate([need, len(present) + row_place[core.rows.row[entry]]]),
        column=np.concatenate([np.arange(len(free)), place[core.rows.pair[entry]]]),
        amount=np.concatenate([np.ones(len(free), dtype=np.int64), core.rows.amount[entry]]),
    )


def _broken(rows: Rows, chosen: Flags) -> list[tuple[int, bool]]:
    """List the rows that a choice breaks, each with whether it uses too much."""
    totals = rows.totals(chosen)
    over = [(int(row), True) for row in np.flatnonzero(totals > rows.most)]
    return over + [(int(row), False) for row in np.flatnonzero(totals < rows.least)]


def _with_cuts(program: Program, rows: Rows, broken: list[tuple[int, bool]], free: Ints, chosen: Flags) -> Program:
    """Add a row for each broken one: not all of these pairs together, or one of the others (amounts of ties are negative)."""
    least, most, row, column = [program.least], [program.most], [program.row], [program.column]
    count = len(program.least)
    for number, over in broken:
        # Pairs that make it worse must not all stay, or one that makes it better must come.
        sign: NDArray[np.int64] = np.zeros(len(chosen), dtype=np.int64)
        entry = rows.row == number
        sign[rows.pair[entry]] = np.sign(rows.amount[entry]) * (1 if over else -1)
        worse = np.flatnonzero((sign[free] > 0) & chosen[free])
        better = np.flatnonzero((sign[free] < 0) & ~chosen[free])
        row.append(np.full(len(worse) + len(better), count))
        column.append(np.concatenate([worse, better]))
        least.append(np.array([-np.inf]))
        most.append(np.array([len(worse) - 1.0]))
        count += 1
    flat = np.concatenate(column)
    picked = chosen[free][np.concatenate(column[1:])]
    return Program(
        program.gain,
        np.concatenate(least),
        np.concatenate(most),
        np.concatenate(row),
        flat,
        np.concatenate([program.amount, np.where(picked, 1, -1)]),
    )


__all__ = ["STOPPED", "Core", "CoreAnswer", "solve_core"]
