"""What secretariat and requester do with a proposal, from shortlist to approval."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import find_transition, transition
from matching import queries
from matching.lifecycle import CLAIMING_PARTS, PROPOSED_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations import approvals, asking, confirming, ending, limits, weighing
from matching.operations.locking import check_need_lives, check_stands, lock_proposal
from matching.operations.reasons import check_reason
from requests_app import queries as requests

APPROVAL: tuple[str, ...] = ("approved_at", "approved_by", "four_eyes")
FOUR_EYES: tuple[str, ...] = ("four_eyes",)
CONSULTATION: tuple[str, ...] = ("consultation",)
NARROWED: tuple[str, ...] = ("covers_all", "uncovered", "lead")


@transaction.atomic
def shortlist_proposal(
    *, actor: Actor, at: datetime, proposal_id: int, expected_version: int | None = None
) -> MatchProposal:
    """Put a suggestion on the shortlist. Raises DomainError(wrong_state, permission_denied, recused)."""
    return _decide("shortlist", actor=actor, at=at, proposal_id=proposal_id, expected_version=expected_version)


@transaction.atomic
def consult_proposal(
    *, actor: Actor, at: datetime, proposal_id: int, expected_version: int | None = None
) -> MatchProposal:
    """Ask the requester about a shortlisted proposal; silence to the deadline is no objection."""
    return _decide(
        "consult",
        actor=actor,
        at=at,
        proposal_id=proposal_id,
        expected_version=expected_version,
        consultation="asked",
    )


@transaction.atomic
def decline_proposal(
    *,
    actor: Actor,
    at: datetime,
    proposal_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Decline a proposal with a reason of the list `decline`; partners that were asked are let go of and told.

    Raises DomainError(unknown_reference) for another code, and DomainError(rule_broken) for an approved proposal whose
    endorsement was not refused and is not over.
    """
    check_reason("decline_reasons", reason_code)
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, "decline")
    approvals.check_may_decide(actor, proposal, at=at)
    if proposal.state == "approved":
        _check_endorsement_lost(proposal)
        asking.withdraw_parts(proposal, actor=actor, at=at, reason_code=reason_code)
    ending.end(proposal, "decline", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    approvals.record_decision(proposal, "decline", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return proposal


def _check_endorsement_lost(proposal: MatchProposal) -> None:
    if requests.endorsement_state(proposal.request_id) not in requests.ENDORSEMENT_LOST:
        detail = gettext_noop(
            "What is approved is declined only where the endorsement was refused or is valid no longer."
        )
        raise rule_broken("", "endorsement_not_lost", detail)


@transaction.atomic
def prefer_proposal(
    *,
    actor: Actor,
    at: datetime,
    proposal_id: int,
    preference: str = "preferred",
    comment: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Say as the requester that a proposal is preferred, or that there is no objection."""
    return _answer_consultation(
        "prefer",
        preference,
        actor=actor,
        at=at,
        proposal_id=proposal_id,
        text=comment,
        expected_version=expected_version,
    )


@transaction.atomic
def object_to_proposal(
    *,
    actor: Actor,
    at: datetime,
    proposal_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Object as the requester, with a reason of the list `objection`; only the head may overrule it, in writing."""
    check_reason("objection_reasons", reason_code)
    return _answer_consultation(
        "object",
        "objected",
        actor=actor,
        at=at,
        proposal_id=proposal_id,
        code=reason_code,
        text=reason_text,
        expected_version=expected_version,
    )


@transaction.atomic
def overrule_objection(
    *, actor: Actor, at: datetime, proposal_id: int, reason_text: str, expected_version: int | None = None
) -> MatchProposal:
    """Overrule the requester's objection in writing. Raises DomainError(rule_broken) where none stands."""
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, "overrule")
    permissions.check(actor, Permission.PROPOSALS_OVERRULE, at=at)
    approvals.check_not_recused(actor, proposal, at=at)
    check_need_lives(proposal.request, "overrule")
    if proposal.consultation != "objected":
        raise rule_broken("", "no_objection_stands", gettext_noop("No objection stands that could be overruled."))
    if not reason_text.strip():
        raise rule_broken(
            "/reason_text", "reason_missing", gettext_noop("An objection is overruled in writing: say why.")
        )
    proposal.consultation = "overruled"
    transition(proposal, "overrule", actor=actor, at=at, reason_text=reason_text, columns=CONSULTATION)
    approvals.record_decision(proposal, "overrule", actor=actor, at=at, reason_text=reason_text)
    return proposal


@transaction.atomic
def approve_proposal(
    *,
    actor: Actor,
    at: datetime,
    proposal_id: int,
    reason_code: str = "",
    reason_text: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Approve: lines claimed, capacity held, partners asked; or wait for a second approver where four eyes are due.

    Raises DomainError(permission_denied, recused, four_eyes_required, rule_broken, line_taken, capacity_exhausted,
    ceiling_exceeded, precondition_failed), and DomainError(wrong_state) also where the need, a provider, an offering or a
    session is gone.
    """
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, "approve")
    second = proposal.state == "awaiting_second_approval"
    approvals.check_may_decide(actor, proposal, at=at, second=second)
    _check_approvable(proposal, second=second, at=at)
    if second:
        approvals.check_second_person(actor, approvals.approvals_in_round(proposal), at=at)
    else:
        proposal.four_eyes = approvals.four_eyes_due(proposal, at=at)
    if proposal.four_eyes and not second:
        target, columns = "awaiting_second_approval", FOUR_EYES
    else:
        proposal.approved_at, proposal.approved_by = at, actor.label
        target, columns = "approved", APPROVAL
    transition(
        proposal,
        "approve",
        target=target,
        actor=actor,
        at=at,
        columns=columns,
        reason_code=reason_code,
        reason_text=reason_text,
    )
    if target == "approved":
        _ask_all(proposal, actor=actor, at=at)
        limits.check_ceiling(proposal, at=at)
    approvals.record_decision(proposal, "approve", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return proposal


def _check_approvable(proposal: MatchProposal, *, second: bool, at: datetime) -> None:
    check_need_lives(proposal.request, "approve")
    for part in proposal.parts.filter(state="suggested").select_related("provider", "offering", "session"):
        check_stands(part, "approve")
    _check_consultation_ended(proposal)
    if proposal.origin == "provider" and not second:
        weighing.check_conditions(proposal, at=at)


def _ask_all(proposal: MatchProposal, *, actor: Actor, at: datetime) -> None:
    for part in asking.in_lock_order(proposal.parts.filter(state="suggested").select_related("provider")):
        part.proposal = proposal
        asking.ask(part, "ask", actor=actor, at=at)


@transaction.atomic
def retract_approval(
    *, actor: Actor, at: datetime, proposal_id: int, reason_text: str = "", expected_version: int | None = None
) -> MatchProposal:
    """Undo an approval, without a time limit, until the first partner has answered.

    Raises DomainError(already_answered) after that.
    """
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, "retract")
    approvals.check_may_decide(actor, proposal, at=at)
    parts = list(proposal.parts.select_related("provider"))
    if not queries.is_unanswered(parts):
        raise DomainError(ErrorCode.ALREADY_ANSWERED)
    for part in asking.in_lock_order(part for part in parts if part.state == "asked"):
        part.proposal = proposal
        asking.let_go(part, actor=actor, at=at)
        transition(part, "take_back", actor=actor, at=at)
    proposal.approved_at, proposal.approved_by = None, ""
    transition(proposal, "retract", actor=actor, at=at, reason_text=reason_text, columns=APPROVAL)
    approvals.record_decision(proposal, "retract", actor=actor, at=at, reason_text=reason_text)
    return proposal


@transaction.atomic
def go_on_without(
    *, actor: Actor, at: datetime, proposal_id: int, reason_text: str = "", expected_version: int | None = None
) -> MatchProposal:
    """Go on with the partners that are left; the lines of those who refused or lapsed stay open.

    Raises DomainError(rule_broken) where there is no gap, or nobody would be left.
    """
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, "go-on-without")
    approvals.check_may_decide(actor, proposal, at=at)
    check_need_lives(proposal.request, "go-on-without")
    parts = list(proposal.parts.select_related("provider").order_by("pk"))
    gaps = queries.bridgeable_gaps(parts)
    if not gaps or not any(part.state in CLAIMING_PARTS for part in parts):
        raise rule_broken("", "no_gap", gettext_noop("There is no gap, or no partner would be left."))
    for part in gaps:
        part.gap_closed = True
        part.save(update_fields=["gap_closed"])
    for part in parts:
        if part.state in PROPOSED_PARTS:
            part.proposal = proposal
            transition(part, "decline", actor=actor, at=at)
    _narrow(proposal, parts)
    transition(proposal, "go-on-without", actor=actor, at=at, reason_text=reason_text, columns=NARROWED)
    approvals.record_decision(proposal, "go-on-without", actor=actor, at=at, reason_text=reason_text)
    confirming.confirm_if_complete(proposal, actor=actor, at=at)
    return proposal


def _narrow(proposal: MatchProposal, parts: Sequence[ProposalPart]) -> None:
    """Say which lines the remaining partners leave open, and who leads now if the lead is among the lost."""
    left = [part for part in parts if part.state in CLAIMING_PARTS]
    served = {number for part in left for number in part.lines.values_list("line__number", flat=True)}
    asked = {number for part in parts for number in part.lines.values_list("line__number", flat=True)}
    proposal.covers_all, proposal.uncovered = False, sorted({*proposal.uncovered, *asked} - served)
    if proposal.lead not in (part.provider for part in left):
        proposal.lead = max(left, key=lambda part: (part.participants, -part.position)).provider


def _decide(
    verb: str,
    *,
    actor: Actor,
    at: datetime,
    proposal_id: int,
    expected_version: int | None,
    consultation: str = "",
) -> MatchProposal:
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, verb)
    approvals.check_may_decide(actor, proposal, at=at)
    check_need_lives(proposal.request, verb)
    proposal.consultation = consultation or proposal.consultation
    transition(proposal, verb, actor=actor, at=at, columns=CONSULTATION)
    approvals.record_decision(proposal, verb, actor=actor, at=at)
    return proposal


def _answer_consultation(
    verb: str,
    outcome: str,
    *,
    actor: Actor,
    at: datetime,
    proposal_id: int,
    code: str = "",
    text: str = "",
    expected_version: int | None,
) -> MatchProposal:
    proposal = lock_proposal(proposal_id, expected_version=expected_version)
    find_transition(proposal, verb)
    _check_requester(actor, proposal, at=at)
    check_need_lives(proposal.request, verb)
    if proposal.consultation == "overruled":
        raise DomainError(ErrorCode.ALREADY_ANSWERED)
    proposal.consultation = outcome
    transition(
        proposal,
        verb,
        actor=actor,
        at=at,
        reason_code=code,
        reason_text=text,
        data={"consultation": outcome},
        columns=CONSULTATION,
    )
    approvals.record_decision(proposal, verb, actor=actor, at=at, reason_code=code, reason_text=text)
    return proposal


def _check_requester(actor: Actor, proposal: MatchProposal, *, at: datetime) -> None:
    """Raise DomainError(permission_denied) unless the actor speaks for a requesting organization."""
    if not queries.speaks_for_requester(actor, proposal.request, at=at):
        if not permissions.in_scope(actor, Permission.PROPOSALS_CONSULT):
            permissions.check(actor, Permission.PROPOSALS_CONSULT, at=at)
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.PROPOSALS_CONSULT.value)


def _check_consultation_ended(proposal: MatchProposal) -> None:
    if proposal.consultation in queries.CONSULTATION_ENDED:
        return
    if proposal.consultation == "objected":
        detail = gettext_noop("The requester objects; only the head of the secretariat may overrule it, in writing.")
        raise rule_broken("", "objection_stands", detail)
    detail = gettext_noop("The requester has been asked and may still answer, at the latest by %(due)s.")
    raise rule_broken("", "consultation_open", detail, due=f"{proposal.due_at:%Y-%m-%d}" if proposal.due_at else "-")
