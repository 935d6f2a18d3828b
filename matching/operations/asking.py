"""Asking a partner: lines claimed, capacity held, question put; and taking all of it back."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.kernel.periods import add_working_days
from marketplace.lifecycles.operations import transition
from matching.lifecycle import CLAIMING_PARTS
from matching.models import MatchProposal, ProposalPart
from providers import operations as providers
from requests_app import operations as requests

NET_DAYS = 10  # working days after a deadline at which a hold ends by itself, should nobody have given it back
ACCEPTED_DAYS = 250  # a year: accepted parts wait for the others and for the endorsement


def ask(part: ProposalPart, verb: str, *, actor: Actor, at: datetime) -> None:
    """Claim the lines, hold the capacity and put the question to the partner with its deadline.

    Raises DomainError(line_taken, capacity_exhausted, wrong_state); the caller's transaction then leaves nothing behind.
    """
    transition(part, verb, target="asked", actor=actor, at=at)
    claim(part, actor=actor, at=at)
    organization_ids = frozenset({part.provider.organization_id})
    request_id = part.proposal.request_id
    requests.share_request(actor=actor, at=at, request_id=request_id, organization_ids=organization_ids, reason="asked")


def claim(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Claim the lines of a part and hold what it needs until some days after its deadline."""
    shares = [requests.LineShare(line.line_id, line.participants) for line in part.lines.all()]
    requests.claim_lines(actor=actor, at=at, claimant=part.public_id, claims=shares)
    wants = wants_of(part)
    if wants:
        providers.place_holds(actor=actor, at=at, holder=part.public_id, wants=wants, expires_at=hold_until(part, at))


def hold_until(part: ProposalPart, at: datetime) -> datetime:
    """Give the end of a hold: some working days after the open step, or long for a part that has accepted.

    The deadline of the step itself gives the hold back; this end is the net below it.
    """
    return add_working_days(part.due_at or at, NET_DAYS if part.due_at else ACCEPTED_DAYS)


def extend_holds(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Let the holds of a part last as its new step does."""
    providers.extend_holds(actor=actor, at=at, holder=part.public_id, expires_at=hold_until(part, at))


def wants_of(part: ProposalPart) -> list[providers.Want]:
    """Give what a part needs of a session (seats) or of a capacity window (its units)."""
    if part.slot_kind not in ("session", "capacity_window") or not part.capacity_wanted:
        return []
    return [providers.Want(session_id=part.session_id, window_id=part.window_id, quantity=part.capacity_wanted)]


def let_go(part: ProposalPart, *, actor: Actor, at: datetime) -> None:
    """Give lines and capacity of a part back."""
    requests.release_lines(actor=actor, at=at, claimant=part.public_id)
    providers.release_holds(actor=actor, at=at, holder=part.public_id)


def close_counter(part: ProposalPart, outcome: str, *, at: datetime) -> None:
    """End the open counter-offer of a part, if there is one."""
    part.counters.filter(closed_at__isnull=True).update(closed_at=at, outcome=outcome)


def withdraw_parts(proposal: MatchProposal, *, actor: Actor, at: datetime, reason_code: str = "") -> None:
    """Withdraw every part that is not ended, with its claims and holds."""
    ended = ("refused", "lapsed", "withdrawn", "superseded")
    for part in proposal.parts.exclude(state__in=ended).select_related("provider").order_by("pk"):
        part.proposal = proposal
        if part.state in CLAIMING_PARTS:
            let_go(part, actor=actor, at=at)
            close_counter(part, "withdrawn", at=at)
        transition(part, "withdraw", actor=actor, at=at, reason_code=reason_code)
