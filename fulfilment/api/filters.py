"""Allow-listed filters of engagements and what belongs to them."""

import django_filters

from fulfilment.lifecycle import COST_SHARE, DELIVERY, ENGAGEMENT, MILESTONE
from fulfilment.models.deliveries import OWNERS
from fulfilment.models.engagements import PARTY_ROLES
from marketplace.api.filters import CodesFilter, CountFilter, FilterSet, MomentFilter, StateFilter, UpdatedSince
from marketplace.kernel.lifecycle import Party

PARTIES = tuple(party.value for party in Party)


class EngagementFilters(FilterSet):
    """Filters of `GET /engagements`."""

    state = StateFilter(ENGAGEMENT)
    request = CodesFilter("request__reference")
    requesting_organization = CodesFilter("requesting_organization__code")
    lead = CodesFilter("lead_organization__code")
    organization = CodesFilter("parties__organization__code", distinct=True)
    role = CodesFilter("parties__role", allowed=PARTY_ROLES, distinct=True)
    offering = CodesFilter("deliveries__offering__code", distinct=True)
    form = CodesFilter("deliveries__form", distinct=True)
    country = CodesFilter("deliveries__country", distinct=True)
    programme = CodesFilter("request__programme__code")
    origin = CodesFilter("origin", allowed=("matching", "import"))
    external_id = CodesFilter("external_id")
    waiting_for = CodesFilter("waiting_for", allowed=PARTIES)
    due_before = MomentFilter("due_at", lookup_expr="lt")
    starts_after = django_filters.DateFilter("start_on", lookup_expr="gte")
    ends_before = django_filters.DateFilter("end_on", lookup_expr="lte")
    updated_since = UpdatedSince()


class DeliveryFilters(FilterSet):
    """Filters of deliveries."""

    state = StateFilter(DELIVERY)
    provider = CodesFilter("provider__code")
    waiting_for = CodesFilter("waiting_for", allowed=PARTIES)
    due_before = MomentFilter("due_at", lookup_expr="lt")
    updated_since = UpdatedSince()


class MilestoneFilters(FilterSet):
    """Filters of milestones."""

    state = StateFilter(MILESTONE)
    owner = CodesFilter("owner", allowed=OWNERS)
    kind = CodesFilter("kind")
    due_before = MomentFilter("due_at", lookup_expr="lt")
    updated_since = UpdatedSince()


class EvaluationFilters(FilterSet):
    """Filters of evaluations."""

    level = CountFilter("level", help_text="Kirkpatrick level.")
    source = CodesFilter("source", allowed=("participants", "requester", "provider", "external"))
    updated_since = UpdatedSince()


class CostShareFilters(FilterSet):
    """Filters of cost shares."""

    state = StateFilter(COST_SHARE)
    organization = CodesFilter("organization__code")
    kind = CodesFilter("kind", allowed=("cash", "in_kind"))
