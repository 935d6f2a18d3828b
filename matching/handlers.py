"""What matching does when something became true elsewhere, when a deadline passes, and in the background."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.events.registry import handles
from marketplace.kernel.lifecycle import Party
from marketplace.lifecycles.registry import deadline_effect
from marketplace.notifications import recipients, sight
from marketplace.records.models import LifecycleRecord
from marketplace.work.registry import job
from matching import queries, tasks
from matching.models import MatchProposal, MatchRun, NeedWatch, ProposalPart
from matching.operations import deadlines, endorsing, moving, reactions
from requests_app import queries as requests

deadline_effect("proposal.consult")(deadlines.end_consultation)
deadline_effect("proposal.second_approval")(deadlines.lapse_second_approval)
deadline_effect("proposal.answer")(deadlines.pass_deadline_of_part)
deadline_effect("proposal.reconfirm")(deadlines.pass_deadline_of_part)
deadline_effect("proposal.counter_consent")(deadlines.pass_deadline_of_part)
deadline_effect("request.match")(deadlines.give_up_run)

job("matching.rank", prepare=tasks.prepare_ranking, lease_seconds=60, max_attempts=5)(tasks.write_ranking)
job("matching.plan", prepare=tasks.prepare_plan, lease_seconds=60, time_limit_seconds=1_500, max_attempts=3, at_most=2)(
    tasks.write_plan
)
job(
    "matching.publish",
    prepare=tasks.prepare_publication,
    lease_seconds=60,
    time_limit_seconds=1_500,
    max_attempts=5,
    at_most=1,
)(tasks.close_publication)
job("matching.pool", prepare=tasks.prepare_pooling, lease_seconds=60, time_limit_seconds=1_500, max_attempts=3)(
    tasks.write_pooling
)
job(
    "matching.replay",
    prepare=tasks.prepare_replay,
    lease_seconds=60,
    time_limit_seconds=1_500,
    max_attempts=3,
    at_most=1,
)(tasks.write_replay)
job("matching.replace_part", prepare=tasks.prepare_replacement, lease_seconds=60)(tasks.write_replacement)


@handles(
    "training_request.opened",
    "training_request.reopened",
    "training_request.fell_back",
    "proposal.failed",
    "proposal.confirmed",
    "engagement.cancelled",
    kind="matching.rank_request",
)
@job("matching.rank_request")
def rank_request(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Ask for a run when a request opens, opens again, lost its last partner, or found one for some lines only."""
    tasks.start_run(payload, at=at)


@job("matching.part_deadline")
def part_deadline(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Do what the deadline of a part brings with it."""
    due_at = datetime.fromisoformat(payload["due_at"])
    deadlines.meet_deadline_of_part(part=UUID(payload["part"]), due_at=due_at, at=at)


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


@handles(
    "training_request.matched",
    "training_request.delivery_begun",
    "training_request.fulfilled",
    kind="matching.need_served",
)
@job("matching.need_served")
def need_served(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Take back the other suggestions once every line is placed: agreed, under way already, or delivered."""
    reactions.need_served(request=UUID(payload["resource_id"]), at=at)


@handles("training_request.partly_unmet", kind="matching.lines_unmet")
@job("matching.lines_unmet")
def lines_unmet(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Take back what was suggested for lines that were given up, and rank the others anew."""
    reactions.lines_unmet(request=UUID(payload["resource_id"]), at=at)


@handles("endorsement.created", "endorsement.recorded", "endorsement.expired", kind="matching.endorsed")
@job("matching.endorsed")
def endorsed(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Confirm what only waited for the authority, or say who owes what now; the confirmation in turn makes the engagement."""
    request_id = requests.request_id_of(payload["data"]["request"])
    if request_id is not None:
        endorsing.confirm_endorsed(actor=tasks.WORKER, at=at, request_id=request_id)


@handles("capacity_hold.lapsed", kind="matching.hold_gone")
@job("matching.hold_gone")
def hold_gone(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Let the part lapse whose reservation has ended by itself."""
    reactions.hold_gone(holder=UUID(payload["data"]["holder"]), at=at)


@recipients.concerned("proposal")
@recipients.concerned("proposal_part")
def concerned(record: LifecycleRecord, party: Party, at: datetime) -> recipients.Concerned:
    """Say which organizations a party of a proposal or part is."""
    proposal = cast("MatchProposal", record.proposal if isinstance(record, ProposalPart) else record)
    facts = requests.request_for_matching(proposal.request_id)
    organizations: frozenset[int] = frozenset()
    if party in (Party.REQUESTER, Party.REQUESTER_AND_SECRETARIAT):
        organizations = facts.co_requester_ids | {facts.requesting_organization_id}
    elif party is Party.PROVIDER and isinstance(record, ProposalPart):
        organizations = frozenset({record.provider.organization_id})
    elif party is Party.AUTHORITY:
        pending = requests.endorsements_of(proposal.request).filter(state="pending")
        organizations = frozenset(pending.values_list("authority_id", flat=True))
    countries = frozenset(line.country for line in facts.lines if line.country)
    return recipients.Concerned(organizations, countries, facts.programme)


job(tasks.watching.TELL, prepare=tasks.prepare_telling, lease_seconds=60)(tasks.tell_watches)


@handles(
    "training_request.opened",
    "training_request.reopened",
    "training_request.fell_back",
    "training_request.changed",
    "training_request.shared",
    "training_request.posting_consented",
    kind="matching.spread_need",
)
@job("matching.spread_need")
def spread_need(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Have saved searches looked at when a need opens, changes or becomes visible to more."""
    tasks.spread(payload, at=at)


@handles("session.changed", kind=moving.JOB)
@job(moving.JOB)
def session_moved(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """Ask partners again whose session has other dates or another place, or replace them."""
    reactions.session_moved(session=UUID(payload["resource_id"]), at=at)


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


@sight.seen("proposal", route="proposal-detail")
def proposals_seen(actor: Actor, at: datetime) -> QuerySet[MatchProposal]:
    """Say which proposals a person may be written to about."""
    return queries.proposals_visible_to(actor, at=at)


@sight.seen("proposal_part", route="proposal-part-detail", parent="proposal")
def parts_seen(actor: Actor, at: datetime) -> QuerySet[ProposalPart]:
    """Say which parts a person may be written to about."""
    return queries.parts_visible_to(actor, at=at)


@sight.seen("need_watch", route="need-watch-detail")
def watches_seen(actor: Actor, at: datetime) -> QuerySet[NeedWatch]:
    """Say which saved searches a person may be written to about."""
    return queries.watches_visible_to(actor, at=at)


@sight.seen("match_run", route="match-run-detail")
def runs_seen(actor: Actor, at: datetime) -> QuerySet[MatchRun]:
    """Say which runs a person may be written to about."""
    return queries.runs_visible_to(actor, at=at)
