"""What a caller may do with a proposal or part now, and who owes the next step."""

from dataclasses import dataclass
from datetime import datetime

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.lifecycles.operations import allowed_actions
from matching.models import MatchProposal, ProposalPart

DECIDED = ("preferred", "no_objection", "silent", "overruled")


@dataclass(frozen=True, slots=True)
class OpenActions:
    """Who owes the next step of a proposal, by when, and the verbs open to the caller."""

    allowed_actions: list[str]
    waiting_for: str
    step: str
    due_at: datetime | None


def open_actions(proposal: MatchProposal, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that this caller may use now; everything needed has been read along with the proposal."""
    recused = bool(permissions.own_organization_ids(actor, at) & partner_ids(proposal))
    decides = permissions.can(actor, Permission.PROPOSALS_DECIDE, at=at) and not recused
    may = {
        Permission.PROPOSALS_DECIDE.value: decides,
        Permission.PROPOSALS_OVERRULE.value: not recused
        and permissions.can(actor, Permission.PROPOSALS_OVERRULE, at=at),
        Permission.PROPOSALS_CONSULT.value: _consults(proposal, actor, at),
    }
    return [verb for verb in allowed_actions(proposal, may) if _is_open(proposal, verb, actor)]


def partner_ids(proposal: MatchProposal) -> frozenset[int]:
    """Give the organizations of the partners of a proposal that was read with its parts and their partners."""
    ids: set[int] = set()
    for part in proposal.parts.all():
        if part.state not in ("refused", "lapsed", "withdrawn", "superseded"):
            ids.add(part.provider.organization_id)
            ids.update(partner.organization_id for partner in part.offering.partners.all())
    return frozenset(ids)


def _consults(proposal: MatchProposal, actor: Actor, at: datetime) -> bool:
    request = proposal.request
    ids = [request.requesting_organization_id, *(row.pk for row in request.co_requesters.all())]
    return any(permissions.can(actor, Permission.PROPOSALS_CONSULT, at=at, organization_id=pk) for pk in ids)


def _is_open(proposal: MatchProposal, verb: str, actor: Actor) -> bool:
    if verb == "approve":
        return proposal.consultation in DECIDED and not _approved_before(proposal, actor)
    if verb == "overrule":
        return proposal.consultation == "objected"
    if verb == "retract":
        return all(part.answered_at is None for part in proposal.parts.all())
    if verb == "go_on_without":
        return _has_gap(proposal)
    return True


def _approved_before(proposal: MatchProposal, actor: Actor) -> bool:
    if proposal.state != "awaiting_second_approval" or actor.user is None:
        return False
    latest = [
        decision for decision in proposal.decisions.all() if decision.part_id is None and decision.verb == "approve"
    ]
    return bool(latest) and latest[-1].by_id == actor.user.pk


def _has_gap(proposal: MatchProposal) -> bool:
    parts = list(proposal.parts.all())
    followed = {part.replaces_id for part in parts if part.state not in ("superseded", "withdrawn", "replacement")}
    lost = [part for part in parts if part.state in ("refused", "lapsed") and not part.gap_closed]
    return any(part.pk not in followed for part in lost) and any(
        part.state in ("asked", "countered", "accepted") for part in parts
    )


def open_part_actions(part: ProposalPart, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs of a part that this caller may use now."""
    own = part.provider.organization_id
    recused = bool(permissions.own_organization_ids(actor, at) & partner_ids(part.proposal))
    decides = not recused and permissions.can(actor, Permission.PROPOSALS_DECIDE, at=at)
    may = {
        Permission.PROPOSALS_ANSWER.value: permissions.can(
            actor, Permission.PROPOSALS_ANSWER, at=at, organization_id=own
        ),
        Permission.PROPOSALS_DECIDE.value: decides,
    }
    verbs = allowed_actions(part, may)
    if "consent" in verbs and not (decides or _consults(part.proposal, actor, at)):
        verbs.remove("consent")
    return verbs


def who_owes(proposal: MatchProposal) -> tuple[str, str, datetime | None]:
    """Give (party, step, due) of a proposal: its own step, or the earliest of its parts while they are asked."""
    if proposal.due_at is not None or proposal.state != "approved":
        return proposal.waiting_for, proposal.step, proposal.due_at
    open_parts = [part for part in proposal.parts.all() if part.due_at is not None]
    if not open_parts:
        return proposal.waiting_for, proposal.step, proposal.due_at
    first = min(open_parts, key=lambda part: (part.due_at, part.pk))
    return first.waiting_for, first.step, first.due_at
