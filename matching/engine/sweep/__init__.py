"""Every slot of every offer scored for one line, whether it could serve it or not.

What differs between two slots is numbered once for each catalogue (`numbering`). A question values one row of each
number by the functions of `criteria` (`tables`), and the sweep adds up what the numbers of each slot are worth.
"""

from datetime import date

import numpy as np

from matching.engine.catalogue import Catalogue
from matching.engine.policy import Policy
from matching.engine.rates import Rates
from matching.engine.sweep.numbering import Scores, Standing, numbers_of, standing_of
from matching.engine.sweep.tables import Asking, Worth, by_cost, by_offer, by_slot
from matching.engine.types import Need, NeedLine

__all__ = ["Scores", "bytes_of", "score_everything"]

BLOCK = 16_384  # slots at a time, so that what is added up stays in the cache


def score_everything(
    need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates
) -> Scores:
    """Return the score 0..10^6 of every slot by all criteria; hard constraints on offers are not asked about."""
    numbers = numbers_of(catalogue)
    standing = standing_of(catalogue, policy)
    asking = Asking(need, line, catalogue, policy, as_of.toordinal(), rates, numbers)
    return _swept(by_offer(asking, standing), by_slot(asking), by_cost(asking), catalogue, standing)


def _swept(offers: Scores, slots: list[Worth], cost: Worth, catalogue: Catalogue, standing: Standing) -> Scores:
    total = np.empty(len(catalogue.slots.offer), dtype=np.int32)
    share = np.empty(BLOCK, dtype=np.int32)
    number = np.empty(BLOCK, dtype=np.int64)
    every = [*slots, cost]
    parts = [part for part in every if not part.same_for_all]
    offers += sum(int(part.table[0]) for part in every if part.same_for_all)
    for begin in range(0, len(total), BLOCK):
        block = slice(begin, begin + BLOCK)
        sums = total[block]
        offers.take(catalogue.slots.offer[block], out=sums, mode="clip")
        np.add(sums, standing.slots[block], out=sums)
        for part in parts:
            part.add_to(sums, block, share[: len(sums)], number[: len(sums)])
    return total


def bytes_of(catalogue: Catalogue, policy: Policy) -> int:
    """Return the bytes of the columns that a sweep reads from one end to the other, each once, and of the scores written.

    Left out, though read: the tables made for a question, the lists of rows by code or word, and the places of
    delivery, which only a wish for a place asks about.
    """
    numbers, standing = numbers_of(catalogue), standing_of(catalogue, policy)
    wide = (
        *(numbers.themes.of, numbers.coverage, numbers.profile.of),
        *(catalogue.slots.offer, numbers.languages.of, numbers.schedule.of, numbers.room.of, numbers.slot_price),
    )
    written = standing.slots.nbytes
    return sum(column.nbytes for column in wide) + standing.offers.nbytes + standing.slots.nbytes + written
