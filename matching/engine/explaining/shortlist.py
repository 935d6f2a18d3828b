"""The best offers for one line, their reasons as columns; a candidate is written out in full when it is looked at.

The reasons are all there from the beginning: what each criterion gives each offer, whether that rests on evidence, and the
delivery on which it stands, which has passed every hard constraint. Only the wording waits.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np

from matching.engine.catalogue import Bools, Ints
from matching.engine.explaining.explanation import Pair, candidate
from matching.engine.results import CandidateResult
from matching.engine.scoring import Scored
from matching.engine.scoring.criteria import weights_of


class Shortlist(Sequence[CandidateResult]):
    """Up to `limit` offers, best first. Shapes: `scores` [offers]; `values`, `contributions`, `known` [offers, criteria].

    Values are permille; contributions, weight times value, add up to the score, 0 to 10^6.
    """

    __slots__ = ("_positions", "_scored", "contributions", "known", "offers", "scores", "values")

    def __init__(self, scored: Scored, limit: int) -> None:
        best = _best(scored, limit)
        catalogue, at = scored.catalogue, np.array(list(best.values()), dtype=np.int64)
        self._scored, self._positions = scored, at
        self.offers: tuple[str, ...] = tuple([catalogue.offers[row].id for row in best])
        self.scores: list[int] = scored.score.take(at).tolist()
        self.values: Ints = scored.values.value[at]
        self.known: Bools = scored.values.known[at]
        self.contributions: Ints = self.values * weights_of(scored.policy)

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, number: int) -> CandidateResult: ...

    @overload
    def __getitem__(self, number: slice) -> tuple[CandidateResult, ...]: ...

    def __getitem__(self, number: int | slice) -> CandidateResult | tuple[CandidateResult, ...]:
        """Write out one candidate, or several, with every sentence. Raises IndexError."""
        if isinstance(number, slice):
            return tuple(self[one] for one in range(*number.indices(len(self))))
        place = range(len(self))[number]
        return candidate(Pair(self._scored, int(self._positions[place])), place + 1)


def _best(scored: Scored, limit: int) -> dict[int, int]:
    """Return of the best offers (rows), best first, the best position of each."""
    offers = scored.found.offer.take(scored.order).tolist()
    first: dict[int, int] = {}
    for offer, position in zip(offers, scored.order.tolist(), strict=True):
        if offer not in first:
            if len(first) == limit:
                break
            first[offer] = position
    return first
