"""Sets of codes for many offers at once, in two layouts.

`BitTable`: one row an offer, one bit a code; tells of each offer which codes it holds. `Mask`: one bit an offer; a
constraint is tested once for the whole catalogue, kept, and combined with others eight offers a byte.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.engine.splicing import NOWHERE, Splice

WORD = 64
ALL_SET = np.uint8(255)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Mask = NDArray[np.uint8]  # one bit a row, the first row in the highest bit of the first byte


@dataclass(frozen=True, slots=True)
class BitTable:
    """A matrix of rows x words, each word a column of its own, and the rows that hold each code.

    Few rows are asked by their words, all of them by the lists. The vocabulary is sorted, so the same sets give the
    same bytes.
    """

    position: dict[str, int]
    words: NDArray[np.uint64]
    start: Ints  # codes + 1
    row_by_code: Ints

    @classmethod
    def build(cls, rows: Sequence[Set[str]]) -> "BitTable":
        """Build the table of the given sets, one row each."""
        vocabulary = sorted(set().union(*set(map(frozenset, rows))))
        position = {code: number for number, code in enumerate(vocabulary)}
        number = np.repeat(np.arange(len(rows)), np.fromiter(map(len, rows), dtype=np.int64, count=len(rows)))
        bit = np.fromiter((position[code] for row in rows for code in row), dtype=np.int64, count=len(number))
        return cls._of_entries(position, number, bit, len(rows))

    @classmethod
    def _of_entries(cls, position: dict[str, int], number: Ints, bit: Ints, size: int) -> "BitTable":
        """Build the table of `size` rows from pairs of row and code, in any order."""
        words = np.zeros((max(1, -(-len(position) // WORD)), size), dtype=np.uint64)
        bits = np.uint64(1) << (bit % WORD).astype(np.uint64)
        np.bitwise_or.at(words.reshape(-1), bit // WORD * size + number, bits)
        return cls(
            position=position,
            words=words.T,
            start=np.cumsum([0, *np.bincount(bit, minlength=len(position))], dtype=np.int64),
            row_by_code=number[np.argsort(bit * size + number, kind="stable")],
        )

    def spliced(self, fresh: "BitTable", splice: Splice) -> "BitTable":
        """Return the table that `build` would make of the same rows, put together from two."""
        codes = sorted({*self.position, *fresh.position})
        common = {code: number for number, code in enumerate(codes)}
        row = np.concatenate([self.row_by_code, fresh.row_by_code + splice.before])
        bit = np.concatenate([table.codes(common) for table in (self, fresh)])
        number = splice.places().take(row)
        held = number != NOWHERE
        number, bit = number[held], bit[held]
        used = np.bincount(bit, minlength=len(codes)) > 0
        position = {code: at for at, code in enumerate(code for code, kept in zip(codes, used, strict=True) if kept)}
        return self._of_entries(position, number, (np.cumsum(used) - 1).take(bit), len(splice.source))

    def codes(self, numbers: Mapping[str, int]) -> Ints:
        """Return the code of each entry of `row_by_code`, by other numbers."""
        renumbered = np.array([numbers[code] for code in self.position], dtype=np.int64)
        return renumbered.repeat(np.diff(self.start))

    def holders(self, code: str) -> Ints:
        """Return the rows that hold the code, ascending."""
        number = self.position.get(code)
        return self.row_by_code[:0] if number is None else self.row_by_code[self.start[number] : self.start[number + 1]]

    def has(self, code: str, rows: Ints | None = None) -> Bools:
        """Tell for each row (or each of the rows given) whether it holds the code."""
        if rows is None:
            return self._listed((code,))
        number = self.position.get(code)
        if number is None:
            return np.zeros(len(rows), dtype=np.bool_)
        held: Bools = (self.words[:, number // WORD].take(rows) & np.uint64(1 << (number % WORD))) != 0
        return held

    def has_any(self, codes: Iterable[str], rows: Ints | None = None) -> Bools:
        """Tell for each row whether it holds one of the codes."""
        if rows is None:
            return self._listed(codes)
        wanted = np.zeros(self.words.shape[1], dtype=np.uint64)
        for code in codes:
            number = self.position.get(code)
            if number is not None:
                wanted[number // WORD] |= np.uint64(1 << (number % WORD))
        held: Bools = ((self.words[rows] & wanted) != 0).any(axis=1)
        return held

    def filled(self, rows: Ints | None = None) -> Bools:
        """Tell for each row whether it holds any code at all."""
        words = self.words if rows is None else self.words[rows]
        held: Bools = np.any(words != 0, axis=1)
        return held

    def count(self, codes: Set[str], rows: Ints | None = None) -> Ints:
        """Count for each row how many of the codes it holds."""
        total = np.zeros(len(self.words) if rows is None else len(rows), dtype=np.int64)
        for code in sorted(codes):
            total += self.has(code, rows)
        return total

    def _listed(self, codes: Iterable[str]) -> Bools:
        held = np.zeros(len(self.words), dtype=np.bool_)
        for code in codes:
            held[self.holders(code)] = True
        return held


def mask_of(held: Bools) -> Mask:
    """Pack a truth value for each row into a mask."""
    return np.packbits(held)


def masks_by_code(start: Ints, rows: Ints, size: int) -> NDArray[np.uint8]:
    """Return the mask of the rows, of `size`, that hold each code, one below the other; code n has `rows[start[n]:start[n + 1]]`."""
    masks = np.zeros((len(start) - 1, -(-size // 8)), dtype=np.uint8)
    for number in range(len(masks)):
        held = np.zeros(size, dtype=np.bool_)
        held[rows[start[number] : start[number + 1]]] = True
        masks[number] = mask_of(held)
    return masks


def rows_outside(failed: Mask, size: int) -> Ints:
    """Return the rows, of `size`, whose bit is not set, ascending."""
    holding = (failed != ALL_SET).nonzero()[0]  # few bytes of many; only these are taken apart
    byte, bit = np.unpackbits(~failed.take(holding)).reshape(-1, 8).nonzero()
    rows: Ints = holding.take(byte) * 8 + bit
    return rows if size % 8 == 0 else rows[: np.searchsorted(rows, size)]


def in_more_than(most: int, masks: Iterable[Mask], size: int) -> Mask:
    """Return the rows set in more than `most` of the masks.

    Bit-sliced counting: plane n holds the rows set in more than n of the masks seen so far.
    """
    planes = [np.zeros(-(-size // 8), dtype=np.uint8) for _ in range(most + 1)]
    for mask in masks:
        for number in range(most, 0, -1):
            planes[number] |= planes[number - 1] & mask
        planes[0] |= mask
    return planes[most]
