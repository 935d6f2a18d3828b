"""Locks in the one order of the house: request, lines, proposal, parts (no deadlocks)."""

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import check_version, lock
from matching.models import MatchProposal, ProposalPart
from requests_app import operations as requests


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
    part = lock(ProposalPart.objects.filter(pk=part_id).select_related("provider", "offering"))
    part.proposal = proposal
    return proposal, part
