"""Who sees which engagements: the parties, the secretariat, and auditors within their programmes."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from fulfilment.models import (
    Change,
    CostShare,
    Delivery,
    Engagement,
    EngagementParty,
    Evaluation,
    Milestone,
    OutcomeStory,
)
from marketplace.accounts.actors import Actor, Right
from marketplace.accounts.permissions import granted_ids, is_secretariat
from marketplace.kernel.errors import DomainError, ErrorCode

# A grant of a right in these shows engagements.
ROOMS = ("engagements", "evaluations")


def engagements_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Engagement]:
    """Give the engagements of the organizations that ``actor`` sees for; all for the secretariat; auditors see those of
    their programmes. A membership limited to programmes sees only theirs; one limited to countries sees, of what its own
    side asked for, what has a line in these. `Engagement.event_scope` tells the feed the same.
    """
    if is_secretariat(actor, at):
        return Engagement.objects.all()
    seen = Q(pk__in=[])
    for right in actor.rights(at):
        seen |= _reach(right)
    granted = granted_ids(actor, at, *ROOMS)
    if granted:
        seen |= _of_parties(granted)
    return Engagement.objects.filter(seen)


def funded(rows: QuerySet[Engagement]) -> QuerySet[Engagement]:
    """Leave the engagements with days and with a share of the cost in cash that was not withdrawn."""
    shares = CostShare.objects.filter(kind="cash", state__in=("pledged", "confirmed", "received"))
    return rows.filter(start_on__isnull=False, pk__in=shares.values("engagement_id"))


def _reach(right: Right) -> Q:
    reach = Q() if right.reads_group_wide else _of_parties(right.descendant_ids)
    if right.programmes:
        reach &= Q(request__programme__code__in=right.programmes)
    if right.countries:
        reach &= Q(lines__line__country__in=right.countries) | ~Q(requesting_organization__in=right.descendant_ids)
        return Q(pk__in=Engagement.objects.filter(reach).values("pk"))  # one row for each engagement
    return reach if reach else Q(pk__isnull=False)


def _of_parties(organizations: frozenset[int]) -> Q:
    parties = EngagementParty.objects.filter(organization_id__in=organizations)
    return Q(pk__in=parties.values("engagement_id"))


def visible_subquery(actor: Actor, *, at: datetime) -> QuerySet[Engagement]:
    """Give the primary keys of the visible engagements, for filters of others."""
    return engagements_visible_to(actor, at=at).values("pk")  # type: ignore[return-value]


def find_engagement(text: str, rows: "QuerySet[Engagement]") -> Engagement:
    """Find an engagement by reference or public id among ``rows``. Raises DomainError(not_found)."""
    try:
        wanted = Q(public_id=UUID(text))
    except ValueError:
        wanted = Q(reference=text.upper())
    found = rows.filter(wanted).first()
    if found is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    return found


def deliveries_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Delivery]:
    """Give the deliveries of the visible engagements."""
    return Delivery.objects.filter(engagement__in=engagements_visible_to(actor, at=at))


def milestones_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Milestone]:
    """Give the milestones of the visible engagements."""
    return Milestone.objects.filter(engagement__in=engagements_visible_to(actor, at=at))


def cost_shares_visible_to(actor: Actor, *, at: datetime) -> QuerySet[CostShare]:
    """Give the cost shares of the visible engagements."""
    return CostShare.objects.filter(engagement__in=engagements_visible_to(actor, at=at))


def changes_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Change]:
    """Give the changes of the visible engagements."""
    return Change.objects.filter(engagement__in=engagements_visible_to(actor, at=at))


def evaluations_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Evaluation]:
    """Give the evaluations of the visible engagements."""
    return Evaluation.objects.filter(engagement__in=engagements_visible_to(actor, at=at))


def stories_visible_to(actor: Actor, *, at: datetime) -> QuerySet[OutcomeStory]:
    """Give the outcome stories of the visible engagements."""
    return OutcomeStory.objects.filter(engagement__in=engagements_visible_to(actor, at=at))
