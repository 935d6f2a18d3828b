"""What providers offer on their own, as the engine weighs it: the offering with the dates, language and price stated.

An offer is held to the hard conditions like everything else: what its provider states takes the place of what the catalogue
says, and nothing else is given up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch, QuerySet

from matching.engine import (
    CRITERIA,
    Catalogue,
    Cost,
    CriterionShare,
    LineRanking,
    Need,
    Offer,
    Policy,
    ProposalPlan,
    Rates,
    SessionSlot,
    build_catalogue,
    plain,
    rank,
)
from matching.lifecycle import SUPERSEDABLE
from matching.models import MatchProposal, PartLine, ProposalPart
from matching.queries.market import Market, offer

REASONS = ("lines", "sentences")  # of a plan, as they are stored with a proposal


@dataclass(frozen=True, slots=True)
class WeighedOffer:
    """What the engine says of an offer: score 0..10^6 with its shares, or per line what stands in its way; or that its lines are gone."""

    score: int = 0
    breakdown: tuple[CriterionShare, ...] = ()
    evidence: int = 0
    flags: tuple[str, ...] = ()
    reasons: Mapping[str, Any] | None = None
    obstacles: tuple[Mapping[str, Any], ...] = ()
    placed: bool = False

    @property
    def is_eligible(self) -> bool:
        """Tell whether it meets every hard condition of every line that it is for."""
        return not self.placed and not self.obstacles


def live_offers(request_id: int) -> QuerySet[MatchProposal]:
    """Give the providers' own offers for a request on which nobody has decided yet, with their parts and lines."""
    lines = Prefetch("lines", PartLine.objects.select_related("line"))
    parts = ProposalPart.objects.select_related("offering", "session").prefetch_related(lines)
    rows = MatchProposal.objects.filter(request_id=request_id, origin="provider", state__in=SUPERSEDABLE)
    return rows.prefetch_related(Prefetch("parts", parts)).order_by("pk")


def weigh_offers(need: Need, request_id: int, market: Market, policy: Policy, *, day: date) -> dict[int, WeighedOffer]:
    """Weigh every open offer for a request by the key of its proposal."""
    found = {}
    for proposal in live_offers(request_id):
        part = proposal.parts.all()[0]
        name = str(part.offering.public_id)
        offered = offer(market.rows[name]) if name in market.rows else None
        found[proposal.pk] = weigh(need, part, offered, market.catalogue, market.rates, policy, day=day)
    return found


def weigh(
    need: Need, part: ProposalPart, offered: Offer | None, around: Catalogue, rates: Rates, policy: Policy, *, day: date
) -> WeighedOffer:
    """Weigh one offer; ``offered`` is the offering as the catalogue has it, None where it is there no longer.

    ``around`` gives themes and places.
    """
    numbers = {share.line.number for share in part.lines.all()}
    lines = tuple(line for line in need.lines if line.number in numbers)
    if not lines:
        return WeighedOffer(placed=True)
    if offered is None:
        return WeighedOffer(obstacles=({"line": lines[0].number, "codes": ["offering_not_published"], "ways": []},))
    asked = replace(need, lines=lines, lead_required=False)  # who leads is a question to the whole team
    alone = build_catalogue([stated(part, offered)], around.scheme, around.places)
    ranking = rank(asked, alone, policy, as_of=day, rates=rates, limit=1)
    plan = next((entry for entry in ranking.proposals if entry.complete), None)
    if plan is None:
        return WeighedOffer(obstacles=tuple(_obstacle(entry) for entry in ranking.lines if not entry.candidates))
    return _of_whole(plan, need, sum(line.maximum for line in lines))


def stated(part: ProposalPart, offered: Offer) -> Offer:
    """Give the offering with what its provider states for this need: price, language, and its own session or dates."""
    changes: dict[str, Any] = {"texts": offered.texts}
    if part.cost_amount is not None:
        changes["cost"] = Cost(part.cost_amount, Decimal(0), part.cost_currency)
    if part.language:
        changes["languages"] = offered.languages | {part.language}
    if part.session is not None:
        chosen = str(part.session.public_id)
        slots = tuple(slot for slot in offered.sessions if slot.code == chosen)
        changes |= {"sessions": slots, "capacity": (), "on_request": False}
        if part.language:
            changes["sessions"] = tuple(replace(slot, languages=slot.languages | {part.language}) for slot in slots)
    elif part.start_on is not None and part.end_on is not None:
        changes |= {
            "sessions": (_dated(part, part.start_on, part.end_on, offered),),
            "capacity": (),
            "on_request": False,
        }
    return replace(offered, **changes)


def _dated(part: ProposalPart, start: date, end: date, offered: Offer) -> SessionSlot:
    """Make the delivery that the provider offers to hold on days of its own, in the country that asks."""
    line = part.lines.all()[0].line
    return SessionSlot(
        code=str(part.public_id),
        start=start,
        end=end,
        languages=frozenset({part.language}) if part.language else offered.languages,
        country=line.country or None if offered.in_country_on_request else offered.home_country,
        seats_total=part.participants,
        seats_free=part.participants,
    )


def _obstacle(entry: LineRanking) -> Mapping[str, Any]:
    """Say of one line which conditions are not met, and by which smallest changes they would be."""
    if entry.near_misses:
        miss = entry.near_misses[0]
        return {"line": entry.line, "codes": list(miss.codes), "ways": plain(miss.ways)}
    failing = sorted(entry.conflict.failing) if entry.conflict is not None else []
    return {"line": entry.line, "codes": failing, "ways": []}


def _of_whole(plan: ProposalPlan, need: Need, covered: int) -> WeighedOffer:
    """Give the score as part of the whole request: lines that the offer leaves open count 0, as they do in a ranking.

    What is lost by rounding goes to the largest remainders, so that the shares add up to the score exactly.
    """
    whole = sum(line.maximum for line in need.lines)
    totals = {share.criterion: share.contribution * covered for share in plan.breakdown}
    score = plan.score * covered // whole
    shares = {criterion: totals[criterion] // whole for criterion in CRITERIA}
    by_remainder = sorted(CRITERIA, key=lambda criterion: (-(totals[criterion] % whole), CRITERIA.index(criterion)))
    for criterion in by_remainder[: score - sum(shares.values())]:
        shares[criterion] += 1
    return WeighedOffer(
        score=score,
        breakdown=tuple(CriterionShare(criterion, shares[criterion]) for criterion in CRITERIA),
        evidence=plan.evidence,
        flags=plan.flags,
        reasons={name: plain(getattr(plan, name)) for name in REASONS},
    )
