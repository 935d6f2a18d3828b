"""How an engagement comes about: from a confirmed proposal, or from what happened before the platform existed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from fulfilment.models import Delivery, Engagement, EngagementCounter, EngagementLine, EngagementParty, Milestone
from fulfilment.models.engagements import PARTY_ROLES
from fulfilment.operations.locking import moment
from fulfilment.queries.templates import milestones_for, required_levels
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, unknown_reference
from marketplace.lifecycles import operations as lifecycles
from matching import operations as matching
from matching.queries import AgreedPart, AgreedPartner, AgreedTerms
from providers import operations as providers
from requests_app import operations as requests

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest


@dataclass(frozen=True, slots=True)
class ImportFacts:
    """What is known of an engagement without a proposal, beside its terms."""

    source: str
    external_id: str
    provenance: Mapping[str, object] = field(default_factory=dict)
    original_period: Mapping[str, object] | None = None
    budget: tuple[Decimal, str] | None = None


@transaction.atomic
def create_engagement(*, actor: Actor, at: datetime, terms: AgreedTerms) -> Engagement:
    """Make the engagement of a confirmed proposal: capacity confirmed, lines agreed, parties, deliveries, milestones.

    The caller has checked that the last partner accepted; there is one engagement for each proposal.
    Raises DomainError(duplicate), and DomainError(wrong_state) for a request that was withdrawn or has ended otherwise.
    """
    request = requests.lock_request(request_id=terms.request_id)
    matching.check_need_lives(request, "engage")
    if terms.proposal_id and Engagement.objects.filter(proposal_id=terms.proposal_id).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="proposal")
    for part in terms.parts:
        requests.agree_lines(actor=actor, at=at, claimant=part.part_id)
    engagement = _engagement(actor, at, request, terms, origin="matching")
    _confirm_capacity(engagement, terms.parts, actor, at)
    _add_milestones(engagement, [part.form for part in terms.parts], actor, at)
    return engagement


@transaction.atomic
def create_imported(*, actor: Actor, at: datetime, terms: AgreedTerms, facts: ImportFacts) -> Engagement:
    """Record an engagement without a proposal in the state `planned`; lines are claimed, no capacity is taken.

    Imports get no milestones: their way lies behind them. Raises DomainError(duplicate, line_taken).
    """
    request = requests.lock_request(request_id=terms.request_id)
    if Engagement.objects.filter(source=facts.source, external_id=facts.external_id).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="external_id")
    for part in terms.parts:
        shares = [requests.LineShare(line.line_id, line.participants) for line in part.lines]
        requests.claim_lines(actor=actor, at=at, claimant=part.part_id, claims=shares)
        requests.agree_lines(actor=actor, at=at, claimant=part.part_id)
    return _engagement(actor, at, request, terms, origin="import", facts=facts)


def _engagement(
    actor: Actor,
    at: datetime,
    request: "TrainingRequest",
    terms: AgreedTerms,
    *,
    origin: str,
    facts: ImportFacts | None = None,
) -> Engagement:
    levels = list(required_levels(part.form for part in terms.parts))
    start_on, end_on, precision = span([(part.start_on, part.end_on, part.precision) for part in terms.parts])
    amount, currency = facts.budget if facts and facts.budget else _budget(terms.parts)
    engagement = Engagement(
        reference=next_reference(at.year),
        request=request,
        requesting_organization_id=request.requesting_organization_id,
        lead_organization_id=terms.lead_organization_id,
        proposal_id=terms.proposal_id,
        origin=origin,
        source=facts.source if facts else "",
        external_id=facts.external_id if facts else "",
        provenance=dict(facts.provenance) if facts else {},
        original_period=dict(facts.original_period) if facts and facts.original_period else None,
        budget_amount=amount,
        budget_currency=currency,
        required_levels=levels,
        missing_levels=levels,
        start_on=start_on,
        end_on=end_on,
        precision=precision,
    )
    lifecycles.create(engagement, actor=actor, at=at, sides=lambda: _add_sides(engagement, terms))
    number = 1
    for part in terms.parts:
        for delivery in _deliveries(engagement, part, number):
            lifecycles.create(delivery, actor=actor, at=at)
            number += 1
    return engagement


def _confirm_capacity(engagement: Engagement, parts: Iterable[AgreedPart], actor: Actor, at: datetime) -> None:
    """Make firm what the parts hold; seats of a session that was cancelled meanwhile go back: it is to be rebooked."""
    cancelled = Delivery.objects.filter(engagement=engagement, session__state="cancelled")
    lost = set(cancelled.values_list("part_id", flat=True))
    for part in in_lock_order(parts):
        if part.part_id in lost:
            providers.release_holds(actor=actor, at=at, holder=part.part_id)
        elif part.capacity:
            providers.confirm_holds(actor=actor, at=at, holder=part.part_id)


def in_lock_order(parts: Iterable[AgreedPart]) -> list[AgreedPart]:
    """Sort parts by what they hold, sessions before windows, by key: engagements of several requests never lock crosswise."""
    return sorted(parts, key=lambda part: (part.window_id is not None, part.session_id or part.window_id or 0))


def next_reference(year: int) -> str:
    """Take the next reference of the year, gapless within committed transactions: ``ENG-2026-0001``."""
    EngagementCounter.objects.get_or_create(year=year)
    counter = EngagementCounter.objects.select_for_update().get(year=year)
    counter.last += 1
    counter.save(update_fields=["last"])
    return f"ENG-{year:04d}-{counter.last:04d}"


def span(periods: Sequence[tuple[date | None, date | None, str]]) -> tuple[date | None, date | None, str]:
    """Give first day, last day and precision of several periods; the coarsest precision that borders the whole."""
    known = [(start, end, precision) for start, end, precision in periods if start and end]
    if not known:
        return None, None, "day"
    first = min(known, key=lambda period: period[0])
    last = max(known, key=lambda period: period[1])
    order = ("day", "month", "quarter", "year")
    return first[0], last[1], max(first[2], last[2], key=order.index)


def _budget(parts: Sequence[AgreedPart]) -> tuple[Decimal | None, str]:
    """Sum the costs where all are known in one currency; else the budget stays open."""
    currencies = {part.currency for part in parts}
    costs = [part.cost for part in parts if part.cost is not None]
    if len(costs) < len(parts) or len(currencies) != 1:
        return None, ""
    return sum(costs, Decimal(0)), currencies.pop()


def _add_sides(engagement: Engagement, terms: AgreedTerms) -> None:
    """Write whom the engagement concerns: its parties, and the lines of the need that it serves."""
    _add_parties(engagement, terms)
    EngagementLine.objects.bulk_create(
        EngagementLine(
            engagement=engagement, line_id=line.line_id, part_id=part.part_id, participants=line.participants
        )
        for part in terms.parts
        for line in part.lines
    )


def _add_parties(engagement: Engagement, terms: AgreedTerms) -> None:
    """Write the lead, the partners named, who delivers a part, who asked and who pays, each role once."""
    request = engagement.request
    lead = terms.lead_organization_id
    named = [AgreedPartner(lead, "lead"), *(partner for partner in terms.partners if partner.role != "lead")]
    present = {partner.organization_id for partner in named}
    delivering = dict.fromkeys(part.organization_id for part in terms.parts)
    named += [AgreedPartner(pk, "member") for pk in delivering if pk not in present]
    asking = [request.requesting_organization_id, *request.co_requesters.values_list("pk", flat=True)]
    named += [AgreedPartner(pk, "requester") for pk in asking]
    named += [AgreedPartner(request.funder_id, "funder")] if request.funder_id else []
    for partner in named:
        if partner.role not in PARTY_ROLES:
            raise unknown_reference("/parties", partner.role, PARTY_ROLES)
    EngagementParty.objects.bulk_create(
        EngagementParty(engagement=engagement, organization_id=partner.organization_id, role=partner.role)
        for partner in dict.fromkeys(named)
    )


def _deliveries(engagement: Engagement, part: AgreedPart, number: int) -> list[Delivery]:
    """Plan the deliveries of a part; participants and capacity are spread evenly, the first take the remainder."""
    count = max(part.deliveries, 1)
    return [
        Delivery(
            engagement=engagement,
            number=number + place,
            part_id=part.part_id,
            provider_id=part.provider_id,
            offering_id=part.offering_id,
            session_id=part.session_id,
            window_id=part.window_id,
            capacity=_share(part.capacity, count, place),
            form=part.form,
            modality=part.modality,
            language=part.language,
            city=part.city,
            country=part.country,
            venue=part.venue,
            seats=_share(part.participants, count, place) or None,
            start_on=part.start_on,
            end_on=part.end_on,
            precision=part.precision,
        )
        for place in range(count)
    ]


def _share(whole: int, count: int, place: int) -> int:
    return whole // count + (1 if place < whole % count else 0)


def _add_milestones(engagement: Engagement, forms: Sequence[str], actor: Actor, at: datetime) -> None:
    for position, template in enumerate(milestones_for(forms), start=1):
        milestone = Milestone(
            engagement=engagement,
            kind=template.kind,
            position=position,
            owner=template.owner,
            anchor=template.anchor,
            offset_days=template.offset_days,
            level=template.level,
            follow_up=template.follow_up,
        )
        due = milestone_due(milestone, engagement, at)
        lifecycles.create(milestone, actor=actor, at=at, due_at=due)


def milestone_due(milestone: Milestone, engagement: Engagement, at: datetime) -> datetime | None:
    """Give when a milestone falls due by the dates of its engagement; None leaves it to the service level from ``at``."""
    anchors = {"agreement": engagement.created_at.date(), "start": engagement.start_on, "end": engagement.end_on}
    anchor = anchors[milestone.anchor]
    return moment(anchor + timedelta(days=milestone.offset_days), after=at) if anchor else None
