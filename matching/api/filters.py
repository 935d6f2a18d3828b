"""Allow-listed filters of runs and proposals."""

import django_filters

from marketplace.api.filters import CodesFilter, FilterSet, StateFilter, UpdatedSince
from matching.lifecycle import PROPOSAL, RUN


class RunFilters(FilterSet):
    """Filters of `GET /match-runs`."""

    state = StateFilter(RUN)
    mode = CodesFilter("mode", allowed=("request", "preview"))
    request = CodesFilter("request__reference")
    updated_since = UpdatedSince()


class ProposalFilters(FilterSet):
    """Filters of `GET /proposals`."""

    state = StateFilter(PROPOSAL)
    origin = CodesFilter("origin", allowed=("engine", "provider", "secretariat"))
    request = CodesFilter("request__reference")
    run = CodesFilter("run__public_id")
    lead = CodesFilter("lead__code")
    waiting_for = CodesFilter("waiting_for")
    four_eyes = django_filters.BooleanFilter()
    covers_all = django_filters.BooleanFilter()
    due_before = django_filters.IsoDateTimeFilter("due_at", lookup_expr="lt")
    updated_since = UpdatedSince()
