"""When a proposal is complete: every part accepted, no gap left, endorsement given."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import transition
from matching import queries
from matching.lifecycle import OPEN_PARTS
from matching.models import MatchProposal
from requests_app import queries as requests


def confirm_if_complete(proposal: MatchProposal, *, actor: Actor, at: datetime) -> bool:
    """Confirm a locked proposal whose last partner has accepted; False while something is still open."""
    parts = list(proposal.parts.order_by("pk"))
    states = {part.state for part in parts}
    if proposal.state != "approved" or "accepted" not in states or states & {*OPEN_PARTS} or queries.open_gaps(parts):
        return False
    if requests.endorsement_blocks(proposal.request_id):
        if proposal.waiting_for != "authority":
            transition(proposal, "await_endorsement", actor=actor, at=at)
        return False
    transition(proposal, "confirm", actor=actor, at=at)
    return True
