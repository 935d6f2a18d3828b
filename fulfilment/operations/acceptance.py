"""The last word of the partners: when a proposal is confirmed, its engagement exists in the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from fulfilment.models import Engagement
from fulfilment.operations.creation import create_engagement, in_lock_order
from fulfilment.operations.holding import hold_engagement
from fulfilment.queries.standing import is_elsewhere
from marketplace.accounts.actors import Actor
from matching import operations as matching
from matching import queries as proposals
from providers import operations as providers
from requests_app import operations as requests

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

    Where the need went away meanwhile there is none, and what the partners held for it is given back. Where a session, a
    provider or an offering went away or got other days, before there was an engagement to hold, it is put on hold now.
    """
    proposal = proposals.proposals_visible_to(actor, at=at).filter(public_id=proposal_id).first()
    if proposal is None or proposal.state != "confirmed":
        return None
    request = requests.lock_request(request_id=proposal.request_id)
    existing = Engagement.objects.filter(proposal_id=proposal.public_id).first()
    if existing is None and not matching.need_lives(request):
        _give_back(proposal, actor, at)
        return None
    engagement = existing or create_engagement(actor=actor, at=at, terms=proposals.agreed_terms(proposal.pk))
    return _hold_what_is_out(engagement, actor, at)


def _answer(proposal: "MatchProposal", part_id: int, actor: Actor, at: datetime) -> PartAnswer:
    engagement = _engage(proposal, actor, at)
    return PartAnswer(proposal.parts.get(pk=part_id), proposal, engagement)


def _give_back(proposal: "MatchProposal", actor: Actor, at: datetime) -> None:
    parts = in_lock_order(proposals.agreed_terms(proposal.pk).parts)
    for part in parts:
        requests.release_lines(actor=actor, at=at, claimant=part.part_id)
    for part in parts:
        providers.release_holds(actor=actor, at=at, holder=part.part_id)


def _hold_what_is_out(engagement: Engagement, actor: Actor, at: datetime) -> Engagement:
    if engagement.state != "planned":
        return engagement
    for delivery in engagement.deliveries.select_related("provider", "offering", "session").order_by("number"):
        session = delivery.session
        reason = (
            ("session_cancelled" if session is not None and session.state == "cancelled" else "")
            or ("session_moved" if is_elsewhere(delivery, place=False) else "")
            or ("provider_suspended" if delivery.provider.state == "suspended" else "")
            or ("offering_suspended" if delivery.offering.state == "suspended" else "")
        )
        if reason:
            return hold_engagement(actor=actor, at=at, engagement_id=engagement.pk, reason_code=reason)
    return engagement


def _engage(proposal: "MatchProposal", actor: Actor, at: datetime) -> Engagement | None:
    if proposal.state != "confirmed":
        return None
    existing = Engagement.objects.filter(proposal_id=proposal.public_id).first()
    if existing is not None:
        return existing
    return create_engagement(actor=actor, at=at, terms=proposals.agreed_terms(proposal.pk))
