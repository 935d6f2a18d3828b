"""Figures of many rows that are asked for few at a time: one row beside the other, all figures of a row together.

Kept column by column, twenty figures of two hundred rows lie in four thousand places of memory, and fetching them takes longer
than reckoning with them. In a sheet they lie in two hundred.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import Bools, Ints

NARROW = np.iinfo(np.int32)


def narrow(figures: Ints) -> NDArray[np.int32] | Ints:
    """Return the figures at half the width where all of them fit."""
    fits = not figures.size or (figures.min() >= NARROW.min and figures.max() <= NARROW.max)
    return figures.astype(np.int32) if fits else figures


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows x figures, at half the width where all of them fit."""

    table: NDArray[np.int32] | Ints

    @classmethod
    def of(cls, columns: Sequence[Ints | Bools]) -> "Sheet":
        """Lay columns of one length side by side."""
        return cls(narrow(np.stack([column.astype(np.int64, copy=False) for column in columns], axis=1)))

    def take(self, rows: Ints) -> Ints:
        """Return the figures of some rows as columns again, in the order in which they were laid."""
        return self.table.take(rows, axis=0).T.astype(np.int64, order="C")
