"""Every slot of every offer scored for one line, whether it could serve it or not.

What differs between two slots is numbered once for each catalogue (`numbering`). A question values one row of each
number by the functions of `criteria` (`tables`), and the sweep adds up what the numbers of each slot are worth.
"""

from dataclasses import replace
from datetime import date

import numpy as np

from matching.engine.catalogue import Catalogue
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates
from matching.engine.sweep.numbering import Scores, numbers_of, standing_of
from matching.engine.sweep.tables import Asking, Worth, by_cost, by_coverage, by_offer, by_slot
from matching.engine.types import Need, NeedLine

__all__ = ["Scores", "bytes_of", "score_everything"]


def score_everything(
    need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, *, as_of: date, rates: Rates
) -> Scores:
    """Return the score 0..10^6 of every slot by all criteria; hard constraints on offers are not asked about."""
    standing = standing_of(catalogue, policy)
    asking = Asking(need, line, catalogue, policy, as_of.toordinal(), rates, numbers_of(catalogue))
    offers = Worth(_added(standing.offers + by_coverage(asking), by_offer(asking)), catalogue.slots.offer)
    return _added(standing.slots, [offers, *by_slot(asking), by_cost(asking)])


def _added(standing: Scores, parts: list[Worth]) -> Scores:
    """Add up what rows have by themselves and what each part adds."""
    same = np.int32(sum(int(part.table[0]) for part in parts if part.same_for_all))
    varied = sorted((part for part in parts if not part.same_for_all), key=lambda part: len(part.table))
    if not varied:
        return standing + same
    varied[0] = replace(varied[0], table=varied[0].table + same)
    total, share = np.empty_like(standing), np.empty_like(standing)
    before = standing
    for part in varied:
        part.read(share)
        before = np.add(before, share, out=total)
    return total


def bytes_of(catalogue: Catalogue, policy: Policy) -> int:
    """Return the bytes of the columns that a sweep reads from one end to the other, each once, and of the scores written.

    Left out, though read: the tables made for a question, the lists of rows by code or word, and the places of
    delivery, which only a wish for a place asks about.
    """
    numbers, standing = numbers_of(catalogue), standing_of(catalogue, policy)
    offers = 2 * len(catalogue.offers) * numbers.themes.of.itemsize  # their profiles, and what they cover
    wide = (
        numbers.themes.of,
        *(catalogue.slots.offer, numbers.languages.of, numbers.schedule.of, numbers.room.of, numbers.slot_price),
    )
    written = standing.slots.nbytes
    return sum(column.nbytes for column in wide) + offers + standing.offers.nbytes + standing.slots.nbytes + written
