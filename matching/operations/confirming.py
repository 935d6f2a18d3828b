"""When a proposal is complete: every part accepted, no gap left, endorsement given."""

from collections.abc import Sequence
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import transition
from matching import queries
from matching.lifecycle import DECIDE, ENDORSE, OPEN_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations import moving
from matching.operations.locking import is_overtaken, need_lives, what_is_out
from requests_app import queries as requests


def confirm_if_complete(proposal: MatchProposal, *, actor: Actor, at: datetime) -> bool:
    """Confirm a locked proposal whose last partner has accepted; False while something is still open, or the need is gone.

    A partner that has accepted and is out since then lapses in a moment, and one is asked again in a moment whose need or
    session has changed since: that is open, too.
    """
    parts = list(proposal.parts.select_related("provider", "offering", "session").order_by("pk"))
    if proposal.state != "approved" or not need_lives(proposal.request) or not _all_accepted(parts):
        return False
    if _sees_to_moved(parts, at=at):
        return False
    if requests.endorsement_blocks(proposal.request_id):
        _wait_for_endorsement(proposal, actor=actor, at=at)
        return False
    transition(proposal, "confirm", actor=actor, at=at)
    return True


def _sees_to_moved(parts: Sequence[ProposalPart], *, at: datetime) -> bool:
    """Tell whether a partner has accepted other dates or another place than its session has; it is seen to then."""
    moved = [part for part in parts if part.state == "accepted" and moving.has_moved(part)]
    for part in moved:
        moving.see_to(part, at=at)
    return bool(moved)


def _wait_for_endorsement(proposal: MatchProposal, *, actor: Actor, at: datetime) -> None:
    """Say who owes the next step: the authority its word; the secretariat a decision where that was no, or is over."""
    is_lost = requests.endorsement_state(proposal.request_id) in requests.ENDORSEMENT_LOST
    verb, step = ("endorsement_lost", DECIDE) if is_lost else ("await_endorsement", ENDORSE)
    if proposal.step != step.code:
        transition(proposal, verb, actor=actor, at=at)


def _all_accepted(parts: Sequence[ProposalPart]) -> bool:
    accepted = [part for part in parts if part.state == "accepted"]
    if not accepted or any(part.state in OPEN_PARTS for part in parts) or queries.open_gaps(parts):
        return False
    return not any(what_is_out(part) or is_overtaken(part) for part in accepted)
