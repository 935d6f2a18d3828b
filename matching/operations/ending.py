"""How a proposal ends without an agreement: dated, with its reason, and told to a provider that had offered on its own."""

from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.lifecycles.operations import find_transition, transition
from marketplace.notifications import operations as notifications
from marketplace.notifications import recipients
from marketplace.notifications.subjects import Subject
from matching.models import MatchProposal

STAFF = frozenset({"provider_staff"})
ENDING = ("ended_at", "ended_reason", "ended_text")


def end(
    proposal: MatchProposal,
    verb: str,
    *,
    actor: Actor,
    at: datetime,
    reason_code: str,
    reason_text: str = "",
    columns: tuple[str, ...] = (),
) -> None:
    """Move a locked proposal to its end and keep when and why; who offered on its own is told. Raises DomainError(wrong_state)."""
    event = find_transition(proposal, verb).event
    proposal.ended_at, proposal.ended_reason, proposal.ended_text = at, reason_code, reason_text
    transition(
        proposal,
        verb,
        actor=actor,
        at=at,
        reason_code=reason_code,
        reason_text=reason_text,
        columns=(*columns, *ENDING),
    )
    if proposal.origin == "provider" and verb != "withdraw":
        people = recipients.of_organization(proposal.lead.organization_id, STAFF, at)
        notifications.notify(people, subject=Subject.OFFER_ANSWERED, about=proposal, at=at, event_type=event)
