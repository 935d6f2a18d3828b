"""From screened slots to a total order: the best slot of each eligible offer, best offer first.

Order, documented and total: score (high first), earlier start, lower load, then a hash of (policy, request, offer),
so that no provider is favoured by its name or by the order in which rows happen to lie.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import numpy as np

from matching.engine.catalogue import Catalogue, Ints
from matching.engine.policy import CRITERIA, SCORE_TOP, VALUE_TOP, Criterion, Policy
from matching.engine.scoring.asked import Asked
from matching.engine.scoring.criteria import Values, evaluate
from matching.engine.screening.slots import Screen
from matching.engine.types import Need, NeedLine

LOAD = CRITERIA.index(Criterion.LOAD)
DAY_BITS, LOAD_BITS = 22, 10  # of the key by which slots are ordered: ordinal days and permille fit


@dataclass(frozen=True)
class Scored:
    """The slots that can serve a line. Positions (not slot numbers) run through `found`, `values` and `score`.

    `order` gives positions best first.
    """

    need: Need
    line: NeedLine
    catalogue: Catalogue
    policy: Policy
    found: Screen
    values: Values
    score: Ints
    order: Ints

    @cached_property
    def by_offer(self) -> dict[int, tuple[int, ...]]:
        """Return all positions of each eligible offer, the best offer and its best position first."""
        by_offer: dict[int, list[int]] = {}
        for position, offer in zip(self.order.tolist(), self.found.offer[self.order].tolist(), strict=True):
            by_offer.setdefault(offer, []).append(position)
        return {offer: tuple(positions) for offer, positions in by_offer.items()}

    @cached_property
    def best(self) -> tuple[int, ...]:
        """Return one position for each eligible offer, in the order of the ranking."""
        return tuple(positions[0] for positions in self.by_offer.values())

    @cached_property
    def asked(self) -> Asked:
        """Return what all reasons read of need, line and policy."""
        return Asked.of(self.need, self.line, self.catalogue, self.policy)


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
    key = ((SCORE_TOP - score << DAY_BITS) + found.start << LOAD_BITS) + used
    order: Ints = key.argsort(kind="stable")  # rows ascend, so that slots alike in all lie in their order
    ranked = key.take(order)
    alike = (ranked[1:] == ranked[:-1]).nonzero()[0]  # each with the next
    if not len(alike):
        return order
    ties = np.zeros(len(order), dtype=np.int64)
    tied = order.take(np.concatenate((alike, alike + 1)))
    ties[tied] = [tie_hash(policy, need, catalogue.offers[row].id) for row in found.offer[tied].tolist()]
    return np.lexsort((ties, key))


def score_line(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, whole: Screen) -> Scored:
    """Score every slot that fails nothing and order the offers."""
    found = take(whole, (whole.bits == 0).nonzero()[0])
    values = evaluate(need, line, catalogue, policy, found)
    score = values.scores(policy)
    order = _order(need, catalogue, policy, found, score, VALUE_TOP - values.value[:, LOAD])
    return Scored(need, line, catalogue, policy, found, values, score, order)
