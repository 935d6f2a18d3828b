"""Who holds which participants of which line, and the state of the request that follows (domain rule 1).

A claimant is the public id of a proposal's part. The numbers are kept by the database: a conditional update that
moves nothing where the line has no room, a CHECK behind it, and a partial unique index for undivided lines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from requests_app.lifecycle import DERIVED_STATES, LINE_VERBS, Placed, line_state, request_state
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from requests_app.operations.locking import lock_lines, lock_request


@dataclass(frozen=True, slots=True)
class LineShare:
    """So many participants of one line."""

    line_id: int
    participants: int


@transaction.atomic
def claim_lines(*, actor: Actor, at: datetime, claimant: UUID, claims: Sequence[LineShare]) -> None:
    """Place participants of lines of one open request for ``claimant``; all or nothing.

    The caller has checked who may approve. Raises DomainError(line_taken) where a line has not that much room or is
    undivided and held, DomainError(wrong_state) where the request is not open, DomainError(rule_broken) for fewer than
    an undivided line's minimum.
    """
    request = _lock_request_of(share.line_id for share in claims)
    if request.state != "open":
        raise lifecycles.wrong_state(request, "claim")
    lines = {line.pk: line for line in lock_lines(request, (share.line_id for share in claims))}
    for share in sorted(claims, key=lambda share: share.line_id):
        _claim(lines[share.line_id], share, claimant, at)
    _settle(request, lines.values(), actor=actor, at=at, fact="claimed", claimant=claimant)


@transaction.atomic
def resize_claim(*, actor: Actor, at: datetime, claimant: UUID, line_id: int, participants: int) -> None:
    """Give a live claim another number of participants. Raises as ``claim_lines`` does; not_found without a claim."""
    request = _lock_request_of([line_id])
    line = lock_lines(request, [line_id])[0]
    claim = _live_claims(claimant).filter(line=line).first()
    if claim is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    _check_minimum(line, participants, others=line.claimed - claim.participants)
    more = participants - claim.participants
    if not _move_claimed(line, more):
        raise _line_taken(line, more)
    claim.participants = participants
    claim.save(update_fields=["participants"])
    _settle(request, [line], actor=actor, at=at, fact="claimed", claimant=claimant)


@transaction.atomic
def agree_lines(*, actor: Actor, at: datetime, claimant: UUID) -> None:
    """Make what the claimant holds agreed: its part is confirmed. Repeating changes nothing."""
    _mark(claimant, "agreed_at", actor=actor, at=at)


@transaction.atomic
def start_lines(*, actor: Actor, at: datetime, claimant: UUID) -> None:
    """Record that a delivery for the claimant's lines has begun. Repeating changes nothing."""
    _mark(claimant, "started_at", actor=actor, at=at)


@transaction.atomic
def deliver_lines(*, actor: Actor, at: datetime, claimant: UUID, delivered: Mapping[int, int] | None = None) -> None:
    """Record that the claimant's lines are delivered; ``delivered`` gives fewer participants by line id (a shortfall).

    What a shortfall leaves of a line is free again, and the line opens where less than its minimum was delivered. A line of
    which nobody was reached is given back: nothing was delivered of it.
    """
    request = _lock_request_of_claimant(claimant)
    if request is None:
        return
    claims = list(_live_claims(claimant).filter(delivered_at__isnull=True).order_by("line_id"))
    lines = {line.pk: line for line in lock_lines(request, (claim.line_id for claim in claims))}
    for claim in claims:
        reached = min((delivered or {}).get(claim.line_id, claim.participants), claim.participants)
        _move_claimed(lines[claim.line_id], reached - claim.participants)
        if reached:
            claim.participants, claim.delivered_at = reached, at
            claim.agreed_at, claim.started_at = claim.agreed_at or at, claim.started_at or at
        else:
            claim.released_at = at
        claim.save(update_fields=["participants", "released_at", "delivered_at", "agreed_at", "started_at"])
    _settle(request, lines.values(), actor=actor, at=at, fact="delivered", claimant=claimant)


@transaction.atomic
def release_lines(*, actor: Actor, at: datetime, claimant: UUID, line_ids: Iterable[int] | None = None) -> None:
    """Give back what the claimant holds or had agreed (all, or some lines); what is delivered stays. Repeatable."""
    request = _lock_request_of_claimant(claimant)
    if request is None:
        return
    held = _live_claims(claimant).filter(delivered_at__isnull=True).order_by("line_id")
    claims = list(held if line_ids is None else held.filter(line_id__in=list(line_ids)))
    lines = {line.pk: line for line in lock_lines(request, (claim.line_id for claim in claims))}
    for claim in claims:
        _move_claimed(lines[claim.line_id], -claim.participants)
        claim.released_at = at
        claim.save(update_fields=["released_at"])
    _settle(request, lines.values(), actor=actor, at=at, fact="released", claimant=claimant)


