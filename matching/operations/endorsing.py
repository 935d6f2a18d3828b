"""Proposals that only wait for the endorsement."""

from datetime import datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from matching.models import MatchProposal
from matching.operations.confirming import confirm_if_complete
from matching.operations.locking import lock_proposal


def confirm_endorsed(*, actor: Actor, at: datetime, request_id: int) -> list[int]:
    """Confirm the proposals of a request whose partners have all accepted, if the endorsement is there now.

    Where it is not, they wait for whoever owes the next step: the authority, or the secretariat a decision.
    Gives the primary keys of those that were confirmed; call it in the transaction that makes the engagement.
    """
    waiting = MatchProposal.objects.filter(request_id=request_id, state="approved").order_by("pk")
    return [pk for pk in waiting.values_list("pk", flat=True) if _confirm(pk, actor=actor, at=at)]


@transaction.atomic
def _confirm(proposal_id: int, *, actor: Actor, at: datetime) -> bool:
    return confirm_if_complete(lock_proposal(proposal_id), actor=actor, at=at)
