"""What this app does when something became true elsewhere, when a deadline passes, and whom a step concerns."""

from datetime import datetime
from typing import cast

from django.db.models import QuerySet

from fulfilment import queries, tasks
from fulfilment.models import Change, Delivery, Engagement, Milestone
from marketplace.accounts.actors import Actor
from marketplace.events.registry import handles
from marketplace.kernel.lifecycle import Party
from marketplace.lifecycles.registry import deadline_effect
from marketplace.notifications import recipients, sight
from marketplace.records.models import LifecycleRecord
from marketplace.work import operations as work
from marketplace.work.registry import job

FOLLOWED = {
    "fulfilment.hold_for_session": (tasks.hold_for_session, ("session.cancelled",)),
    "fulfilment.hold_for_move": (tasks.hold_for_move, ("session.changed",)),
    "fulfilment.hold_for_provider": (tasks.hold_for_provider, ("provider.suspended",)),
    "fulfilment.hold_for_offering": (tasks.hold_for_offering, ("offering.suspended",)),
    "fulfilment.cancel_for_request": (
        tasks.cancel_for_request,
        ("training_request.withdrawn", "training_request.cancelled"),
    ),
    "fulfilment.engage": (tasks.engage, ("proposal.confirmed",)),
}
for kind, (task, event_types) in FOLLOWED.items():
    handles(*event_types, kind=kind)(job(kind)(task))

job("fulfilment.confirm_by_silence")(tasks.confirm_by_silence)
job("fulfilment.leave_unanswered")(tasks.leave_unanswered)

# A deadline has one record locked; what follows locks others, in the order of the house, in a job of its own.


@deadline_effect("delivery.confirm")
def silence_confirms(record: LifecycleRecord, at: datetime) -> None:
    """Let the requester's silence count as confirmation."""
    if isinstance(record, Engagement):
        work.enqueue("fulfilment.confirm_by_silence", {"engagement": record.pk}, at=at)
    elif isinstance(record, Delivery):
        work.enqueue("fulfilment.confirm_by_silence", {"engagement": record.engagement_id}, at=at)


@deadline_effect("evaluation.level3")
def level3_unanswered(record: LifecycleRecord, at: datetime) -> None:
    """Mark a follow-up at level 3 as not answered."""
    _leave_unanswered(record, at)


@deadline_effect("evaluation.level4")
def level4_unanswered(record: LifecycleRecord, at: datetime) -> None:
    """Mark a follow-up at level 4 as not answered."""
    _leave_unanswered(record, at)


def _leave_unanswered(record: LifecycleRecord, at: datetime) -> None:
    if isinstance(record, Milestone):
        work.enqueue("fulfilment.leave_unanswered", {"milestone": record.pk}, at=at)


@recipients.concerned("engagement")
@recipients.concerned("engagement_change")
@recipients.concerned("delivery")
@recipients.concerned("milestone")
def concerned(record: LifecycleRecord, party: Party, at: datetime) -> recipients.Concerned:
    """Say which organizations a party of an engagement, a delivery or a milestone is, and for which countries."""
    part = record if isinstance(record, Change | Delivery | Milestone) else None
    engagement = part.engagement if part else cast("Engagement", record)
    organizations: frozenset[int] = frozenset()
    if party in (Party.REQUESTER, Party.REQUESTER_AND_SECRETARIAT):
        organizations = frozenset({engagement.requesting_organization_id})
    elif party is Party.PROVIDER:
        delivers = record.provider.organization_id if isinstance(record, Delivery) else engagement.lead_organization_id
        organizations = frozenset({delivers})
    countries = engagement.lines.exclude(line__country="").values_list("line__country", flat=True)
    programme = engagement.request.programme
    return recipients.Concerned(organizations, frozenset(countries), programme.code if programme else "")


@sight.seen("engagement", route="engagement-detail")
def engagements_seen(actor: Actor, at: datetime) -> QuerySet[Engagement]:
    """Say which engagements a person may be written to about."""
    return queries.engagements_visible_to(actor, at=at)


@sight.seen("engagement_change", route="engagement-change-detail", parent="engagement")
def changes_seen(actor: Actor, at: datetime) -> QuerySet[Change]:
    """Say which changes a person may be written to about."""
    return queries.changes_visible_to(actor, at=at)


@sight.seen("delivery", route="engagement-delivery-detail", parent="engagement")
def deliveries_seen(actor: Actor, at: datetime) -> QuerySet[Delivery]:
    """Say which deliveries a person may be written to about."""
    return queries.deliveries_visible_to(actor, at=at)


@sight.seen("milestone", route="engagement-milestone-detail", parent="engagement")
def milestones_seen(actor: Actor, at: datetime) -> QuerySet[Milestone]:
    """Say which milestones a person may be written to about."""
    return queries.milestones_visible_to(actor, at=at)
