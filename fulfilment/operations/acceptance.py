"""The last word of the partners: when a proposal is confirmed, its engagement exists in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from fulfilment.models import Engagement
from fulfilment.operations.creation import create_engagement
from marketplace.accounts.actors import Actor
from matching import operations as matching
from matching import queries as proposals

if TYPE_CHECKING:
    from matching.models import MatchProposal, ProposalPart


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """What an answer led to: the part, its proposal, and the engagement once the proposal is confirmed."""

    part: "ProposalPart"
    proposal: "MatchProposal"
    engagement: Engagement | None

    @property
    def version(self) -> int:
        """The version of the proposal."""
        return self.proposal.version


@transaction.atomic
def accept_part(*, actor: Actor, at: datetime, part_id: int, expected_version: int | None = None) -> PartAnswer:
    """Accept as a partner; the last acceptance makes the engagement, in the same transaction.

    ``part_id`` is a primary key. Raises what `matching.operations.accept_part` and `create_engagement` raise.
    """
    proposal = matching.accept_part(actor=actor, at=at, part_id=part_id, expected_version=expected_version)
    return _answer(proposal, part_id, actor, at)


@transaction.atomic
def consent_counter(
    *,
    actor: Actor,
    at: datetime,
    part_id: int,
    agree: bool,
    reason_text: str = "",
    expected_version: int | None = None,
) -> PartAnswer:
    """Answer a partner's other terms; the last consent may make the engagement.

    Raises what `matching.operations.consent_counter` and `create_engagement` raise.
    """
    proposal = matching.consent_counter(
        actor=actor, at=at, part_id=part_id, agree=agree, reason_text=reason_text, expected_version=expected_version
    )
    return _answer(proposal, part_id, actor, at)


@transaction.atomic
def engage_confirmed(*, actor: Actor, at: datetime, proposal_id: UUID) -> Engagement | None:
    """Make the engagement of a proposal (public id) that was confirmed without an acceptance: by an endorsement that
    came late, or by going on without a part. Safe to repeat.
    """
    proposal = proposals.proposals_visible_to(actor, at=at).filter(public_id=proposal_id).first()
    return _engage(proposal, actor, at) if proposal else None


def _answer(proposal: "MatchProposal", part_id: int, actor: Actor, at: datetime) -> PartAnswer:
    engagement = _engage(proposal, actor, at)
    return PartAnswer(proposal.parts.get(pk=part_id), proposal, engagement)


def _engage(proposal: "MatchProposal", actor: Actor, at: datetime) -> Engagement | None:
    if proposal.state != "confirmed":
        return None
    existing = Engagement.objects.filter(proposal_id=proposal.public_id).first()
    if existing is not None:
        return existing
    return create_engagement(actor=actor, at=at, terms=proposals.agreed_terms(proposal.pk))
