"""When a proposal is complete: every part accepted, no gap left, endorsement given."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import transition
from matching.lifecycle import OPEN_PARTS
from matching.models import MatchProposal, ProposalPart
from requests_app import queries as requests


def open_gaps(proposal: MatchProposal) -> list[ProposalPart]:
    """Give the parts that refused or lapsed and have neither a live successor nor been given up."""
    lost = proposal.parts.filter(state__in=["refused", "lapsed"], gap_closed=False).order_by("pk")
    return [part for part in lost if not part.successors.exclude(state__in=["superseded", "withdrawn"]).exists()]


def confirm_if_complete(proposal: MatchProposal, *, actor: Actor, at: datetime) -> bool:
    """Confirm a locked proposal whose last partner has accepted; False while something is still open."""
    if proposal.state != "approved" or proposal.parts.filter(state__in=OPEN_PARTS).exists() or open_gaps(proposal):
        return False
    if not proposal.parts.filter(state="accepted").exists():
        return False
    if requests.endorsement_blocks(proposal.request_id):
        if proposal.waiting_for != "authority":
            transition(proposal, "await_endorsement", actor=actor, at=at)
        return False
    transition(proposal, "confirm", actor=actor, at=at)
    return True
