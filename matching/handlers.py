"""What matching does when something became true elsewhere, when a deadline passes, and in the background."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.events.registry import handles
from marketplace.lifecycles.registry import deadline_effect
from marketplace.work.registry import job
from matching import tasks
from matching.operations import deadlines, reactions

deadline_effect("proposal.consult")(deadlines.end_consultation)
deadline_effect("proposal.second_approval")(deadlines.lapse_second_approval)
deadline_effect("proposal.answer")(deadlines.lapse_part)
deadline_effect("proposal.counter_consent")(deadlines.end_counter)
deadline_effect("request.match")(deadlines.give_up_run)

job("matching.rank", prepare=tasks.prepare_ranking, lease_seconds=60, max_attempts=5)(tasks.write_ranking)
job("matching.replace_part", prepare=tasks.prepare_replacement, lease_seconds=60)(tasks.write_replacement)


@handles("training_request.opened", "training_request.reopened", "proposal.failed", kind="matching.rank_request")
@job("matching.rank_request")
def rank_request(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Ask for a run when a request opens, opens again, or lost its last partner."""
    tasks.start_run(payload, at=at)


@handles("training_request.changed", kind="matching.need_changed")
@job("matching.need_changed")
def need_changed(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Ask partners again and rank anew when an open request changed in a way that matters."""
    if payload["data"].get("material"):
        reactions.need_changed(request=UUID(payload["resource_id"]), at=at)


@handles(
    "training_request.withdrawn",
    "training_request.cancelled",
    "training_request.merged",
    "training_request.marked_unmet",
    kind="matching.need_gone",
)
@job("matching.need_gone")
def need_gone(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Let go of the proposals of a need that is no longer open."""
    reason = payload["type"].removeprefix("training_request.")
    reactions.need_gone(request=UUID(payload["resource_id"]), at=at, reason=reason)


@handles("session.cancelled", kind="matching.session_gone")
@job("matching.session_gone")
def session_gone(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Replace the parts that stood on a cancelled session."""
    reactions.session_gone(session=UUID(payload["resource_id"]), at=at)


@handles("offering.suspended", "offering.retired", kind="matching.offering_gone")
@job("matching.offering_gone")
def offering_gone(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Replace the parts that stood on a withdrawn offering."""
    reactions.offering_gone(offering=UUID(payload["resource_id"]), at=at)


@handles("provider.suspended", kind="matching.provider_gone")
@job("matching.provider_gone")
def provider_gone(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Replace the parts of a suspended provider."""
    reactions.provider_gone(provider=UUID(payload["resource_id"]), at=at)
