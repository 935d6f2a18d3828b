"""Which terms are said in which row and how often, before anything is weighed; put together anew without reading a text."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import Bools, Ints
from matching.engine.splicing import Splice
from matching.engine.text.terms import Terms


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries (row, term, times), row by row; `term` counts positions in `names`."""

    names: tuple[str, ...]
    start: Ints  # rows + 1
    term: Ints
    times: Ints
    present: Bools  # rows that there is anything known of

    @classmethod
    def nothing(cls, rows: int) -> "Entries":
        """Return rows of which nothing is known."""
        none = np.zeros(0, dtype=np.int64)
        return cls((), np.zeros(rows + 1, dtype=np.int64), none, none, np.zeros(rows, dtype=np.bool_))

    @classmethod
    def of(cls, terms: Terms, times: Ints | NDArray[np.int32]) -> "Entries":
        """Return the entries that weighed terms were made of."""
        return cls(tuple(terms.position), terms.start, terms.term, times.astype(np.int64), terms.present)

    def terms(self, part: Ints) -> Terms:
        """Return the terms with what each entry weighs."""
        return Terms.build(self.names, np.diff(self.start), self.term, part, self.present)

    def spliced(self, fresh: "Entries", splice: Splice) -> "Entries":
        """Put the rows of two together; a name may be left that stands nowhere any more."""
        names = tuple(dict.fromkeys([*self.names, *fresh.names]))
        position = {name: number for number, name in enumerate(names)}
        renumbered = np.array([position[name] for name in fresh.names], dtype=np.int64)
        entries, start = splice.runs(self.start, fresh.start)
        return Entries(
            names,
            start,
            entries.column(self.term, renumbered.take(fresh.term)),
            entries.column(self.times, fresh.times),
            splice.column(self.present, fresh.present),
        )

    def by_appearance(self) -> "Entries":
        """Number the names in the order in which they are said for the first time; leave out those that are not said."""
        first = np.full(len(self.names), len(self.term), dtype=np.int64)
        np.minimum.at(first, self.term, np.arange(len(self.term)))
        return self._renumbered(np.argsort(first, kind="stable")[: np.count_nonzero(first < len(self.term))].tolist())

    def by_name(self) -> "Entries":
        """Number the names in their order; leave out those that are not said."""
        said = np.bincount(self.term, minlength=len(self.names)).nonzero()[0].tolist()
        return self._renumbered(sorted(said, key=self.names.__getitem__))

    def _renumbered(self, order: Sequence[int]) -> "Entries":
        number = np.zeros(len(self.names), dtype=np.int64)
        number[list(order)] = np.arange(len(order))
        return replace(self, names=tuple(self.names[old] for old in order), term=number.take(self.term))
