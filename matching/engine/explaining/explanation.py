"""A candidate with its reasons: for each criterion what was found and what it contributes, and flags for a person."""

from datetime import date
from itertools import compress
from operator import mul

from matching.engine.catalogue import UNKNOWN, Slot, SlotKind, trainer_days
from matching.engine.explaining.reasons import KIND_CODES, REASONS, written
from matching.engine.policy import CRITERIA, Criterion
from matching.engine.reference.rates import to_amount
from matching.engine.results import CandidateResult, CriterionResult, SlotChoice
from matching.engine.scoring import Scored, tie_digits
from matching.engine.scoring.asked import Asked
from matching.engine.types import Need, NeedLine, Offer

PLACE_OF = {criterion: number for number, criterion in enumerate(CRITERIA)}


class Pair:
    """One offer at one slot for one line, with the figures planned; what all reasons are written from."""

    __slots__ = (
        *("asked", "need", "line", "catalogue", "policy", "offer_row", "offer", "slot", "start", "end", "seats"),
        *("deliveries", "cost", "slack", "notice", "native", "shortened", "reduced", "values", "known"),
    )

    def __init__(self, scored: Scored, position: int) -> None:
        found, asked = scored.found, scored.asked
        self.asked: Asked = asked
        self.need: Need = asked.need
        self.line: NeedLine = asked.line
        self.catalogue, self.policy = asked.catalogue, asked.policy
        self.offer_row: int = found.offer.item(position)
        self.offer: Offer = asked.catalogue.offers[self.offer_row]
        self.slot: Slot = asked.catalogue.slots.slots[found.rows.item(position)]
        self.start = date.fromordinal(found.start.item(position))
        self.end = date.fromordinal(found.end.item(position))
        self.seats: int = found.seats.item(position)
        self.deliveries: int = found.deliveries.item(position)
        self.cost: int = found.cost.item(position)
        self.slack: int = found.slack.item(position)
        self.notice: int = found.notice.item(position)
        self.native: bool = found.native.item(position)
        self.shortened: bool = found.shortened.item(position)
        self.reduced: bool = found.reduced.item(position)
        self.values: list[int] = scored.values.value[position].tolist()
        self.known: list[bool] = scored.values.known[position].tolist()

    @property
    def currency(self) -> str:
        """Return the currency of the estimate."""
        return self.asked.currency

    @property
    def is_vague(self) -> bool:
        """Tell whether this is a session that is not dated to the day."""
        return self.slot.kind is SlotKind.SESSION and not self.slot.precise

    @property
    def level_differs(self) -> bool:
        """Tell whether the offer has another level than the one asked."""
        wanted, offered = self.line.level, self.offer.level
        return wanted is not None and offered is not None and offered != wanted

    def value(self, criterion: Criterion) -> int:
        """Return the value of a criterion."""
        return self.values[PLACE_OF[criterion]]

    def is_known(self, criterion: Criterion) -> bool:
        """Tell whether the value rests on evidence."""
        return self.known[PLACE_OF[criterion]]


def breakdown(pair: Pair) -> tuple[CriterionResult, ...]:
    """Return one entry for each criterion; contributions add up to the score."""
    facts = [reason.facts(pair) for reason in REASONS]
    return tuple(map(written, range(len(REASONS)), pair.asked.weights, pair.values, pair.known, facts))


def score(pair: Pair) -> int:
    """Return the score of the figures planned."""
    return sum(map(mul, pair.asked.weights, pair.values))


def evidence_share(pair: Pair) -> int:
    """Return the permille of the weights whose values rest on evidence."""
    return sum(compress(pair.asked.weights, pair.known))


FLAGS = (
    "adapt_audience",
    "adapt_length",
    "adapt_level",
    "adaptation_needed",
    "capacity_unknown",
    "cost_unknown",
    "dates_imprecise",
    "fewer_than_wished",
    "funding_to_be_found",
    "interpretation_needed",
    "joint_delivery_needed",
    "newcomer",
    "over_ceiling",
    "reduced_to_budget",
    "requester_is_partner",
)


def flags(pair: Pair) -> tuple[str, ...]:
    """Return what a person should notice about the pair, as sorted codes."""
    asked, offer, seats = pair.asked, pair.offer, pair.seats
    other_audience = pair.line.audience not in offer.audiences
    other_level = offer.customisable and pair.level_differs
    raised = (
        other_audience,
        pair.shortened,
        other_level,
        other_audience or pair.shortened or other_level,
        pair.slot.kind is SlotKind.ON_REQUEST,
        pair.cost == UNKNOWN,
        pair.is_vague,
        seats < pair.line.maximum,
        not asked.funded,
        not pair.native,
        seats < pair.slot.group_min,
        offer.record.deliveries == 0,
        asked.ceiling is not None and pair.cost > asked.ceiling,
        pair.reduced,
        offer.provider in asked.requesters or not asked.requesters.isdisjoint(offer.organizations),
    )
    return tuple(compress(FLAGS, raised))


def slot_choice(pair: Pair) -> SlotChoice:
    """Return the delivery of a pair."""
    return SlotChoice(
        kind=KIND_CODES[pair.slot.kind],
        code=pair.slot.code or None,
        start=pair.start,
        end=pair.end,
        precision="vague" if pair.is_vague else "exact",
        seats=pair.seats,
        deliveries=pair.deliveries,
        trainer_days=trainer_days(pair.offer.hours) * pair.deliveries,
    )


def candidate(pair: Pair, rank: int) -> CandidateResult:
    """Return a candidate with all its reasons."""
    return CandidateResult(
        offer=pair.offer.id,
        provider=pair.offer.provider,
        line=pair.line.number,
        rank=rank,
        slot=slot_choice(pair),
        score=score(pair),
        breakdown=breakdown(pair),
        evidence=evidence_share(pair),
        flags=flags(pair),
        cost=None if pair.cost == UNKNOWN else to_amount(pair.cost),
        currency=pair.currency,
        tie_hash=tie_digits(pair.policy, pair.need, pair.offer.id),
    )
