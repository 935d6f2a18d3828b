"""Scores of many lines at once, kept sparse: what each line could be given, and nothing for what it could not.

A pair is a line at a slot of an offer that fails no hard constraint. Lines stand alone here: a group that only several
lines of one request would fill together is no pair, because a plan may serve one of them and not the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.engine.catalogue import Catalogue, Ints, SlotKind
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates
from matching.engine.scoring import Scored, score_line, tie_hash
from matching.engine.screening.narrowing import screen_able
from matching.engine.screening.pricing import cost_in
from matching.engine.types import Need


@dataclass(frozen=True, slots=True)
class SparseScores:
    """Compressed sparse rows: pairs `start[n]` to `start[n + 1]` belong to `lines[n]`, in the order of its ranking.

    Offers come best first, all slots of an offer together, its best slot first. Needs are sorted by id, so the order in
    which they are given changes nothing.
    """

    lines: tuple[tuple[str, int], ...]  # (need id, line number)
    start: Ints  # lines + 1
    offer: Ints  # row in `catalogue.offers`
    slot: Ints  # row in `catalogue.slots.slots`
    score: Ints  # 0..10^6, the score `rank` gives
    seats: Ints  # participants planned
    deliveries: Ints
    uses: Ints  # of the slot's `free`: seats of a session, trainer days or deliveries of a window, else 0
    cost: Ints  # cents in the currency of the need, -1: not known
    policy_cost: Ints  # cents in the currency of the policy, -1: not known
    begins: Ints  # ordinal day
    ends: Ints  # ordinal day
    tie: Ints  # 60 bits, see `tie_hash`

    def of_line(self, number: int) -> slice:
        """Return where the pairs of a line lie."""
        return slice(int(self.start[number]), int(self.start[number + 1]))


def score_matrix(
    needs: Sequence[Need],
    catalogue: Catalogue,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    top: int | None = None,
) -> SparseScores:
    """Score every line of every need against the whole catalogue.

    `top` keeps for each line so many of its best offers, each with all of its slots that can serve it.
    Raises EngineError(unknown_concept, unknown_country, unknown_region).
    """
    lines: list[tuple[str, int]] = []
    blocks: list[Ints] = []
    for need in sorted(needs, key=lambda entry: entry.id):
        for line in need.lines:
            found = screen_able(need, line, catalogue, policy, as_of=as_of, rates=rates)
            scored = score_line(need, line, catalogue, policy, found)
            lines.append((need.id, line.number))
            blocks.append(_block(need, scored, catalogue, policy, rates, top))
    counts = np.array([0, *(block.shape[1] for block in blocks)], dtype=np.int64)
    columns = np.concatenate([np.zeros((11, 0), dtype=np.int64), *blocks], axis=1)
    return SparseScores(tuple(lines), np.cumsum(counts), *columns)


def _block(need: Need, scored: Scored, catalogue: Catalogue, policy: Policy, rates: Rates, top: int | None) -> Ints:
    """Return the pairs of one line: a row for each column of SparseScores from `offer` on."""
    offers = list(scored.by_offer)[:top]
    chosen = np.array([position for offer in offers for position in scored.by_offer[offer]], dtype=np.int64)
    found, slots = scored.found, catalogue.slots
    offer, row = found.offer[chosen], found.rows[chosen]
    seats, deliveries = found.seats[chosen], found.deliveries[chosen]
    counted = slots.kind[row] == SlotKind.SESSION
    limited = slots.kind[row] == SlotKind.CAPACITY
    ties = {number: tie_hash(policy, need, catalogue.offers[number].id) for number in offers}
    return np.stack(
        [
            offer,
            row,
            scored.score[chosen],
            seats,
            deliveries,
            np.where(counted, seats, np.where(limited, deliveries * slots.per_delivery[row], 0)),
            found.cost[chosen],
            cost_in(policy.currency, catalogue, rates, offer, seats, deliveries),
            found.start[chosen],
            found.end[chosen],
            np.array([ties[int(number)] for number in offer], dtype=np.int64),
        ]
    )
