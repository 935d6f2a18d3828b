"""Asking a partner: lines claimed, capacity held, question put; taking it back; and losing a partner."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from marketplace.accounts.actors import Actor
from marketplace.kernel.periods import add_working_days
from marketplace.lifecycles.operations import transition
from marketplace.work import operations as work
from matching.lifecycle import CLAIMING_PARTS, ENDED_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations.ending import end
from providers import operations as providers
from requests_app import operations as requests

if TYPE_CHECKING:
    from requests_app.models import RequestShare

MATCHING = Actor.system("matching")
NET_DAYS = 10  # working days after a deadline at which a hold ends by itself, should nobody have given it back
ACCEPTED_DAYS = 250  # a year: accepted parts wait for the others and for the endorsement


def ask(part: ProposalPart, verb: str, *, actor: Actor, at: datetime, reason_text: str = "") -> None:
    """Claim the lines, hold the capacity and put the question to the partner with its deadline.

    Raises DomainError(line_taken, capacity_exhausted, wrong_state); the caller's transaction then leaves nothing behind.
    """
    part.asked_at = part.asked_at or at
    transition(part, verb, target="asked", actor=actor, at=at, reason_text=reason_text, columns=("asked_at",))
    _claim(part, actor=actor, at=at)
    # The approver may be the chair's, who may approve but not share: that the partner reads the request follows by itself.
    requests.share_request(
        actor=MATCHING,
        at=at,
        request_id=part.proposal.request_id,
        organization_ids=frozenset({part.provider.organization_id}),
    )


def _claim(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Claim the lines of a part and hold what it needs until some days after its deadline."""
    shares = [requests.LineShare(line.line_id, line.participants) for line in part.lines.all()]
    requests.claim_lines(actor=actor, at=at, claimant=part.public_id, claims=shares)
    wants = wants_of(part)
    if wants:
        providers.place_holds(actor=actor, at=at, holder=part.public_id, wants=wants, expires_at=_hold_until(part, at))


def _hold_until(part: ProposalPart, at: datetime) -> datetime:
    """Give the end of a hold: some working days after the open step, or long for a part that has accepted.

    The deadline of the step itself gives the hold back; this end is the net below it.
    """
    return add_working_days(part.due_at or at, NET_DAYS if part.due_at else ACCEPTED_DAYS)


def extend_holds(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Let the holds of a part last as its new step does."""
    providers.extend_holds(actor=actor, at=at, holder=part.public_id, expires_at=_hold_until(part, at))


def wants_of(part: ProposalPart) -> list[providers.Want]:
    """Give what a part needs of a session (seats) or of a capacity window (its units)."""
    if part.slot_kind not in ("session", "capacity_window") or not part.capacity_wanted:
        return []
    return [providers.Want(session_id=part.session_id, window_id=part.window_id, quantity=part.capacity_wanted)]


def move_capacity(part: ProposalPart, *, held_before: bool, actor: Actor, at: datetime) -> None:
    """Bring what is held for a part to what its new terms need, all or nothing. Raises DomainError(capacity_exhausted)."""
    wants = wants_of(part)
    until = _hold_until(part, at)
    if held_before and wants:
        providers.move_holds(actor=actor, at=at, holder=part.public_id, wants=wants, expires_at=until)
    elif held_before:
        providers.release_holds(actor=actor, at=at, holder=part.public_id)
    elif wants:
        providers.place_holds(actor=actor, at=at, holder=part.public_id, wants=wants, expires_at=until)


def in_lock_order(parts: Iterable[ProposalPart]) -> list[ProposalPart]:
    """Sort parts by what they hold, sessions before windows, by key: proposals of several requests never lock crosswise."""
    return sorted(parts, key=lambda part: (part.window_id is not None, part.session_id or part.window_id or 0, part.pk))


def let_go(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Give lines and capacity of a part back; its partner reads the request no longer, unless another part asks it, too."""
    requests.release_lines(actor=actor, at=at, claimant=part.public_id)
    providers.release_holds(actor=actor, at=at, holder=part.public_id)
    end_share(part.proposal.request_id, part.provider.organization_id, at=at, but_for=part)


def end_share(
    request_id: int, organization_id: int, *, at: datetime, but_for: ProposalPart | None = None
) -> "RequestShare | None":
    """End what an organization reads of a locked request by being asked; None while another part than ``but_for`` asks it."""
    parts = ProposalPart.objects.filter(proposal__request=request_id, provider__organization=organization_id)
    left = parts if but_for is None else parts.exclude(pk=but_for.pk)
    if left.filter(state__in=CLAIMING_PARTS).exists():
        return None
    # As with the question itself: who lets go of a part may be anybody, and this follows by itself.
    return requests.end_asked(actor=MATCHING, at=at, request_id=request_id, organization_id=organization_id)


def close_counter(part: ProposalPart, outcome: str, *, at: datetime) -> None:
    """End the open counter-offer of a part, if there is one."""
    part.counters.filter(closed_at__isnull=True).update(closed_at=at, outcome=outcome)


def withdraw_parts(proposal: MatchProposal, *, actor: Actor, at: datetime, reason_code: str = "") -> None:
    """Withdraw every part that is not ended, with its claims and holds."""
    for part in in_lock_order(proposal.parts.exclude(state__in=ENDED_PARTS).select_related("provider")):
        part.proposal = proposal
        if part.state in CLAIMING_PARTS:
            let_go(part, actor=actor, at=at)
            close_counter(part, "withdrawn", at=at)
        transition(part, "withdraw", actor=actor, at=at, reason_code=reason_code)


def release(proposal: MatchProposal, *, at: datetime, reason_code: str) -> None:
    """Give a proposal up whose need changed or went away, with all its parts."""
    withdraw_parts(proposal, actor=MATCHING, at=at, reason_code=reason_code)
    end(proposal, "release", actor=MATCHING, at=at, reason_code=reason_code)


def lapse(part: ProposalPart, *, actor: Actor, at: datetime, reason_code: str) -> None:
    """Let a part lapse that is being asked or has accepted, and have the next best looked for."""
    close_counter(part, "withdrawn", at=at)
    transition(part, "lapse", actor=actor, at=at, reason_code=reason_code)
    lose(part, actor=actor, at=at)


def lose(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Give back what a refused or lapsed part held, and have the next best looked for."""
    let_go(part, actor=actor, at=at)
    seek_replacement(part, actor=actor, at=at)


def seek_replacement(lost: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Have the next best for a lost part looked for in the background; until then the proposal waits for the engine."""
    proposal = lost.proposal
    data = {"part": str(lost.public_id), "part_state": lost.state}
    transition(proposal, "seek_replacement", actor=actor, at=at, data=data)
    key = f"replace:{lost.public_id}:{proposal.version}"
    work.enqueue("matching.replace_part", {"part": str(lost.public_id)}, key=key, at=at)
