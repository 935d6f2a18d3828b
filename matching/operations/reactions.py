"""What proposals do when their need, a session, an offering or a provider changes."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import transition
from matching.lifecycle import CLAIMING_PARTS, SUPERSEDABLE
from matching.models import MatchProposal, ProposalPart
from matching.operations import asking, runs
from matching.operations.answers import lose_part
from matching.operations.locking import lock_part
from requests_app import operations as requests
from requests_app import queries as request_queries

REACTION = Actor.system("matching")


@transaction.atomic
def need_changed(*, request: UUID, at: datetime) -> None:
    """Supersede what was only suggested, ask partners of approved proposals again, and rank anew.

    A part whose lines are gone is withdrawn; the claims of the others follow the new numbers.
    """
    request_id = _lock(request)
    _supersede(request_id, at=at)
    for proposal in _of_request(request_id).filter(state="approved"):
        for part in proposal.parts.filter(state__in=["asked", "countered", "accepted"]).order_by("pk"):
            part.proposal = proposal
            _reconfirm(part, at=at)
    if request_queries.is_open(request_id):
        runs.request_run(actor=REACTION, at=at, request_id=request_id)


@transaction.atomic
def need_gone(*, request: UUID, at: datetime, reason: str) -> None:
    """Supersede or release every live proposal of a need that was withdrawn, cancelled, merged or given up."""
    request_id = _lock(request)
    _supersede(request_id, at=at)
    for proposal in _of_request(request_id).filter(state__in=["awaiting_second_approval", "approved"]):
        asking.withdraw_parts(proposal, actor=REACTION, at=at, reason_code=reason)
        transition(proposal, "release", actor=REACTION, at=at, reason_code=reason)
    runs.cancel_open_runs(request_id, actor=REACTION, at=at)


def session_gone(*, session: UUID, at: datetime) -> None:
    """Take a cancelled session out of every live proposal."""
    _parts_gone(ProposalPart.objects.filter(session__public_id=session), at=at, reason="session_cancelled")


def offering_gone(*, offering: UUID, at: datetime) -> None:
    """Take a suspended or retired offering out of every live proposal."""
    _parts_gone(ProposalPart.objects.filter(offering__public_id=offering), at=at, reason="offering_withdrawn")


def provider_gone(*, provider: UUID, at: datetime) -> None:
    """Take a suspended provider out of every live proposal."""
    _parts_gone(ProposalPart.objects.filter(provider__public_id=provider), at=at, reason="provider_suspended")


def _parts_gone(parts: QuerySet[ProposalPart], *, at: datetime, reason: str) -> None:
    live = parts.filter(state__in=["suggested", "replacement", "awaiting_second_approval", *CLAIMING_PARTS])
    for part_id in live.exclude(proposal__state="confirmed").order_by("pk").values_list("pk", flat=True):
        _part_gone(part_id, at=at, reason=reason)


@transaction.atomic
def _part_gone(part_id: int, *, at: datetime, reason: str) -> None:
    """One part in one transaction: a broken one does not hold up the others."""
    proposal, part = lock_part(part_id)
    if part.state in CLAIMING_PARTS and proposal.state == "approved":
        asking.close_counter(part, "withdrawn", at=at)
        transition(part, "lapse", actor=REACTION, at=at, reason_code=reason)
        lose_part(part, actor=REACTION, at=at)
    elif part.state in ("replacement", "awaiting_second_approval"):
        transition(part, "decline", actor=REACTION, at=at, reason_code=reason)
    elif proposal.state in SUPERSEDABLE:
        transition(proposal, "supersede", actor=REACTION, at=at, reason_code=reason)
    elif proposal.state == "awaiting_second_approval":
        asking.withdraw_parts(proposal, actor=REACTION, at=at, reason_code=reason)
        transition(proposal, "release", actor=REACTION, at=at, reason_code=reason)
    if request_queries.is_open(proposal.request_id):
        runs.request_run(actor=REACTION, at=at, request_id=proposal.request_id)


def _lock(public_id: UUID) -> int:
    request_id = request_queries.request_id_of(public_id)
    if request_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return requests.lock_request(request_id=request_id).pk


def _of_request(request_id: int) -> QuerySet[MatchProposal]:
    return MatchProposal.objects.filter(request_id=request_id).select_related("request").order_by("pk")


def _supersede(request_id: int, *, at: datetime) -> None:
    for proposal in _of_request(request_id).filter(state__in=SUPERSEDABLE):
        transition(proposal, "supersede", actor=REACTION, at=at)


def _reconfirm(part: ProposalPart, *, at: datetime) -> None:
    """Ask a partner again after a change that matters; what was agreed so far is kept beside the new question."""
    asking.close_counter(part, "withdrawn", at=at)
    if not part.lines.filter(line__state__in=["open", "held", "agreed"]).exists():
        asking.let_go(part, actor=REACTION, at=at)
        transition(part, "withdraw", actor=REACTION, at=at, reason_code="need_changed")
        return
    part.answered_at, part.answered_by = None, ""
    part.save(update_fields=["answered_at", "answered_by"])
    transition(part, "reconfirm", actor=REACTION, at=at, reason_code="need_changed")
