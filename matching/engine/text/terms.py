"""Which terms stand in which row, with a weight: a sparse matrix of whole numbers, readable by row and by term."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import Bools, Ints
from matching.engine.sheet import Sheet, narrow
from matching.engine.splicing import joined, starts

FEW = 4  # rows are read one by one when at most every fourth is asked for, else term by term
NO_CAP = np.iinfo(np.int64).max


def runs(start: Ints, chosen: Ints) -> Ints:
    """Return the positions of the chosen runs, one run after the other; run n lies at `start[n]` to `start[n + 1]`."""
    first = start.take(chosen)
    counts = start.take(chosen + 1) - first
    return joined(first, counts, starts(counts))


@dataclass(frozen=True, slots=True)
class Terms:
    """Entries (row, term, part), sorted by row in `term` and `part`, and by term in `row_by_term` and `part_by_term`."""

    position: Mapping[str, int]  # term -> number
    start: Ints  # rows + 1
    term: Ints
    part: Ints
    term_start: Ints  # terms + 1
    row_by_term: Ints
    part_by_term: NDArray[np.int32] | Ints
    top: Ints  # largest part of each term
    present: Bools
    entries: Sheet = field(repr=False)  # term and part once more, side by side

    @classmethod
    def build(
        cls,
        names: Sequence[str],
        counts: Sequence[int] | Ints,
        term: Sequence[int] | Ints,
        part: Sequence[int] | Ints,
        present: Bools | None = None,
    ) -> "Terms":
        """Build the matrix from its rows, given one after the other with the number of entries of each.

        `term` counts positions in `names`; each stands somewhere. `present` says which rows there is anything known
        of (else: those with entries).
        """
        terms, parts = np.asarray(term, dtype=np.int64), np.asarray(part, dtype=np.int64)
        filled = np.asarray(counts, dtype=np.int64)
        by_term = np.argsort(terms, kind="stable")
        term_start = np.cumsum([0, *np.bincount(terms, minlength=len(names))], dtype=np.int64)
        return cls(
            position={name: number for number, name in enumerate(names)},
            start=np.cumsum([0, *filled], dtype=np.int64),
            term=terms,
            part=parts,
            term_start=term_start,
            row_by_term=np.repeat(np.arange(len(filled)), filled)[by_term],
            part_by_term=narrow(parts[by_term]),
            top=np.maximum.reduceat(parts[by_term], term_start[:-1]) if len(names) else terms,
            present=filled > 0 if present is None else present,
            entries=Sheet.of([terms, parts]),
        )

    def given(self, rows: Ints | None = None) -> Bools:
        """Tell which rows (or which of the rows given) there is anything known of."""
        return self.present if rows is None else self.present[rows]

    def ask(self, caps: Mapping[str, int]) -> "Asked":
        """Return a question for `total`: which terms count, and up to which part each."""
        known = {self.position[name]: cap for name, cap in caps.items() if name in self.position}
        numbers = np.fromiter(known, dtype=np.int64, count=len(known))
        cap = np.zeros(len(self.top), dtype=np.int64)
        cap[numbers] = np.fromiter(known.values(), dtype=np.int64, count=len(known))
        return Asked(known, cap, sum(self.top.take(numbers).tolist()))

    def total(self, asked: "Asked", rows: Ints | None = None) -> Ints:
        """Sum the parts of the terms asked for in each row (or each of the rows given), no part counting above its cap."""
        size = len(self.start) - 1
        if rows is not None and len(rows) * FEW <= size:
            return self._row_by_row(asked.cap, rows)
        parts = self.part_by_term
        total = np.zeros(size, dtype=parts.dtype if asked.most <= np.iinfo(parts.dtype).max else np.int64)
        for number, cap in asked.known.items():
            own = slice(self.term_start[number], self.term_start[number + 1])
            part = parts[own]
            np.add.at(total, self.row_by_term[own], part if cap >= self.top[number] else np.minimum(part, cap))
        return (total if rows is None else total[rows]).astype(np.int64)

    def total_of(self, asked: "Asked", row: int) -> int:
        """Return the total of one row."""
        own = slice(int(self.start[row]), int(self.start[row + 1]))
        known = asked.known  # a row has few terms: NumPy would take longer to begin than this takes
        terms = zip(self.term[own].tolist(), self.part[own].tolist(), strict=True)
        return sum(min(part, known[term]) for term, part in terms if term in known)

    def _row_by_row(self, cap: Ints, rows: Ints) -> Ints:
        first = self.start.take(rows)
        counts = self.start.take(rows + 1) - first
        begins = starts(counts)
        places = joined(first, counts, begins)
        term, part = self.entries.take(places)
        np.minimum(part, cap.take(term), out=part)
        sums = np.zeros(len(places) + 1, dtype=np.int64)
        part.cumsum(out=sums[1:])
        total: Ints = sums.take(begins + counts) - sums.take(begins)
        return total


@dataclass(frozen=True, slots=True)
class Asked:
    """The terms that count in a question: cap by number, and the same as a column over all terms."""

    known: Mapping[int, int]
    cap: Ints
    most: int  # sum of the largest parts of these terms
