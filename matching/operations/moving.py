"""Days that no longer hold: a session is moved, or the window of the need is."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.records.fields import PeriodColumns
from marketplace.work import operations as work
from matching.models import MatchProposal, ProposalPart
from matching.operations.policies import current_policy, engine_policy

if TYPE_CHECKING:
    from providers.models import Session

JOB = "matching.session_moved"
PERIOD = ("start_on", "end_on", "precision")
PLACE = ("country", "city")


def has_moved(part: ProposalPart) -> bool:
    """Tell whether the session of a part has other dates or another place by now; a place that was agreed on stands."""
    session = part.session
    if session is None:
        return False
    if any(getattr(part, name) != getattr(session, name) for name in PERIOD):
        return True
    return {name: part.place.get(name) or "" for name in PLACE} != _place(session) and not _has_own_place(part)


def take_session(part: ProposalPart) -> dict[str, object]:
    """Give a part dates and place of its session, unsaved; returns `{column: [before, after]}` for what is new."""
    session = part.session
    if session is None:
        return {}
    fresh: dict[str, object] = {name: getattr(session, name) for name in PERIOD}
    if not _has_own_place(part):
        fresh["place"] = _place(session)
    changes: dict[str, object] = {}
    for name, value in fresh.items():
        before = getattr(part, name)
        if before != value:
            setattr(part, name, value)
            changes[name] = [before, value] if name == "place" else [str(before), str(value)]
    return changes


def see_to(part: ProposalPart, *, at: datetime) -> None:
    """Have the job that follows a moved session see to a locked part: it may have run before the part was there."""
    if part.session is not None:
        session = str(part.session.public_id)
        key = f"{JOB}:{part.public_id}:{part.version}"
        work.enqueue(JOB, {"resource_id": session}, key=key, at=at)


def lies_outside(days: PeriodColumns, proposal: MatchProposal, *, at: datetime) -> bool:
    """Tell whether days leave the window of the need, as the engine sees it: vague ones have to touch it, no more."""
    request, start, end = proposal.request, days.start_on, days.end_on
    if start is None or end is None or request.start_on is None or request.end_on is None:
        return False
    if days.precision != "day":
        return end < request.start_on or start > request.end_on
    if request.start_on <= start and end <= request.end_on:
        return False
    spare = _tolerance(proposal, at)
    return start < request.start_on - spare or end > request.end_on + spare


def check_inside(part: ProposalPart, *, at: datetime) -> None:
    """Raise DomainError(rule_broken) for a part whose days the need allows no longer: other terms may be offered, or none."""
    request = part.proposal.request
    if lies_outside(part, part.proposal, at=at):
        detail = gettext_noop("The request allows %(earliest)s to %(latest)s.")
        dates = {"earliest": str(request.start_on), "latest": str(request.end_on)}
        raise rule_broken("", "outside_window", detail, **dates)


def _place(session: "Session") -> dict[str, str]:
    return {name: getattr(session, name) for name in PLACE}


def _has_own_place(part: ProposalPart) -> bool:
    """Tell whether the last word on the place of a part was a counter-offer that named it, not the session."""
    agreed = part.counters.filter(outcome="agreed").order_by("-closed_at", "-pk")
    last = next((counter for counter in agreed if counter.place or counter.session_id), None)
    return last is not None and bool(last.place)


def _tolerance(proposal: MatchProposal, at: datetime) -> timedelta:
    policy = proposal.run.policy if proposal.run is not None else current_policy(at=at)
    return timedelta(days=engine_policy(policy).window_tolerance_days)
