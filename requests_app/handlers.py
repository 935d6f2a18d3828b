"""What this app does at deadlines, whom a step of its things concerns, and who may be written to about them."""

from datetime import datetime
from typing import cast

from django.db.models import QuerySet

from marketplace.accounts.actors import Actor
from marketplace.kernel.lifecycle import Party
from marketplace.kernel.periods import add_working_days
from marketplace.lifecycles.registry import deadline_effect
from marketplace.notifications import recipients, sight
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies import queries as vocabularies
from marketplace.work.operations import enqueue
from requests_app import operations, queries
from requests_app.models import Clarification, Endorsement, TrainingRequest
from requests_app.tasks import CLOCK


@deadline_effect("request.call_for_offers")
def end_call(record: LifecycleRecord, at: datetime) -> None:
    """End the call: the secretariat decides what follows."""
    if vocabularies.service_level("request.call_for_offers").deadline_effect != "none":
        operations.end_call(actor=CLOCK, at=at, request_id=record.pk)


@deadline_effect("request.answer")
def schedule_withdrawal(record: LifecycleRecord, at: datetime) -> None:
    """Leave a returned request as it is, and withdraw it when the long time of grace is over too."""
    level = vocabularies.service_level("request.answer")
    if level.deadline_effect == "none" or record.due_at is None or level.effect_after_working_days is None:
        return
    due = record.due_at.isoformat()
    enqueue(
        "requests.withdraw_unanswered",
        {"request_id": record.pk, "due_at": due},
        at=at,
        due_at=add_working_days(record.due_at, level.effect_after_working_days),
        key=f"requests.withdraw_unanswered:{record.public_id}:{due}",
    )


@recipients.concerned("training_request")
@recipients.concerned("clarification")
@recipients.concerned("endorsement")
def concerned(record: LifecycleRecord, party: Party, at: datetime) -> recipients.Concerned:
    """Say which organizations a party of a request, a question about it or an endorsement is, and for which countries."""
    part = record if isinstance(record, Clarification | Endorsement) else None
    request = part.request if part else cast("TrainingRequest", record)
    organizations: frozenset[int] = frozenset()
    if party is Party.REQUESTER:
        organizations = frozenset({request.requesting_organization_id})
    elif party is Party.AUTHORITY and isinstance(record, Endorsement):
        organizations = frozenset({record.authority_id})
    elif party is Party.PROVIDERS:
        organizations = request.event_scope(at=at).organization_ids
    countries = {line.country for line in request.lines.all() if line.country} or {request.place_country}
    return recipients.Concerned(
        organizations, frozenset(countries), request.programme.code if request.programme else ""
    )


@sight.seen("training_request", route="request-detail")
def requests_seen(actor: Actor, at: datetime) -> QuerySet[TrainingRequest]:
    """Say which requests a person may be written to about."""
    return queries.requests_visible_to(actor, at=at)


@sight.seen("clarification", route="request-clarification-detail", parent="request")
def clarifications_seen(actor: Actor, at: datetime) -> QuerySet[Clarification]:
    """Say which questions a person may be written to about."""
    return queries.clarifications_visible_to(actor, at=at)


@sight.seen("endorsement", route="request-endorsement-detail", parent="request")
def endorsements_seen(actor: Actor, at: datetime) -> QuerySet[Endorsement]:
    """Say which endorsements a person may be written to about."""
    return queries.endorsements_readable_by(actor, at=at)
