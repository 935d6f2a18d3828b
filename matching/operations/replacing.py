"""Replacing one part: the next best is put forward; the secretariat approves or declines it on its own."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import find_transition, transition
from matching.engine import PartPlan
from matching.models import MatchProposal, ProposalPart
from matching.operations import approvals, asking, confirming
from matching.operations.locking import lock_part
from matching.operations.reasons import check_reason
from matching.operations.writing import ENGINE, write_part
from providers import queries as providers


@dataclass(frozen=True, slots=True)
class Replacement:
    """The next best for the lines of a lost part, with its row in the catalogue that was ranked."""

    part: PartPlan
    row: providers.CatalogueOffer
    currency: str


@transaction.atomic
def put_forward(part_id: int, found: Replacement | None, *, at: datetime) -> ProposalPart | None:
    """Put the next best forward for a part that was lost; without one, say so.

    When no partner is left at all the proposal has failed: its lines are open again and the need is ranked anew.
    """
    proposal, lost = lock_part(part_id)
    if proposal.state != "approved" or lost not in confirming.open_gaps(proposal):
        return None
    if found is not None:
        position = proposal.parts.count() + 1
        part = write_part(proposal, found.part, found.row, position=position, currency=found.currency, at=at)
        part.replaces = lost
        transition(part, "put_forward", actor=ENGINE, at=at, columns=("replaces",))
        return part
    if proposal.parts.filter(
        state__in=["replacement", "awaiting_second_approval", "asked", "countered", "accepted"]
    ).exists():
        transition(proposal, "report_gap", actor=ENGINE, at=at, data={"part": str(lost.public_id)})
    else:
        transition(proposal, "fail", actor=ENGINE, at=at, reason_code="partners_refused")
    return None


@transaction.atomic
def approve_replacement(
    *, actor: Actor, at: datetime, part_id: int, reason_text: str = "", expected_version: int | None = None
) -> MatchProposal:
    """Approve a replacement: the new partner is asked, or a second approver is waited for where four eyes are due.

    Raises DomainError(wrong_state, permission_denied, recused, four_eyes_required, line_taken, capacity_exhausted).
    """
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "approve")
    earlier = approvals.approvals_in_round(proposal, part)
    approvals.check_may_decide(actor, proposal, at=at, second=part.state == "awaiting_second_approval")
    if earlier:
        approvals.check_second_person(actor, earlier)
    if not earlier and approvals.four_eyes_due(proposal, at=at):
        transition(part, "approve", target="awaiting_second_approval", actor=actor, at=at, reason_text=reason_text)
    else:
        asking.ask(part, "approve", actor=actor, at=at)
    approvals.record_decision(proposal, "approve", actor=actor, at=at, part=part, reason_text=reason_text)
    return proposal


@transaction.atomic
def decline_replacement(
    *,
    actor: Actor,
    at: datetime,
    part_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Decline a replacement with a reason of the list `decline_reasons`; the gap stays open for the secretariat."""
    check_reason("decline_reasons", reason_code)
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "decline")
    approvals.check_may_decide(actor, proposal, at=at)
    transition(part, "decline", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    approvals.record_decision(
        proposal, "decline", actor=actor, at=at, part=part, reason_code=reason_code, reason_text=reason_text
    )
    if not proposal.parts.filter(state__in=["asked", "countered", "accepted", "replacement"]).exists():
        transition(proposal, "fail", actor=actor, at=at, reason_code="partners_refused")
    else:
        transition(proposal, "report_gap", actor=actor, at=at)
    return proposal