def follow_lines(request: TrainingRequest, *, actor: Actor, at: datetime) -> None:
    """Move a locked request to the state that its lines give, where it is in one of those that follow from them."""
    if request.state not in DERIVED_STATES:
        return
    states = list(request.lines.values_list("state", flat=True))
    begun = LineClaim.objects.filter(line__request=request, released_at__isnull=True, started_at__isnull=False).exists()
    target = request_state(states, delivery_begun=begun)
    if target == "unmet":  # the last line beside those that were given up is gone: their reason is that of the whole
        code, text = request.reason_code, request.reason_text
        lifecycles.transition(request, "mark-unmet", actor=actor, at=at, reason_code=code, reason_text=text)
    elif target != request.state:
        if target == "open":  # suggestions are wanted again
            request.ranked_at = None
        lifecycles.transition(request, DERIVED_STATES[target], actor=actor, at=at, columns=("ranked_at",))


def follow_claims(line: RequestLine, *, actor: Actor, at: datetime) -> None:
    """Move a locked line to the state that its claims give, where its own numbers have changed under them."""
    target = line_state(_placed(line), line.participants_min)
    if target != line.state:
        facts = {"placed": line.claimed, "fact": "resized"}
        lifecycles.transition(line, LINE_VERBS[target], actor=actor, at=at, data=facts)


# --- the steps ----------------------------------------------------------------------------------------------------


def _lock_request_of(line_ids: Iterable[int]) -> TrainingRequest:
    ids = set(line_ids)
    found = dict(RequestLine.objects.filter(pk__in=ids).values_list("pk", "request_id"))
    if not ids or set(found) != ids or len(set(found.values())) != 1:
        raise unknown_reference("/lines", ", ".join(str(pk) for pk in sorted(ids)))
    return lock_request(request_id=found[next(iter(ids))])


def _lock_request_of_claimant(claimant: UUID) -> TrainingRequest | None:
    request_id = _live_claims(claimant).values_list("line__request_id", flat=True).first()
    return None if request_id is None else lock_request(request_id=request_id)


def _live_claims(claimant: UUID) -> QuerySet[LineClaim]:
    return LineClaim.objects.filter(claimant=claimant, released_at__isnull=True)


def _claim(line: RequestLine, share: LineShare, claimant: UUID, at: datetime) -> None:
    if line.state in ("unmet", "dropped"):
        raise lifecycles.wrong_state(line, "claim")
    if not line.divisible and line.state != "open":
        raise _line_taken(line, share.participants, free=0)
    _check_minimum(line, share.participants, others=line.claimed)
    if not _move_claimed(line, share.participants):
        raise _line_taken(line, share.participants)
    LineClaim.objects.create(
        line=line,
        claimant=claimant,
        participants=share.participants,
        exclusive=not line.divisible,
        claimed_at=at,
    )


def _check_minimum(line: RequestLine, participants: int, *, others: int) -> None:
    """An undivided line is placed in one piece: at least what its minimum lacks beside what ``others`` hold."""
    room = line.participants_max - others
    least = 1 if line.divisible else max(1, min(line.participants_min - others, room))
    if room > 0 and participants < least:
        detail = _("Line %(line)s needs at least %(least)s participants in one piece.")
        raise rule_broken("/participants", "below_minimum", detail, line=line.number, least=least)


def _move_claimed(line: RequestLine, more: int) -> bool:
    """Count participants as placed (or, negative, as free) in one statement; False where the line has no room."""
    rows = RequestLine.objects.filter(pk=line.pk, claimed__lte=F("participants_max") - more)
    if not rows.update(claimed=F("claimed") + more):
        return False
    line.refresh_from_db(fields=["claimed"])
    return True


def _line_taken(line: RequestLine, asked: int, *, free: int | None = None) -> DomainError:
    return DomainError(ErrorCode.LINE_TAKEN, line=line.number, free=line.free if free is None else free, asked=asked)


def _mark(claimant: UUID, column: str, *, actor: Actor, at: datetime) -> None:
    """Set ``agreed_at`` or ``started_at`` of the claimant's live claims and let lines and request follow."""
    request = _lock_request_of_claimant(claimant)
    if request is None:
        return
    claims = list(_live_claims(claimant).filter(**{f"{column}__isnull": True}).order_by("line_id"))
    lines = lock_lines(request, [claim.line_id for claim in claims])
    for claim in claims:
        claim.agreed_at = claim.agreed_at or at
        setattr(claim, column, at)
        claim.save(update_fields=["agreed_at", column])
    _settle(request, lines, actor=actor, at=at, fact=column.removesuffix("_at"), claimant=claimant)


def _settle(
    request: TrainingRequest, lines: Iterable[RequestLine], *, actor: Actor, at: datetime, fact: str, claimant: UUID
) -> None:
    """Bring each line to the state that its claims give, one audit record and event each; then the request."""
    for line in lines:
        target = line_state(_placed(line), line.participants_min)
        facts = {"claimant": str(claimant), "placed": line.claimed, "fact": fact}
        if target == line.state:
            lifecycles.record_change(line, "claimed", actor=actor, at=at, data=facts)
        else:
            lifecycles.transition(line, LINE_VERBS[target], actor=actor, at=at, data=facts)
    follow_lines(request, actor=actor, at=at)


def _placed(line: RequestLine) -> list[Placed]:
    live = LineClaim.objects.filter(line=line, released_at__isnull=True)
    return [
        Placed(
            participants=claim.participants,
            agreed=claim.agreed_at is not None,
            started=claim.started_at is not None,
            delivered=claim.delivered_at is not None,
        )
        for claim in live
    ]
