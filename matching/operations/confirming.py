"""When a proposal is complete: every part accepted, no gap left, endorsement given."""

from collections.abc import Sequence
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import transition
from matching import queries
from matching.lifecycle import OPEN_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations.locking import need_lives, what_is_out
from requests_app import queries as requests


def confirm_if_complete(proposal: MatchProposal, *, actor: Actor, at: datetime) -> bool:
    """Confirm a locked proposal whose last partner has accepted; False while something is still open, or the need is gone.

    A partner that has accepted and is out since then lapses in a moment: that is open, too.
    """
    parts = list(proposal.parts.select_related("provider", "offering", "session").order_by("pk"))
    if proposal.state != "approved" or not need_lives(proposal.request) or not _all_accepted(parts):
        return False
    if requests.endorsement_blocks(proposal.request_id):
        if proposal.waiting_for != "authority":
            transition(proposal, "await_endorsement", actor=actor, at=at)
        return False
    transition(proposal, "confirm", actor=actor, at=at)
    return True


def _all_accepted(parts: Sequence[ProposalPart]) -> bool:
    accepted = [part for part in parts if part.state == "accepted"]
    if not accepted or any(part.state in OPEN_PARTS for part in parts) or queries.open_gaps(parts):
        return False
    return not any(what_is_out(part) for part in accepted)
