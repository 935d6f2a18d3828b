"""From screened slots to a total order: the best slot of each eligible offer, best offer first.

Order, documented and total: score (high first), earlier start, lower load, then a hash of (policy, request, offer),
so that no provider is favoured by its name or by the order in which rows happen to lie.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from matching.engine.catalogue import Catalogue, Ints
from matching.engine.policy import CRITERIA, VALUE_TOP, Criterion, Policy
from matching.engine.scoring.asked import Asked
from matching.engine.scoring.criteria import Values, evaluate
from matching.engine.screening.slots import Screen
from matching.engine.types import Need, NeedLine

LOAD = CRITERIA.index(Criterion.LOAD)


@dataclass(frozen=True, slots=True)
class Scored:
    """The slots that can serve a line. Positions (not slot numbers) run through `found`, `values` and `score`.

    `best` lists one position for each eligible offer, in the order of the ranking; `by_offer` all positions of an
    offer, best first.
    """

    asked: Asked
    found: Screen
    values: Values
    score: Ints
    best: tuple[int, ...]
    by_offer: dict[int, tuple[int, ...]]

    @property
    def line(self) -> NeedLine:
        """Return the line."""
        return self.asked.line


def tie_digits(policy: Policy, need: Need, offer_id: str) -> str:
    """Return 60 bits of SHA-256 over policy version, request and offer, as hexadecimal digits."""
    return sha256(f"{policy.version}\n{need.id}\n{offer_id}".encode()).hexdigest()[:15]


def tie_hash(policy: Policy, need: Need, offer_id: str) -> int:
    """Return the same as a number."""
    return int(tie_digits(policy, need, offer_id), 16)


def take(found: Screen, positions: Ints) -> Screen:
    """Return the screen of some positions only."""
    return Screen(*[getattr(found, name).take(positions) for name in Screen.__slots__])


def _order(need: Need, catalogue: Catalogue, policy: Policy, found: Screen, score: Ints, used: Ints) -> Ints:
    """Return the positions, best first. Only where all else is equal a hash is asked for: it costs most."""
    order = np.lexsort((found.rows, used, found.start, -score))
    same = np.zeros(len(order), dtype=np.bool_)
    for column in (score, found.start, used):
        same |= np.diff(column[order], prepend=column[order[:1]] - 1) != 0
    alike = ~same
    alike[:-1] |= ~same[1:]
    if not alike.any():
        return order
    ties = np.zeros(len(order), dtype=np.int64)
    tied = order[alike]
    ties[tied] = [tie_hash(policy, need, catalogue.offers[row].id) for row in found.offer[tied].tolist()]
    return np.lexsort((found.rows, ties, used, found.start, -score))


def score_line(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, whole: Screen) -> Scored:
    """Score every slot that fails nothing and order the offers."""
    found = take(whole, np.flatnonzero(whole.bits == 0))
    values = evaluate(need, line, catalogue, policy, found)
    score = values.scores(policy)
    order = _order(need, catalogue, policy, found, score, VALUE_TOP - values.value[:, LOAD])
    by_offer: dict[int, list[int]] = {}
    for position, offer in zip(order.tolist(), found.offer[order].tolist(), strict=True):
        by_offer.setdefault(offer, []).append(position)
    return Scored(
        asked=Asked.of(need, line, catalogue, policy),
        found=found,
        values=values,
        score=score,
        best=tuple(positions[0] for positions in by_offer.values()),
        by_offer={offer: tuple(positions) for offer, positions in by_offer.items()},
    )
