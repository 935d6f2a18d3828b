"""The bugs that the races are there to find; see `planted`.

Each is what a hurried author would write: look first, write later.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from marketplace.accounts.actors import Actor
from marketplace.api import idempotency
from marketplace.api.models import IdempotencyKey
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles import operations as lifecycles
from matching.models import MatchProposal
from matching.operations import decisions, limits, locking
from matching.queries import spending
from providers.models import CapacityWindow, Session
from providers.operations import holds
from requests_app.models import LineClaim, RequestLine
from requests_app.operations import placing

ASK_ALL = decisions._ask_all
BEAT_SECONDS = 2.0  # who looks within one beat writes at its end: on a machine of any speed, one round shows the bug


def wait_for_the_beat() -> None:
    """Stand in for the pause between look and write that a busy server makes for nothing."""
    time.sleep(BEAT_SECONDS - time.time() % BEAT_SECONDS)


def shift(place: holds.Place, *, held: int = 0, confirmed: int = 0) -> None:
    """Read what is free, then write the new sum."""
    row: Any = (CapacityWindow if place.kind else Session).objects.get(pk=place.pk)
    column, free = ("held", row.free) if place.kind else ("seats_held", row.seats_free)
    if held > free:
        raise holds._exhausted(place, held)
    wait_for_the_beat()
    type(row).objects.filter(pk=row.pk).update(**{column: getattr(row, column) + held})


def claim(line: RequestLine, share: placing.LineShare, claimant: UUID, at: datetime) -> None:
    """Look whether the line is open, then claim it, without the mark that the unique index looks at."""
    if line.claimed + share.participants > line.participants_max:
        raise placing._line_taken(line, share.participants)
    wait_for_the_beat()
    RequestLine.objects.filter(pk=line.pk).update(claimed=line.claimed + share.participants)
    line.refresh_from_db(fields=["claimed"])
    LineClaim.objects.create(
        line=line, claimant=claimant, participants=share.participants, exclusive=False, claimed_at=at
    )


def lock(rows: Any, *, expected_version: int | None = None) -> Any:
    """Read without a lock."""
    row = rows.first()
    lifecycles.check_version(row, expected_version)
    return row


def lock_lines(request: Any, line_ids: Any = None) -> list[RequestLine]:
    """Read without a lock."""
    lines = list(RequestLine.objects.filter(pk__in=list(line_ids)))
    for line in lines:
        line.request = request
    return lines


def ask_all(proposal: MatchProposal, *, actor: Actor, at: datetime) -> None:
    """Look what is left of the ceiling, then ask; what others ask for meanwhile is not looked at."""
    request = proposal.request
    taken = spending.committed([request.pk], at=at).get(request.pk, Decimal(0))
    own = sum((part.cost_amount or Decimal(0) for part in proposal.parts.all()), Decimal(0))
    if request.budget_ceiling is not None and taken + own > request.budget_ceiling:
        raise DomainError(ErrorCode.CEILING_EXCEEDED, cost=own, ceiling=request.budget_ceiling, left=taken)
    wait_for_the_beat()
    ASK_ALL(proposal, actor=actor, at=at)


def look_no_more(proposal: MatchProposal, *, at: datetime) -> None:
    """Trust the look that came first."""


def once(request: Any, key: str, run: Callable[[], Any], *, secret: Sequence[str] = ()) -> Any:
    """Look for a stored answer, do the work, then store it."""
    actor = f"{request.actor.kind}:{request.actor.public_id}"
    row = IdempotencyKey.objects.filter(actor=actor, route=request.path, key=key).first()
    if row is not None:
        return idempotency._again(row, row.body_hash)
    response = run()
    IdempotencyKey.objects.get_or_create(
        actor=actor,
        route=request.path,
        key=key,
        defaults={
            "body_hash": "0" * 64,
            "status": response.status_code,
            "headers": {},
            "body": response.rendered_content,
            "created_at": request.at,
        },
    )
    return response


def plant() -> None:
    """Put the bugs in the places of what they are variants of."""
    for module, name, bug in (
        (holds, "_shift", shift),
        (placing, "_claim", claim),
        (placing, "lock_lines", lock_lines),
        (decisions, "_ask_all", ask_all),
        (limits, "check_ceiling", look_no_more),
        (lifecycles, "lock", lock),
        (locking, "lock", lock),
        (idempotency, "once", once),
    ):
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__}.{name} is gone: plant its bug elsewhere")
        setattr(module, name, bug)
