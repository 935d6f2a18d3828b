"""Allow-listed filters of runs and proposals."""

from datetime import datetime

import django_filters
from django.db.models import QuerySet

from marketplace.api.filters import CodesFilter, FilterSet, MomentFilter, StateFilter, UpdatedSince
from marketplace.kernel.lifecycle import Party
from matching import queries
from matching.lifecycle import PROPOSAL, RUN
from matching.models import RUN_MODES, MatchProposal


class RunFilters(FilterSet):
    """Filters of `GET /match-runs`."""

    state = StateFilter(RUN)
    mode = CodesFilter("mode", allowed=RUN_MODES)
    request = CodesFilter("request__reference")
    updated_since = UpdatedSince()


class PlanLineFilters(FilterSet):
    """Filters of `GET /match-runs/{id}/plan`."""

    outcome = CodesFilter("outcome", allowed=("served", "unmet"))
    priority_class = CodesFilter("priority_class", allowed=("1", "2", "3", "4"))
    theme = CodesFilter("theme")
    request = CodesFilter("request__reference")
    agency = CodesFilter("request__requesting_organization__code")
    unmet_reason = CodesFilter("unmet_reason")


class ProposalFilters(FilterSet):
    """Filters of `GET /proposals`."""

    state = StateFilter(PROPOSAL)
    origin = CodesFilter("origin", allowed=("engine", "provider", "secretariat"))
    request = CodesFilter("request__reference")
    run = CodesFilter("run__public_id")
    lead = CodesFilter("lead__code")
    waiting_for = CodesFilter(method="owed_by", allowed=tuple(party.value for party in Party))
    four_eyes = django_filters.BooleanFilter()
    covers_all = django_filters.BooleanFilter()
    due_before = MomentFilter(method="is_due_before")
    updated_since = UpdatedSince()

    def owed_by(self, rows: QuerySet[MatchProposal], _name: str, parties: list[str]) -> QuerySet[MatchProposal]:
        """Keep what waits for one of the parties, be it in a part."""
        return rows.filter(queries.owed_by(parties))

    def is_due_before(self, rows: QuerySet[MatchProposal], _name: str, moment: datetime) -> QuerySet[MatchProposal]:
        """Keep what is due before a moment, be it in a part."""
        return rows.filter(queries.due_before(moment))
