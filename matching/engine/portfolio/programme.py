"""Portfolios of any kind, objective after objective, each proven by a bound and a small mixed-integer program.

For each objective the prices of the limits give a bound and say how far every pair stands behind it. Only the pairs
close to it (the core: Balas and Zemel 1980) go into a mixed-integer program; what it finds shows which pairs could
still matter, and the last program holds all of those. Pairs that no best plan holds are then dropped for good.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matching.engine.portfolio.bounds import Bound, bound_of
from matching.engine.portfolio.core import Core, solve_core
from matching.engine.portfolio.instance import Flags, Ints
from matching.engine.portfolio.mixed_integer import IMPOSSIBLE, SOLVED, Deadline, Helper, Program
from matching.engine.portfolio.model import UNLIMITED, Kind, Model, Rows

SOLVER = "mixed-integer program"
RELAXATION = "relaxation"
CORE_PAIRS = 600  # pairs beyond the best of each need in the first program
SMALL = 2000  # models of so many pairs go to the solver as they are
WIDER = 8


class Shortcuts(Protocol):
    """What is known of a programme beyond its rows; each answer may be None, when nothing is."""

    def serve(self, programme: "Programme", gain: Ints) -> "Reached | None":
        """Reach the most of a gain that counts needs."""
        ...

    def find(self, programme: "Programme", kept: Flags) -> tuple[str, Flags | None] | None:
        """Look for any plan of some pairs."""
        ...

    def prices(self, programme: "Programme", rows: Rows, gain: Ints) -> NDArray[np.float64] | None:
        """Find good prices of the rows."""
        ...


class Impossible(Exception):  # noqa: N818 - an answer, not an error
    """No plan keeps all rows."""


class Unknown(Exception):  # noqa: N818 - an answer, not an error
    """The time ended before any plan was found."""


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """The value of an objective, the proven bound, and who proved it.

    A plan with a pair gains at most `bound - loss` [pairs], one without a need at most `bound - unserved` [needs].
    """

    value: int
    bound: int
    solver: str
    loss: Ints | None = None
    unserved: Ints | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """An objective that keeps its value: what each pair brings [pairs], and whether it counts needs."""

    gain: Ints
    value: int
    counts_needs: bool


@dataclass(slots=True, eq=False)
class Programme:
    """A model, the objectives already reached as rows of their own, and the best plan known.

    `incumbent` [pairs] is that plan, `needed` [needs] are the needs that every plan still in question serves.
    """

    model: Model
    helper: Helper
    deadline: Deadline
    incumbent: Flags | None = None
    held: list[Held] = field(default_factory=list)
    shortcuts: Shortcuts | None = None
    needed: Flags = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        self.needed = np.zeros(len(self.model.need_class), dtype=np.bool_)

    def rows(self) -> Rows:
        """Return the rows of the model and, after them, those of the objectives already reached."""
        own, count = self.model.rows, len(self.model.rows.least)
        pairs = [np.flatnonzero(held.gain) for held in self.held]
        kinds = [Kind.FLOOR if held.counts_needs else Kind.BUDGET for held in self.held]
        return Rows(
            least=np.concatenate([own.least, np.array([held.value for held in self.held], dtype=np.int64)]),
            most=np.concatenate([own.most, np.full(len(self.held), UNLIMITED)]),
            kind=np.concatenate([own.kind, np.array(kinds, dtype=np.int64)]),
            thing=np.concatenate([own.thing, np.full(len(self.held), -1)]),
            pair=np.concatenate([own.pair, *pairs]),
            row=np.concatenate([own.row, *(np.full(len(part), count + at) for at, part in enumerate(pairs))]),
            amount=np.concatenate(
                [own.amount, *(held.gain[part] for held, part in zip(self.held, pairs, strict=True))]
            ),
        )

    def maximise(self, gain: Ints, *, counts_needs: bool = False) -> Reached:
        """Find the plan of the largest gain [pairs, none negative] that keeps every objective held, and hold this one.

        Raises Impossible when there is no plan, Unknown when the time ended before there was one. Pairs that are in
        no best plan are dropped from the model.
        """
        reached = self.shortcuts.serve(self, gain) if self.shortcuts and counts_needs else None
        reached = reached or self._reach(gain)
        self.held.append(Held(gain, reached.value, counts_needs))
        if reached.loss is not None and reached.unserved is not None:
            self.needed = self.needed | (reached.unserved > reached.bound - reached.value)
            self.restrict(reached.loss <= reached.bound - reached.value)
        return reached

    def _reach(self, gain: Ints) -> Reached:
        free = self._bound(gain)
        if self.incumbent is not None and self._value(gain) >= free.most:
            return Reached(free.most, free.most, RELAXATION, free.loss, free.unserved)
        rows = self.rows()
        bound = self._priced(rows, gain, free)
        if self.incumbent is not None and self._value(gain) >= bound.most:
            return Reached(bound.most, bound.most, RELAXATION, bound.loss, bound.unserved)
        proven = self._search(rows, gain, bound)
        value = self._value(gain)
        if value < proven:
            return Reached(value, proven, SOLVER)
        # The bound of the prices, not the one just proven: the losses stand against it.
        behind = bound.most - value
        return Reached(value, value, SOLVER, bound.loss - behind, bound.unserved - behind)

    def restrict(self, kept: Flags) -> None:
        """Drop pairs for good. `kept` [pairs]; the incumbent must be among them."""
        if kept.all():
            return
        self.needed = self.needed[np.unique(self.model.need[kept])]
        self.model = self.model.restricted(kept)
        self.held = [Held(held.gain[kept], held.value, held.counts_needs) for held in self.held]
        if self.incumbent is not None:
            self.incumbent = self.incumbent[kept]

    def find(self, kept: Flags) -> tuple[str, Flags | None]:
        """Look for any plan of some pairs [pairs] that keeps every row: status as of `mixed_integer`, and the plan."""
        known = self.shortcuts.find(self, kept) if self.shortcuts else None
        if known is not None:
            return known
        nothing = np.zeros(len(self.model.number), dtype=np.int64)
        answer = solve_core(Core(self.model, self.rows(), nothing, kept, self.needed), self.helper, self.deadline)
        return answer.status, answer.chosen

    def plan(self) -> Flags:
        """Return the best plan known. [pairs] Raises Unknown when there is none."""
        if self.incumbent is None:
            raise Unknown
        return self.incumbent

    def _value(self, gain: Ints) -> int:
        return int(gain[self.plan()].sum())

    def _bound(self, gain: Ints) -> Bound:
        """Return the bound that needs no prices: every need gets its best."""
        rows = self.rows()
        return bound_of(self.model, rows, gain, np.zeros(len(rows.least)))

    def _priced(self, rows: Rows, gain: Ints, free: Bound) -> Bound:
        """Return the bound that good prices prove; small models are solved as they are."""
        if self._undecided() <= SMALL:
            return free
        price = self.shortcuts.prices(self, rows, gain) if self.shortcuts else None
        if price is None:
            status, price = self.helper.prices(_relaxed(self.model, rows, gain), self.deadline)
            if status == IMPOSSIBLE:
                raise Impossible
            if status != SOLVED:
                return free
            price = price[len(self.model.need_class) :]
        priced = bound_of(self.model, rows, gain, price)
        return priced if priced.most <= free.most else free

    def _search(self, rows: Rows, gain: Ints, bound: Bound) -> int:
        """Solve cores until one holds all that could matter; return what is proven to be the most."""
        width = self._first_width(bound)
        while True:
            last = self._last_width(gain, bound)
            width = min(width, last)
            kept = bound.loss <= width
            core = Core(self.model, rows, gain, kept, self.needed | (bound.unserved > width))
            answer = solve_core(core, self.helper, self.deadline)
            if answer.chosen is not None and (self.incumbent is None or gain[answer.chosen].sum() > self._value(gain)):
                self.incumbent = answer.chosen
            if answer.status not in (SOLVED, IMPOSSIBLE):
                outside = bound.most - width - 1
                return bound.most if answer.bound is None else min(bound.most, max(answer.bound, outside))
            if width >= last or width >= self._last_width(gain, bound):
                if self.incumbent is None:
                    raise Impossible
                return self._value(gain)
            width = max(width * WIDER, 1) if self.incumbent is None else self._last_width(gain, bound)

    def _last_width(self, gain: Ints, bound: Bound) -> int:
        """Return the width of the core outside of which no pair is in a plan better than the incumbent."""
        if self.incumbent is None:
            return int(max(bound.loss.max(initial=0), bound.unserved.max(initial=0)))
        return bound.most - self._value(gain)

    def _undecided(self) -> int:
        """Count the pairs that may or may not be in the plan."""
        options = np.diff(self.model.need_start)
        return int(options[~(self.needed & (options == 1))].sum())

    def _first_width(self, bound: Bound) -> int:
        if self._undecided() <= SMALL:
            return int(max(bound.loss.max(initial=0), bound.unserved.max(initial=0)))
        behind = np.sort(bound.loss[bound.loss > 0])
        return int(behind[min(CORE_PAIRS, len(behind) - 1)]) if len(behind) else 0


def _relaxed(model: Model, rows: Rows, gain: Ints) -> Program:
    """Write the model as a program: first the rows of the needs, then the others."""
    needs = len(model.need_class)
    return Program(
        gain=gain,
        least=np.concatenate([np.full(needs, -np.inf), np.where(rows.least > 0, rows.least, -np.inf)]),
        most=np.concatenate([np.ones(needs), np.where(rows.most < UNLIMITED, rows.most, np.inf)]),
        row=np.concatenate([model.need, needs + rows.row]),
        column=np.concatenate([np.arange(len(model.number)), rows.pair]),
        amount=np.concatenate([np.ones(len(model.number), dtype=np.int64), rows.amount]),
    )
