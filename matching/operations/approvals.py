"""Who may decide: recusal and four eyes (domain rule 4)."""

from collections.abc import Collection
from datetime import datetime

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode
from matching import queries
from matching.models import Decision, MatchProposal, ProposalPart
from requests_app import queries as requests

ROUND_ENDS = ("retract", "lapse")  # an approval that was taken back counts no longer


def partner_organization_ids(proposal: MatchProposal) -> frozenset[int]:
    """Give the organizations of every partner in the proposal: providers and the partners of their offerings."""
    return queries.partner_ids(queries.parts_with_partners(proposal))


def requester_ids(proposal: MatchProposal) -> frozenset[int]:
    """Give the requesting organization and those that request with it."""
    request = proposal.request
    return frozenset({request.requesting_organization_id, *(row.pk for row in request.co_requesters.all())})


def four_eyes_due(proposal: MatchProposal, *, at: datetime) -> bool:
    """Tell whether a partner, the requester or the funder belongs to the secretariat's own tree or network."""
    family = secretariat_family(at=at)
    return bool(family) and touches(family, proposal, list(queries.parts_with_partners(proposal)))


def secretariat_family(*, at: datetime) -> frozenset[int]:
    """Give the organizations of the secretariat's own tree; empty where there is no secretariat."""
    secretariat = accounts.secretariat_organization(at.date())
    return frozenset() if secretariat is None else accounts.family_ids(secretariat.pk)


def touches(family: frozenset[int], proposal: MatchProposal, parts: Collection[ProposalPart]) -> bool:
    """Tell whether a partner, its network, the requester or the funder is one of ``family``; ``parts`` with partners."""
    networks = {part.provider.network_parent.organization_id for part in parts if part.provider.network_parent}
    return bool(family & (queries.partner_ids(parts) | requests.requester_organizations(proposal.request) | networks))


def check_not_recused(actor: Actor, proposal: MatchProposal, *, at: datetime) -> None:
    """Raise DomainError(recused) when the actor has a membership in a partner of the proposal."""
    conflict = accounts.conflict_of(actor, partner_organization_ids(proposal), at)
    if conflict is not None:
        raise DomainError(ErrorCode.RECUSED, organization=conflict.code)


def check_may_decide(actor: Actor, proposal: MatchProposal, *, at: datetime, second: bool = False) -> None:
    """Raise DomainError(permission_denied, recused) unless the actor may decide on the proposal.

    The second of four eyes may also be a focal point of the organization that has the chair.
    """
    chair = second and queries.speaks_for_chair(actor, at=at)
    if not chair:
        permissions.check(actor, Permission.PROPOSALS_DECIDE, at=at)
    check_not_recused(actor, proposal, at=at)


def approvals_in_round(proposal: MatchProposal, part: ProposalPart | None = None) -> list[Decision]:
    """Give the approvals that still count: those after the last one that was taken back."""
    decisions = list(proposal.decisions.filter(part=part).order_by("id"))
    last_end = max((i for i, decision in enumerate(decisions) if decision.verb in ROUND_ENDS), default=-1)
    return [decision for decision in decisions[last_end + 1 :] if decision.verb == "approve"]


def check_second_person(actor: Actor, earlier: list[Decision], *, at: datetime) -> None:
    """Raise DomainError(four_eyes_required) when the same person gave an earlier approval.

    Whoever stands in for somebody counts as both: a delegate is no second pair of eyes for the one they stand in for.
    """
    gave = {pk for decision in earlier for pk in (decision.by_id, decision.on_behalf_of_id)}
    if actor.user is None or gave & queries.counts_as(actor, at=at):
        raise DomainError(ErrorCode.FOUR_EYES_REQUIRED)


def record_decision(
    proposal: MatchProposal,
    verb: str,
    *,
    actor: Actor,
    at: datetime,
    part: ProposalPart | None = None,
    reason_code: str = "",
    reason_text: str = "",
) -> None:
    """Keep who decided what and why, with what the engine had proposed beside it."""
    Decision.objects.create(
        proposal=proposal,
        part=part,
        verb=verb,
        by=actor.user,
        on_behalf_of=next(iter(actor.absent), None),
        by_label=actor.label,
        at=at,
        reason_code=reason_code,
        reason_text=reason_text,
        proposal_version=proposal.version,
        engine_rank=proposal.rank,
        engine_score=proposal.score if proposal.run_id else None,  # the engine had not weighed it
        engine_best=_engine_best(proposal),
    )


def _engine_best(proposal: MatchProposal) -> MatchProposal | None:
    """Give what the engine had put first: in the run of the proposal; in the latest one where people proposed it."""
    first = MatchProposal.objects.filter(request=proposal.request, rank=1)
    if proposal.run_id:
        return first.filter(run=proposal.run).first()
    return first.filter(run__mode="request").order_by("-run_id").first()
