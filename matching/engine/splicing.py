"""A table put together anew: rows of the one before, in another order and without some, and rows that are new among them.

A catalogue of a hundred thousand offers of which one changed is made of the columns that are there, copied in one go, instead
of being reckoned offer by offer.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Scalar = TypeVar("Scalar", bound=np.generic)

NOWHERE = -1


def starts(counts: Ints) -> Ints:
    """Return where each of several runs of the given lengths begins when they lie one after the other."""
    begins: Ints = counts.cumsum() - counts
    return begins


def joined(first: Ints, counts: Ints, begins: Ints) -> Ints:
    """Return the positions of runs that begin at `first`, one run after the other; `begins` are the `starts` of `counts`."""
    positions: Ints = (first - begins).repeat(counts)
    positions += np.arange(len(positions))
    return positions


@dataclass(frozen=True, slots=True)
class Splice:
    """Where the rows of a table come from: `source` counts the rows of the table before, and then on through those that are new."""

    source: Ints
    before: int  # rows of the table before
    fresh: int  # rows that are new

    def column(self, before: NDArray[Scalar], fresh: NDArray[Scalar]) -> NDArray[Scalar]:
        """Put one column together."""
        return np.concatenate([before, fresh]).take(self.source)

    def places(self) -> Ints:
        """Return where each row, of the table before and then of the new ones, has come to stand; NOWHERE if it has not."""
        places = np.full(self.before + self.fresh, NOWHERE, dtype=np.int64)
        places[self.source] = np.arange(len(self.source))
        return places

    def runs(self, before: Ints, fresh: Ints) -> tuple["Splice", Ints]:
        """Return how the entries of the rows are put together, and where those of each row begin.

        `before` and `fresh` say where the entries of each row begin and, last, where they end.
        """
        first = np.concatenate([before[:-1], fresh[:-1] + before[-1]])
        counts = np.concatenate([np.diff(before), np.diff(fresh)]).take(self.source)
        begins = starts(counts)
        entries = joined(first.take(self.source), counts, begins)
        return Splice(entries, int(before[-1]), int(fresh[-1])), np.append(begins, len(entries))
