"""Locks in the one order of the house (request, lines, proposal, parts: no deadlocks), and what must hold once they are taken.

What ends or changes a need or takes a partner out is followed by a job that clears up after it. Until that job has run,
whoever would go further has to look for themselves.
"""

from typing import TYPE_CHECKING

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import check_version, lock, wrong_state
from marketplace.records.models import LifecycleRecord
from matching.models import MatchProposal, ProposalPart
from matching.queries.standing import need_is_gone
from requests_app import operations as requests

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest

OUT = {  # states in which what a part stands on is out; its parts lapse
    "provider": frozenset({"suspended"}),
    "offering": frozenset({"suspended", "retired"}),
    "session": frozenset({"cancelled"}),
}


def lock_proposal(proposal_id: int, *, expected_version: int | None = None) -> MatchProposal:
    """Lock the request of a proposal and then the proposal. Raises DomainError(not_found, precondition_failed)."""
    request_id = MatchProposal.objects.filter(pk=proposal_id).values_list("request_id", flat=True).first()
    if request_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    requests.lock_request(request_id=request_id)
    rows = MatchProposal.objects.filter(pk=proposal_id).select_related("request__programme", "lead")
    return lock(rows, expected_version=expected_version)


def lock_part(part_id: int, *, expected_version: int | None = None) -> tuple[MatchProposal, ProposalPart]:
    """Lock a part with all that stands above it; the version is that of its proposal."""
    proposal_id = ProposalPart.objects.filter(pk=part_id).values_list("proposal_id", flat=True).first()
    if proposal_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    proposal = lock_proposal(proposal_id)
    check_version(proposal, expected_version)
    part = lock(ProposalPart.objects.filter(pk=part_id).select_related("provider", "offering", "session"))
    part.proposal = proposal
    return proposal, part


def need_lives(request: "TrainingRequest") -> bool:
    """Tell whether something may still be agreed on for a locked request."""
    return not need_is_gone(request)


def check_need_lives(request: "TrainingRequest", verb: str) -> None:
    """Raise DomainError(wrong_state) for a locked request that was withdrawn, cancelled, merged or given up, or has ended."""
    if not need_lives(request):
        raise wrong_state(request, verb)


def is_overtaken(part: ProposalPart) -> bool:
    """Tell whether the need has changed in a way that matters since a part was proposed or its partner asked again."""
    return part.content_version not in (None, part.proposal.request.content_version)


def what_is_out(part: ProposalPart) -> LifecycleRecord | None:
    """Give the provider, offering or session of a part that was suspended, retired or cancelled; None while all stand."""
    things = (getattr(part, name) for name in OUT)
    return next((thing for thing in things if thing is not None and thing.state in OUT[thing.resource]), None)


def check_stands(part: ProposalPart, verb: str) -> None:
    """Raise DomainError(wrong_state) for a part whose provider, offering or session is out."""
    out = what_is_out(part)
    if out is not None:
        raise wrong_state(out, verb)
