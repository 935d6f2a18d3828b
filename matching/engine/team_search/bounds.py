"""Bounds for the search: the most that so many partners can be worth when they serve a set of cells between them.

A relaxation: exclusions are dropped and a partner may be taken twice, so that what is found is never too low. Up to
TABLE_CELLS cells it is solved exactly for every set at once (dynamic programming over subsets, 3^n / 2 steps a level);
beyond that, sums of the largest contributions bound it more loosely, and the search is exact all the same.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matching.engine.team_search.instance import Ints

NEVER = -(2**61)  # twice this still fits 64 bits
POSSIBLE = -(2**60)  # whatever can be done is worth more
TABLE_CELLS = 12
MOST_PARTS = 20_000  # ways to split one set that the looser bounds look at; beyond it the search counts as cut short

Split = tuple[int, int, int]  # bound of the whole, cells of the next partner, bound of the rest


@dataclass(frozen=True, slots=True)
class Worth:
    """What each partner is worth: row by row the set of cells, `once`, and by cell (no columns: nothing)."""

    bits: int
    masks: Ints
    once: Ints
    by_cell: Ints
    lead: int  # the bit of the lead, 0 without
    fixed: bool = False  # what a row costs does not depend on the cells it serves

    def of(self, cells: int) -> tuple[Ints, Ints]:
        """Return the rows that can serve all of a set of cells, and what they are worth there."""
        rows = np.flatnonzero((self.masks & cells) == cells)
        worth = self.once[rows]
        if self.by_cell.shape[1]:
            chosen = np.flatnonzero((cells >> np.arange(self.bits)) & 1)
            worth = worth + self.by_cell[np.ix_(rows, chosen)].sum(axis=1)
        return rows, worth


class Bounds(Protocol):
    """How the search asks for bounds; sets are bit masks, rarest cell lowest."""

    @property
    def cut(self) -> bool:
        """Tell whether something had to be left out, so that nothing is proven."""

    def reach(self, partners: int, cells: int) -> int:
        """Return the most that exactly so many partners can be worth on the cells; below POSSIBLE: cannot be done."""

    def splits(self, partners: int, cells: int, floor: int) -> list[Split]:
        """Return what the partner that serves the rarest cell may serve, best bound first, all above the floor."""


def bounds_for(worth: Worth) -> Bounds:
    """Choose the bounds by the number of cells."""
    if worth.bits > TABLE_CELLS:
        return Loose(worth)
    most = int(np.bitwise_count(worth.masks).max(initial=1))
    return Table(worth.bits, max(1, most), best_by_set(worth))


# --- exact, for few cells ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Splits:
    """Every way to split off, from each set, a part with its rarest cell: those of set `s` lie at start[s - 1] on."""

    start: Ints
    part: NDArray[np.int32]
    rest: NDArray[np.int32]

    def of(self, cells: int) -> slice:
        """Return where the splits of a set lie."""
        end = int(self.start[cells]) if cells < len(self.start) else len(self.part)
        return slice(int(self.start[cells - 1]), end)


@lru_cache(maxsize=2 * TABLE_CELLS)
def all_splits(bits: int, most: int) -> Splits:
    """List the splits of all sets of so many cells, the part of at most so many."""
    whole, part = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int32)
    for bit in range(bits):
        more = np.int32(1 << bit)
        whole = np.concatenate([whole, whole + more, whole + more])
        part = np.concatenate([part, part, part + more])
    kept = ((part & whole & -whole) != 0) & (np.bitwise_count(part) <= most)
    whole, part = whole[kept], part[kept]
    order = np.argsort(whole, kind="stable")
    whole, part = whole[order], part[order]
    start = np.searchsorted(whole, np.arange(1, 1 << bits))
    return Splits(start, part, whole ^ part)


def best_by_set(worth: Worth) -> Ints:
    """Return for each set of cells the most any one partner is worth that can serve all of it."""
    table = np.full(1 << worth.bits, NEVER, dtype=np.int64)
    if worth.by_cell.shape[1]:
        _fill_by_cell(table, worth)
    else:
        np.maximum.at(table, worth.masks, worth.once)
        for bit in range(worth.bits):  # what serves a set serves each part of it
            halves = table.reshape(-1, 2, 1 << bit)
            np.maximum(halves[:, 0], halves[:, 1], out=halves[:, 0])
    table[0] = NEVER
    table[worth.lead] = NEVER  # to lead is not enough: a partner serves a cell
    return table


def _fill_by_cell(table: Ints, worth: Worth) -> None:
    """Write each partner into every set that it can serve; partners with as many cells together."""
    held = (worth.masks[:, None] >> np.arange(worth.bits)) & 1
    sizes = held.sum(axis=1)
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        cells = np.nonzero(held[rows])[1].reshape(len(rows), int(size))
        sets = np.zeros((len(rows), 1), dtype=np.int64)
        gains = worth.once[rows][:, None]
        for column in range(int(size)):
            cell = cells[:, column]
            sets = np.hstack([sets, sets + (1 << cell)[:, None]])
            gains = np.hstack([gains, gains + worth.by_cell[rows, cell][:, None]])
        np.maximum.at(table, sets.ravel(), gains.ravel())


@dataclass(slots=True)
class Table:
    """The relaxation solved for every set; a level for each number of partners, worked out when first asked for."""

    bits: int
    most: int  # cells of the partner that serves most
    one: Ints
    levels: list[Ints] = field(default_factory=list)
    cut: bool = False

    def level(self, partners: int) -> Ints:
        """Return the bounds of all sets for a number of partners."""
        if not self.levels:
            self.levels.append(self.one)
        ways = all_splits(self.bits, self.most)
        while len(self.levels) < partners:
            reach = np.maximum.reduceat(self.one.take(ways.part) + self.levels[-1].take(ways.rest), ways.start)
            self.levels.append(np.maximum(np.concatenate([[NEVER], reach]), NEVER))
        return self.levels[partners - 1]

    def reach(self, partners: int, cells: int) -> int:
        """See Bounds. A level that is asked for one set only is worked out for that set only."""
        if partners == 1 or len(self.levels) >= partners:
            return int(self.level(partners)[cells])
        ways = all_splits(self.bits, self.most)
        chosen = ways.of(cells)
        return int((self.one[ways.part[chosen]] + self.level(partners - 1)[ways.rest[chosen]]).max(initial=NEVER))

    def splits(self, partners: int, cells: int, floor: int) -> list[Split]:
        """See Bounds."""
        if partners == 1:
            one = int(self.one[cells])
            return [(one, cells, 0)] if one > floor else []
        ways = all_splits(self.bits, self.most)
        chosen = ways.of(cells)
        part = ways.part[chosen]
        tail = self.level(partners - 1)[ways.rest[chosen]]
        total = self.one[part] + tail
        good = np.flatnonzero(total > max(floor, POSSIBLE))
        order = good[np.argsort(-total[good], kind="stable")]
        return list(zip(total[order].tolist(), part[order].tolist(), tail[order].tolist(), strict=True))


# --- looser, for many cells -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Loose:
    """Sums of the largest: what the best partners are worth once, and the best of each cell."""

    worth: Worth
    known: dict[tuple[int, int], int] = field(default_factory=dict)
    parts: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    cut: bool = False

    def reach(self, partners: int, cells: int) -> int:
        """See Bounds."""
        key = (partners, cells)
        if key not in self.known:
            self.known[key] = self._reach(partners, cells)
        return self.known[key]

    def _reach(self, partners: int, cells: int) -> int:
        if cells.bit_count() - bool(cells & self.worth.lead) < partners:
            return NEVER
        if partners == 1:
            return self._one(cells)
        shared = self.worth.masks & cells
        helpful = np.flatnonzero(shared & ~self.worth.lead)
        sizes = np.sort(np.bitwise_count(shared[helpful]))[::-1][:partners]
        if len(helpful) < partners or int(sizes.sum()) < cells.bit_count():
            return NEVER
        total = int(np.sort(self.worth.once[helpful])[-partners:].sum())
        if self.worth.by_cell.shape[1]:
            by_cell = np.where(
                (shared[helpful][:, None] >> np.arange(self.worth.bits)) & 1, self.worth.by_cell[helpful], 0
            )
            total += int(by_cell.max(axis=0).sum())
        return total

    def _one(self, cells: int) -> int:
        if cells in (0, self.worth.lead):
            return NEVER
        _, worth = self.worth.of(cells)
        return int(worth.max()) if len(worth) else NEVER

    def splits(self, partners: int, cells: int, floor: int) -> list[Split]:
        """See Bounds."""
        if partners == 1:
            one = self.reach(1, cells)
            return [(one, cells, 0)] if one > max(floor, POSSIBLE) else []
        found = []
        for part, worth in self._parts(cells):
            tail = self.reach(partners - 1, cells ^ part)
            if tail > POSSIBLE and worth + tail > floor:
                found.append((worth + tail, part, tail))
        return sorted(found, key=lambda entry: (-entry[0], entry[1]))

    def _parts(self, cells: int) -> list[tuple[int, int]]:
        """Return the sets with the rarest cell that some partner can serve, and what the best is worth there."""
        if cells not in self.parts:
            low = cells & -cells
            masks = [mask for mask in np.unique(self.worth.masks & cells).tolist() if mask & low]
            sets: set[int] = set()
            for mask in masks:
                sets.update(self._ways(mask, low))
                if len(sets) > MOST_PARTS:
                    self.cut = True
                    break
            self.parts[cells] = [(part, self._one(part)) for part in sorted(sets) if part != self.worth.lead]
        return self.parts[cells]

    def _ways(self, mask: int, low: int) -> list[int]:
        """Return the parts worth trying of what a partner could serve.

        All of it is enough where that costs no more and values do not go by cell: in the smallest team every partner
        has a cell of its own. Only the one that leads may need a cell that another could serve.
        """
        if self.worth.fixed and not self.worth.by_cell.shape[1]:
            bits = [1 << bit for bit in range(mask.bit_length()) if mask >> bit & 1 and 1 << bit != low]
            return [mask, low, *(mask ^ bit for bit in bits)] if self.worth.lead else [mask]
        if (mask ^ low).bit_count() > MOST_PARTS.bit_length():
            self.cut = True
            return [mask]
        return _with_lowest(mask, low)


def _with_lowest(mask: int, low: int) -> list[int]:
    """Return every subset of the mask that holds the lowest bit."""
    rest, found = mask ^ low, []
    part = rest
    while part:
        found.append(part | low)
        part = (part - 1) & rest
    return [*found, low]
