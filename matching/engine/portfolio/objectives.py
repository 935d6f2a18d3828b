"""The objectives as whole numbers for each pair, in their order, and what a plan is worth in each of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from matching.engine.portfolio.instance import TIE_BITS, Flags, Ints
from matching.engine.portfolio.model import Model
from matching.engine.portfolio.results import KEPT, SERVED, TIE, TOTAL_SCORE, Settings

# Ties are compared 20 bits at a time, so that even mixed-integer programs, which compute in floats, add them exactly.
# One part alone makes nearly every optimum unique (isolation lemma: Mulmuley, Vazirani, Vazirani 1987).
TIE_PART_BITS = 20
TIE_PART_TOP = (1 << TIE_PART_BITS) - 1


@dataclass(frozen=True, slots=True)
class Objective:
    """A name and what each pair of a model brings, never negative; more is better. `gain(model)` [pairs]

    Models shrink while they are solved, so that the gains are written anew for each. Of a tie, a pair brings what it
    has less than the most: the number of needs served is settled by then.
    """

    name: str
    gain: Callable[[Model], Ints]


@dataclass(frozen=True, slots=True)
class Proof:
    """How far an objective may be from its best (0: proven best), and who says so."""

    name: str
    gap: int
    solver: str


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A plan as pair numbers of the instance, locks aside, and the proofs of its objectives in their order."""

    numbers: Ints
    proofs: tuple[Proof, ...]


def served_name(priority_class: int) -> str:
    """Return the name of the stage that serves a class."""
    return f"{SERVED}_{priority_class}"


def classes(model: Model) -> list[int]:
    """List the priority classes, first class first."""
    return [int(number) for number in np.unique(model.need_class)]


def served(model: Model) -> list[Objective]:
    """List the first objectives: the needs served of each class, first class first."""
    return [Objective(served_name(number), partial(_of_class, number)) for number in classes(model)]


def below_service(model: Model, settings: Settings) -> list[Objective]:
    """List the objectives under service and the worst-served need, leaving out those in which all plans are equal."""
    goals = [Objective(TOTAL_SCORE, lambda model: model.score)]
    if settings.stability and model.previous.any():
        goals.append(Objective(KEPT, lambda model: model.previous.astype(np.int64)))
    if settings.unique and model.tie.any():
        parts = range(TIE_BITS - TIE_PART_BITS, -1, -TIE_PART_BITS)
        goals += [Objective(TIE, partial(_below_top, shift)) for shift in parts]
    return goals


def _of_class(number: int, model: Model) -> Ints:
    own: Ints = (model.need_class[model.need] == number).astype(np.int64)
    return own


def _below_top(shift: int, model: Model) -> Ints:
    return TIE_PART_TOP - tie_part(model.tie, shift)


def tie_part(tie: Ints, shift: int) -> Ints:
    """Return 20 of the 60 bits of each tie, from a shift on. [pairs]"""
    return (tie >> shift) & TIE_PART_TOP


def served_profile(model: Model, chosen: Flags) -> tuple[int, ...]:
    """Count the needs served of each class, first class first. `chosen` [pairs]"""
    own = model.need_class[model.need[chosen]]
    return tuple(int((own == number).sum()) for number in classes(model))
