"""Sets of codes for many offers at once: one bit a code, one row an offer."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD = 64


@dataclass(frozen=True, slots=True)
class BitTable:
    """A matrix of rows x words; the vocabulary is sorted, so the same sets give the same bytes."""

    position: dict[str, int]
    words: NDArray[np.uint64]

    @classmethod
    def build(cls, rows: Sequence[Set[str]]) -> "BitTable":
        """Build the table of the given sets, one row each."""
        vocabulary = sorted({code for row in rows for code in row})
        position = {code: number for number, code in enumerate(vocabulary)}
        words = np.zeros((len(rows), max(1, -(-len(vocabulary) // WORD))), dtype=np.uint64)
        for number, row in enumerate(rows):
            for code in row:
                words[number, position[code] // WORD] |= np.uint64(1 << (position[code] % WORD))
        return cls(position=position, words=words)

    def has(self, code: str) -> NDArray[np.bool_]:
        """Tell for each row whether it holds the code."""
        number = self.position.get(code)
        if number is None:
            return np.zeros(len(self.words), dtype=np.bool_)
        bit = np.uint64(1 << (number % WORD))
        held: NDArray[np.bool_] = (self.words[:, number // WORD] & bit) != 0
        return held

    def has_any(self, codes: Set[str]) -> NDArray[np.bool_]:
        """Tell for each row whether it holds one of the codes."""
        mask = np.zeros(self.words.shape[1], dtype=np.uint64)
        for code in codes:
            number = self.position.get(code)
            if number is not None:
                mask[number // WORD] |= np.uint64(1 << (number % WORD))
        held: NDArray[np.bool_] = np.any(self.words & mask, axis=1)
        return held

    def filled(self) -> NDArray[np.bool_]:
        """Tell for each row whether it holds any code at all."""
        held: NDArray[np.bool_] = np.any(self.words != 0, axis=1)
        return held

    def count(self, codes: Set[str]) -> NDArray[np.int64]:
        """Count for each row how many of the codes it holds."""
        total = np.zeros(len(self.words), dtype=np.int64)
        for code in sorted(codes):
            total += self.has(code)
        return total
