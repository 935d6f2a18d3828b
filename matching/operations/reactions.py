"""What proposals do when their need, a session, an offering, a provider or a hold changes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from marketplace.accounts import queries as accounts
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import transition
from marketplace.vocabularies import queries as vocabularies
from matching.lifecycle import CLAIMING_PARTS, LIVE_PROPOSALS, PROPOSED_PARTS, RECONFIRM, SUPERSEDABLE
from matching.models import MatchProposal, ProposalPart
from matching.operations import asking, moving, runs
from matching.operations.asking import MATCHING
from matching.operations.ending import end
from matching.operations.locking import lock_part, need_lives
from matching.operations.replacing import seek_next
from matching.queries import partner_ids, parts_with_partners
from requests_app import operations as requests
from requests_app import queries as request_queries

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest

MOVED = "session_moved"


@transaction.atomic
def need_changed(*, request: UUID, at: datetime) -> None:
    """Supersede what was only suggested, ask partners of approved proposals again, and rank anew; of a need that lives.

    What partners hold stays theirs: a line that is held cannot be cut below it or dropped. A partner whom the requester
    rules out now is lost, and so is one that must now be kept apart from a partner asked before it; a replacement that was only put forward is looked for again.
    Who was asked about what the need says now already, as after two changes in one go, is not asked once more.
    """
    locked = _lock(request)
    if not need_lives(locked):  # what follows its end lets go of everything
        return
    request_id = locked.pk
    _supersede(request_id, at=at)
    facts = request_queries.request_for_matching(request_id)
    for proposal in _of_request(request_id).filter(state="approved"):
        lost = _ruled_out(proposal, facts)
        for part in asking.in_lock_order(proposal.parts.select_related("provider", "replaces")):
            part.proposal = proposal
            _ask_again(part, lost, at=at)
    runs.rank_if_open(request_id, at=at)


@transaction.atomic
def need_gone(*, request: UUID, at: datetime, reason: str) -> None:
    """Supersede or release every live proposal of a need that was withdrawn, cancelled, merged or given up.

    One that was opened again before this came to pass keeps what it has: that was suggested to it, or decided, since.
    """
    locked = _lock(request)
    if need_lives(locked):
        return
    request_id = locked.pk
    _supersede(request_id, at=at, reason_code=reason)
    for proposal in _of_request(request_id).filter(state="approved"):
        asking.release(proposal, at=at, reason_code=reason)
    runs.cancel_open_runs(request_id, actor=MATCHING, at=at)


@transaction.atomic
def need_served(*, request: UUID, at: datetime) -> None:
    """Supersede the other suggestions once every line of a need is placed: nobody has to decide on them any more."""
    request_id = _lock(request).pk
    if not request_queries.is_open(request_id):
        _supersede(request_id, at=at, reason_code="need_served")


@transaction.atomic
def lines_unmet(*, request: UUID, at: datetime) -> None:
    """Take back what was suggested or put forward for lines that were given up as not yet met, and rank anew what is left.

    A run that is under way may have read those lines as open: another takes its place.
    """
    request_id = _lock(request).pk
    given_up = ProposalPart.objects.filter(proposal__request=request_id, lines__line__state="unmet")
    _parts_gone(given_up.exclude(state__in=CLAIMING_PARTS).distinct(), at=at, reason="marked_unmet")
    runs.cancel_open_runs(request_id, actor=MATCHING, at=at, reason_code="need_changed")
    runs.rank_if_open(request_id, at=at)


def session_moved(*, session: UUID, at: datetime) -> None:
    """Ask the partners again whose session has other dates or another place now; where the need has no room for it, it is lost.

    What nobody was asked about yet is taken back and the need is ranked anew.
    """
    for part_id in _live(ProposalPart.objects.filter(session__public_id=session)):
        _part_moved(part_id, at=at)


def session_gone(*, session: UUID, at: datetime) -> None:
    """Take a cancelled session out of every live proposal."""
    _parts_gone(ProposalPart.objects.filter(session__public_id=session), at=at, reason="session_cancelled")


def offering_gone(*, offering: UUID, at: datetime) -> None:
    """Take a suspended or retired offering out of every live proposal."""
    _parts_gone(ProposalPart.objects.filter(offering__public_id=offering), at=at, reason="offering_withdrawn")


def provider_gone(*, provider: UUID, at: datetime) -> None:
    """Take a suspended provider out of every live proposal."""
    _parts_gone(ProposalPart.objects.filter(provider__public_id=provider), at=at, reason="provider_suspended")


def hold_gone(*, holder: UUID, at: datetime) -> None:
    """Let a part lapse whose reservation ended by itself: what was asked of the partner is no longer kept for it."""
    parts = ProposalPart.objects.filter(public_id=holder, state__in=CLAIMING_PARTS)
    _parts_gone(parts, at=at, reason="hold_lapsed")


def _live(parts: QuerySet[ProposalPart]) -> list[int]:
    live = parts.filter(state__in=["suggested", *PROPOSED_PARTS, *CLAIMING_PARTS], proposal__state__in=LIVE_PROPOSALS)
    return list(live.order_by("proposal__request_id", "pk").values_list("pk", flat=True))


def _parts_gone(parts: QuerySet[ProposalPart], *, at: datetime, reason: str) -> None:
    for part_id in _live(parts):
        _part_gone(part_id, at=at, reason=reason)


@transaction.atomic
def _part_moved(part_id: int, *, at: datetime) -> None:
    proposal, part = lock_part(part_id)
    if part.session is None or not moving.has_moved(part):
        return
    asked = part.state in CLAIMING_PARTS and proposal.state == "approved"
    if asked and not moving.lies_outside(part.session, proposal, at=at):
        changes = moving.take_session(part)
        _reconfirm(part, at=at, reason_code=MOVED, changes=changes)
    else:
        _take_out(proposal, part, at=at, reason=MOVED)


@transaction.atomic
def _part_gone(part_id: int, *, at: datetime, reason: str) -> None:
    """One part in one transaction: a broken one does not hold up the others."""
    proposal, part = lock_part(part_id)
    _take_out(proposal, part, at=at, reason=reason)


def _take_out(proposal: MatchProposal, part: ProposalPart, *, at: datetime, reason: str) -> None:
    if part.state in CLAIMING_PARTS and proposal.state == "approved":
        asking.lapse(part, actor=MATCHING, at=at, reason_code=reason)
    elif part.state in PROPOSED_PARTS and proposal.state == "approved":
        _drop_replacement(part, at=at, reason_code=reason)
    elif proposal.state in (*SUPERSEDABLE, "awaiting_second_approval"):
        _end(proposal, at=at, reason_code=reason)
        runs.rank_if_open(proposal.request_id, at=at)


def _ruled_out(proposal: MatchProposal, facts: request_queries.RequestFacts) -> frozenset[int]:
    """Give the parts (primary keys) whose partners the need rules out, alone or beside those that were asked before."""
    parts = [part for part in parts_with_partners(proposal) if part.state in CLAIMING_PARTS]
    codes = accounts.codes_of(partner_ids(parts))
    lost: set[int] = set()
    inside: set[str] = set()
    for part in parts:
        united = inside | {codes[pk] for pk in partner_ids([part])}
        apart = any(united >= set(pair) for pair in facts.kept_apart)
        if apart or part.provider.organization_id in facts.excluded_organization_ids:
            lost.add(part.pk)
        else:
            inside = united
    return frozenset(lost)


def _ask_again(part: ProposalPart, lost: frozenset[int], *, at: datetime) -> None:
    """Ask one partner again after a change that matters; `lost` are the parts that the need rules out now."""
    if part.pk in lost:
        asking.lapse(part, actor=MATCHING, at=at, reason_code="excluded_by_requester")
    elif part.content_version == part.proposal.request.content_version:
        return
    elif part.state in PROPOSED_PARTS:
        _drop_replacement(part, at=at, reason_code="need_changed")
    elif part.state in CLAIMING_PARTS:
        part.content_version = part.proposal.request.content_version
        _reconfirm(part, at=at, reason_code="need_changed", columns=("content_version",))


def _reconfirm(
    part: ProposalPart,
    *,
    at: datetime,
    reason_code: str,
    columns: Iterable[str] = (),
    changes: Mapping[str, object] | None = None,
) -> None:
    """Ask a partner again, whatever it has answered; each question has days of its own. `changes` name columns, too."""
    asking.close_counter(part, "withdrawn", at=at)
    part.answered_at, part.answered_by = None, ""
    transition(
        part,
        "reconfirm",
        actor=MATCHING,
        at=at,
        reason_code=reason_code,
        changes=changes,
        columns=("answered_at", "answered_by", *columns, *(changes or ())),
        step_days=vocabularies.service_level(RECONFIRM.code).working_days,
    )
    asking.extend_holds(part, actor=MATCHING, at=at)


def _drop_replacement(part: ProposalPart, *, at: datetime, reason_code: str) -> None:
    transition(part, "decline", actor=MATCHING, at=at, reason_code=reason_code)
    seek_next(part, actor=MATCHING, at=at)


def _lock(public_id: UUID) -> "TrainingRequest":
    request_id = request_queries.request_id_of(public_id)
    if request_id is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return requests.lock_request(request_id=request_id)


def _of_request(request_id: int) -> QuerySet[MatchProposal]:
    rows = MatchProposal.objects.select_for_update(of=("self",)).select_related("request", "lead")
    return rows.filter(request_id=request_id).order_by("pk")


def _supersede(request_id: int, *, at: datetime, reason_code: str = "need_changed") -> None:
    """End whatever nobody was asked about yet."""
    for proposal in _of_request(request_id).filter(state__in=[*SUPERSEDABLE, "awaiting_second_approval"]):
        _end(proposal, at=at, reason_code=reason_code)


def _end(proposal: MatchProposal, *, at: datetime, reason_code: str) -> None:
    if proposal.state == "awaiting_second_approval":
        asking.release(proposal, at=at, reason_code=reason_code)
    else:
        end(proposal, "supersede", actor=MATCHING, at=at, reason_code=reason_code)
