"""The agreed terms of a confirmed proposal, for fulfilment."""

from matching.agreements import AgreedLine, AgreedPart, AgreedPartner, AgreedTerms
from matching.models import MatchProposal, ProposalPart


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
