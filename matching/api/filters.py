"""Allow-listed filters of runs and proposals."""

from datetime import datetime
from typing import Any

import django_filters
from django.db.models import QuerySet

from marketplace.api.filters import CodesFilter, FilterSet, IdsFilter, MomentFilter, StateFilter, UpdatedSince
from marketplace.kernel.lifecycle import Party
from matching import queries
from matching.lifecycle import PROPOSAL, RUN
from matching.models import RUN_MODES, MatchProposal
from matching.queries.serving import FITS
from requests_app.queries import NeedCriteria


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


class NeedFilters(FilterSet):
    """Filters of `GET /providers/{id}/needs`; they say what is looked for, and the query answers it."""

    theme = CodesFilter(help_text="Theme of the line, narrower ones included.")
    country = CodesFilter(help_text="Country of the line (ISO 3166-1 alpha-3).")
    region = CodesFilter(help_text="Area of the line or of its country (M49).")
    language = CodesFilter(help_text="Language of the line (BCP 47); in summary, that the request needs.")
    form = CodesFilter(help_text="The request accepts one of these forms.")
    modality = CodesFilter(help_text="The request accepts one of these modalities.")
    window_from = django_filters.DateFilter(help_text="Window ends on or after this day.")
    window_to = django_filters.DateFilter(help_text="Window begins by this day.")
    fit = CodesFilter(allowed=FITS)

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the rows as they are: what was asked is read by ``criteria``."""
        return queryset

    def criteria(self, q: str) -> NeedCriteria:
        """Give what was asked, once it was found valid."""
        asked: dict[str, Any] = self.form.cleaned_data
        return NeedCriteria(
            themes=tuple(asked["theme"] or ()),
            countries=tuple(asked["country"] or ()),
            regions=tuple(asked["region"] or ()),
            languages=tuple(asked["language"] or ()),
            forms=tuple(asked["form"] or ()),
            modalities=tuple(asked["modality"] or ()),
            window_from=asked["window_from"],
            window_to=asked["window_to"],
            q=q,
        )


class WatchFilters(FilterSet):
    """Filters of `GET /need-watches`."""

    provider = CodesFilter("provider__code", help_text="Code of the provider.")
    active = django_filters.BooleanFilter()
    updated_since = UpdatedSince()


class ProposalFilters(FilterSet):
    """Filters of `GET /proposals`."""

    state = StateFilter(PROPOSAL)
    origin = CodesFilter("origin", allowed=("engine", "provider", "secretariat"))
    request = CodesFilter("request__reference")
    run = IdsFilter("run__public_id")
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
