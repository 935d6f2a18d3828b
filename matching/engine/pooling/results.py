"""What pooling answers: groups of lines of different requests that one joint session could serve."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from matching.engine.results import SlotChoice
from matching.engine.sentences import Sentence


@dataclass(frozen=True, slots=True)
class PoolMember:
    """A line in a pool. Costs are in the currency of the pool; `alone` is that of its best candidate, None: not known.

    `served_alone` False: no offering serves the line by itself.
    """

    need: str
    line: int
    participants: int
    served_alone: bool
    alone: Decimal | None
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class PoolOffer:
    """An offering that could give the joint session, in one delivery, as it counts for the joint need."""

    offer: str
    provider: str
    slot: SlotChoice
    participants: int
    score: int
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Lines that belong together. `country` and `region`: where all of them are; both None: anywhere.

    The shares add up to `cost` exactly. `saving`: of the members whose cost alone is known, None where it is known of
    none of them. The window is what all the windows share.
    """

    rank: int
    members: tuple[PoolMember, ...]
    theme: str
    language: str | None
    audience: str
    level: str | None
    country: str | None
    region: str | None
    window_start: date
    window_end: date
    participants: int
    offers: tuple[PoolOffer, ...]  # best first; the figures of the pool are those of the first
    cost: Decimal | None
    saving: Decimal | None
    currency: str
    deliveries_saved: int
    sentences: tuple[Sentence, ...]
