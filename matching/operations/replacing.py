"""Replacing one part: the next best is put forward; the secretariat approves or declines it on its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import find_transition, transition
from matching import queries
from matching.engine import PartPlan
from matching.lifecycle import CLAIMING_PARTS, PROPOSED_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations import approvals, asking, limits
from matching.operations.ending import end
from matching.operations.locking import check_need_lives, check_stands, lock_part, need_lives
from matching.operations.reasons import check_reason
from matching.operations.writing import ENGINE, Lines, lines_by_number, write_part
from providers import queries as providers

if TYPE_CHECKING:
    from requests_app.models import RequestLine, TrainingRequest
    from requests_app.queries import LineFacts

GIVEN_UP = ("dropped", "unmet")  # states of a line that nobody is looked for


@dataclass(frozen=True, slots=True)
class Replacement:
    """The next best for the lines of a lost part, with its row in the catalogue that was ranked."""

    part: PartPlan
    row: providers.CatalogueOffer
    currency: str
    content_version: int  # of the request, as it was read


@transaction.atomic
def put_forward(part_id: int, found: Replacement | None, *, at: datetime) -> ProposalPart | None:
    """Put the next best forward for a part that was lost; without one, say so.

    When no partner is left at all the proposal has failed: its lines are open again and the need is ranked anew. What was
    found for a need that says something else by now, or for lines that have no room any more, is looked for once more.
    """
    proposal, lost = lock_part(part_id)
    if proposal.state != "approved" or not need_lives(proposal.request):
        return None
    if lost not in queries.open_gaps(proposal.parts.all()):
        return None
    part, lines = None, lines_by_number(proposal.request_id)
    if found is not None and not _still_fits(found, proposal.request, lines):
        asking.seek_replacement(lost, actor=ENGINE, at=at)
        return None
    if found is not None:
        part = write_part(
            proposal,
            found.part,
            found.row,
            lines=lines,
            position=proposal.parts.count() + 1,
            currency=found.currency,
            at=at,
        )
        part.replaces = lost
        transition(part, "put_forward", actor=ENGINE, at=at, columns=("replaces",))
    _say_how_it_stands(proposal, lost, at=at)
    return part


def has_room(line: "RequestLine | LineFacts", participants: int = 1) -> bool:
    """Tell whether a line still wants so many participants placed."""
    return line.state not in GIVEN_UP and line.free >= participants


def _still_fits(found: Replacement, request: "TrainingRequest", lines: Lines) -> bool:
    if found.content_version != request.content_version:
        return False
    return all(has_room(lines[number], share) for number, share in found.part.lines.items())


def _say_how_it_stands(proposal: MatchProposal, lost: ProposalPart, *, at: datetime) -> None:
    """Leave the proposal with the step that is due now: none while replacements wait, a decision on a gap, or its end."""
    parts = list(proposal.parts.all())
    if not any(part.state in (*CLAIMING_PARTS, *PROPOSED_PARTS) for part in parts):
        end(proposal, "fail", actor=ENGINE, at=at, reason_code="partners_refused")
    elif queries.open_gaps(parts):
        transition(proposal, "report_gap", actor=ENGINE, at=at, data={"part": str(lost.public_id)})
    else:
        transition(proposal, "put_forward", actor=ENGINE, at=at, data={"part": str(lost.public_id)})


@transaction.atomic
def approve_replacement(
    *, actor: Actor, at: datetime, part_id: int, reason_text: str = "", expected_version: int | None = None
) -> MatchProposal:
    """Approve a replacement: the new partner is asked, or a second approver is waited for where four eyes are due.

    Raises DomainError(wrong_state, permission_denied, recused, four_eyes_required, line_taken, capacity_exhausted, ceiling_exceeded, rule_broken).
    """
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "approve")
    second = part.state == "awaiting_second_approval"
    approvals.check_may_decide(actor, proposal, at=at, second=second)
    check_need_lives(proposal.request, "approve")
    check_stands(part, "approve")
    if second:
        approvals.check_second_person(actor, approvals.approvals_in_round(proposal, part), at=at)
        asking.ask(part, "approve", actor=actor, at=at, reason_text=reason_text)
    elif approvals.four_eyes_due(proposal, at=at):
        transition(part, "approve", target="awaiting_second_approval", actor=actor, at=at, reason_text=reason_text)
    else:
        asking.ask(part, "approve", actor=actor, at=at, reason_text=reason_text)
    if part.state == "asked":
        limits.check_ceiling(proposal, at=at)
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
    """Decline a replacement with a reason of the list `decline_reasons`; the one after it is looked for."""
    check_reason("decline_reasons", reason_code)
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "decline")
    approvals.check_may_decide(actor, proposal, at=at)
    transition(part, "decline", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    approvals.record_decision(
        proposal, "decline", actor=actor, at=at, part=part, reason_code=reason_code, reason_text=reason_text
    )
    seek_next(part, actor=actor, at=at)
    return proposal


def seek_next(replacement: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Look on for the part that a declined replacement should have followed."""
    if replacement.replaces is not None:
        replacement.replaces.proposal = replacement.proposal
        asking.seek_replacement(replacement.replaces, actor=actor, at=at)
