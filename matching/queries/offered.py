"""What a caller may do with a proposal or part now, and who owes the next step."""

from collections.abc import Mapping
from datetime import datetime

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.lifecycles.operations import allowed_actions
from matching.lifecycle import CLAIMING_PARTS, MATCH
from matching.models import MatchProposal, ProposalPart
from matching.queries.standing import bridgeable_gaps, counts_as, need_is_gone, partner_ids, speaks_for_requester
from requests_app import queries as requests

CONSULTATION_ENDED = ("preferred", "no_objection", "silent", "overruled")
# Who lets go of a need that is gone may; what would go on is refused, also until the job that ends it all has run.
LETTING_GO = frozenset({"decline", "retract", "withdraw", "refuse"})


def open_actions(proposal: MatchProposal, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that this caller may use now on a proposal of ``proposals_visible_to``, without further queries."""
    parts = list(proposal.parts.all())
    may = _may(proposal, actor, at, second=proposal.state == "awaiting_second_approval")
    verbs = allowed_actions(proposal, may)
    if proposal.state == "awaiting_second_approval" and not _decides(proposal, actor, at):
        verbs = [verb for verb in verbs if verb in ("approve", "withdraw")]  # the chair is the second and nothing else
    return [verb for verb in _left(proposal, verbs) if _is_open(proposal, parts, verb, actor, at)]


def open_part_actions(part: ProposalPart, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs of a part that this caller may use now."""
    proposal = part.proposal
    waits_for_second = part.state == "awaiting_second_approval"
    own = part.provider.organization_id
    answers = permissions.can(actor, Permission.PROPOSALS_ANSWER, at=at, organization_id=own)
    may = {
        **_may(proposal, actor, at, second=waits_for_second),
        Permission.PROPOSALS_ANSWER.value: answers,
    }
    verbs = _left(proposal, allowed_actions(part, may))
    if waits_for_second and not _decides(proposal, actor, at):
        verbs = [verb for verb in verbs if verb == "approve"]
    if "consent" in verbs and not _still_consents(part, actor, at):
        verbs.remove("consent")
    if "approve" in verbs and waits_for_second and _gave_first(proposal, actor, part.pk, at):
        verbs.remove("approve")
    return verbs


def who_owes(proposal: MatchProposal) -> tuple[str, str, datetime | None]:
    """Give (party, step, due) of a proposal: its own step, or the earliest of its parts while they are asked.

    Where all have answered and a job that their need or session set off has yet to look, the system owes it, now.
    """
    if proposal.due_at is not None or proposal.state != "approved":
        return proposal.waiting_for, proposal.step, proposal.due_at
    dated = [(part.due_at, part.pk, part) for part in proposal.parts.all() if part.due_at is not None]
    if not dated:
        return MATCH.party.value, MATCH.code, proposal.updated_at
    _, _, first = min(dated)
    return first.waiting_for, first.step, first.due_at


def _left(proposal: MatchProposal, verbs: list[str]) -> list[str]:
    """Leave what the need of a proposal still allows."""
    return [verb for verb in verbs if verb in LETTING_GO] if need_is_gone(proposal.request) else verbs


def _may(proposal: MatchProposal, actor: Actor, at: datetime, *, second: bool) -> Mapping[str, bool]:
    recused = bool(accounts.bound_ids(actor, at) & partner_ids(proposal.parts.all()))
    chair = second and getattr(proposal, "as_chair", False)
    return {
        Permission.PROPOSALS_DECIDE.value: not recused and (chair or _has(actor, Permission.PROPOSALS_DECIDE, at)),
        Permission.PROPOSALS_OVERRULE.value: not recused and _has(actor, Permission.PROPOSALS_OVERRULE, at),
        Permission.PROPOSALS_CONSULT.value: speaks_for_requester(actor, proposal.request, at=at),
        Permission.OFFERS_MAKE.value: proposal.origin == "provider"
        and permissions.can(actor, Permission.OFFERS_MAKE, at=at, organization_id=proposal.lead.organization_id),
    }


def _has(actor: Actor, permission: Permission, at: datetime) -> bool:
    return permissions.can(actor, permission, at=at)


def _decides(proposal: MatchProposal, actor: Actor, at: datetime) -> bool:
    return _may(proposal, actor, at, second=False)[Permission.PROPOSALS_DECIDE.value]


def _still_consents(part: ProposalPart, actor: Actor, at: datetime) -> bool:
    """Tell whether the side for which the actor speaks has not answered the open counter-offer yet."""
    counter = next((row for row in part.counters.all() if row.closed_at is None), None)
    if counter is None:
        return False
    if speaks_for_requester(actor, part.proposal.request, at=at):
        return counter.requester_consent is None
    return counter.secretariat_consent is None and _decides(part.proposal, actor, at)


def _is_open(proposal: MatchProposal, parts: list[ProposalPart], verb: str, actor: Actor, at: datetime) -> bool:
    if verb == "approve":
        is_second = proposal.state == "awaiting_second_approval"
        gave_first = is_second and _gave_first(proposal, actor, None, at)
        return proposal.consultation in CONSULTATION_ENDED and not gave_first
    if verb == "decline" and proposal.state == "approved":
        return requests.endorsement_read_along(proposal.request) in requests.ENDORSEMENT_LOST
    if verb in ("prefer", "object"):
        return proposal.consultation != "overruled"
    if verb == "overrule":
        return proposal.consultation == "objected"
    if verb == "retract":
        return is_unanswered(parts)
    if verb == "go-on-without":
        return bool(bridgeable_gaps(parts)) and any(part.state in CLAIMING_PARTS for part in parts)
    return True


def is_unanswered(parts: list[ProposalPart]) -> bool:
    """Tell whether no partner has said anything yet, so that an approval may still be taken back."""
    return all(part.state in ("suggested", "asked") and part.answered_at is None for part in parts)


def _gave_first(proposal: MatchProposal, actor: Actor, part_id: int | None, at: datetime) -> bool:
    """Tell whether the actor counts as who gave the first of two approvals (of the proposal, or of one part).

    Whoever stands in for somebody counts as both, as for `check_second_person`.
    """
    given = [row for row in proposal.decisions.all() if row.part_id == part_id and row.verb == "approve"]
    return bool(given) and bool({given[-1].by_id, given[-1].on_behalf_of_id} & counts_as(actor, at=at))
