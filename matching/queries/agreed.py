"""What partners and requester have agreed on, as plain values: what matching hands up the house to fulfilment."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from matching.models import MatchProposal, ProposalPart


@dataclass(frozen=True, slots=True)
class AgreedLine:
    """How many participants of one request line (primary key) a part takes."""

    line_id: int
    participants: int


@dataclass(frozen=True, slots=True)
class AgreedPart:
    """What one partner delivers. ``part_id`` is the claimant of the lines and the holder of the capacity.

    Other ids are primary keys. ``capacity`` counts seats of the session or units of the window; ``cost`` is in the main
    unit of ``currency``, None where it is not known.
    """

    part_id: UUID
    provider_id: int
    organization_id: int
    offering_id: int
    form: str
    lines: tuple[AgreedLine, ...]
    modality: str = ""
    session_id: int | None = None
    window_id: int | None = None
    capacity: int = 0
    deliveries: int = 1
    start_on: date | None = None
    end_on: date | None = None
    precision: str = "day"
    city: str = ""
    country: str = ""
    venue: str = ""
    language: str = ""
    cost: Decimal | None = None
    currency: str = ""

    @property
    def participants(self) -> int:
        """Participants over all lines: the same offering for several lines is one delivery."""
        return sum(line.participants for line in self.lines)


@dataclass(frozen=True, slots=True)
class AgreedPartner:
    """An organization that takes part without delivering a part of its own (host, funder, ...)."""

    organization_id: int
    role: str


@dataclass(frozen=True, slots=True)
class AgreedTerms:
    """The whole: which request is served, who leads, who does what."""

    request_id: int
    lead_organization_id: int
    parts: tuple[AgreedPart, ...]
    proposal_id: UUID | None = None
    partners: tuple[AgreedPartner, ...] = field(default=())


def agreed_terms(proposal_id: int) -> AgreedTerms:
    """Give what the partners of a proposal have accepted. Raises MatchProposal.DoesNotExist."""
    proposal = MatchProposal.objects.select_related("lead", "request").get(pk=proposal_id)
    accepted = proposal.parts.filter(state="accepted").select_related("provider", "offering", "session")
    rows = list(accepted.prefetch_related("lines", "offering__partners").order_by("position", "pk"))
    parts = tuple(_agreed(part) for part in rows)
    delivering = {part.organization_id for part in parts}
    lead = proposal.lead.organization_id
    partners = {
        (partner.organization_id, partner.role): AgreedPartner(partner.organization_id, partner.role)
        for part in rows
        for partner in part.offering.partners.all()
        if partner.organization_id not in delivering
    }
    return AgreedTerms(
        proposal_id=proposal.public_id,
        request_id=proposal.request_id,
        lead_organization_id=lead if lead in delivering else parts[0].organization_id,
        parts=parts,
        partners=tuple(partners[key] for key in sorted(partners)),
    )


def _agreed(part: ProposalPart) -> AgreedPart:
    return AgreedPart(
        part_id=part.public_id,
        provider_id=part.provider_id,
        organization_id=part.provider.organization_id,
        offering_id=part.offering_id,
        form=part.offering.form,
        modality=part.offering.modality,
        lines=tuple(AgreedLine(line.line_id, line.participants) for line in part.lines.all()),
        session_id=part.session_id,
        window_id=part.window_id,
        capacity=part.capacity_wanted,
        deliveries=part.deliveries,
        start_on=part.start_on,
        end_on=part.end_on,
        precision=part.precision,
        city=part.place.get("city") or "",
        country=part.place.get("country") or "",
        venue=part.place.get("venue") or "",
        language=part.language,
        cost=part.cost_amount,
        currency=part.cost_currency,
    )
