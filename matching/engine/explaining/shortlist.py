"""The best offers for one line, their reasons as columns; a candidate is written out in full when it is looked at.

The reasons are all there from the beginning: what each criterion gives each offer, whether that rests on evidence, and the
delivery on which it stands, which has passed every hard constraint. Only the wording waits.
"""

from collections.abc import Sequence
from itertools import islice
from typing import overload

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
        self._scored, self._positions = scored, _best(scored, limit)
        found = scored.found.offer.take(self._positions).tolist()
        self.offers: tuple[str, ...] = tuple(scored.catalogue.offers[row].id for row in found)
        self.scores: list[int] = scored.score.take(self._positions).tolist()
        self.values: Ints = scored.values.value.take(self._positions, axis=0)
        self.known: Bools = scored.values.known.take(self._positions, axis=0)
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
        return candidate(Pair(self._scored, self._positions[place]), place + 1)


def _best(scored: Scored, limit: int) -> list[int]:
    """Return the best position of each of the best offers."""
    offers = scored.found.offer.take(scored.order).tolist()
    first: dict[int, int] = {}
    for offer, position in zip(offers, scored.order.tolist(), strict=True):
        if offer not in first:
            first[offer] = position
            if len(first) == limit:
                break
    return list(islice(first.values(), limit))
