"""Allow-listed filters of the catalogue."""

from functools import reduce
from operator import or_
from typing import Any

import django_filters
from django.db.models import F, QuerySet

from marketplace.api.filters import (
    CodesFilter,
    CountFilter,
    FilterSet,
    JsonListFilter,
    MomentFilter,
    StateFilter,
    UpdatedSince,
)
from providers import queries
from providers.lifecycle import OFFERING, PROVIDER, SESSION
from providers.models import Offering


class ThemeFilter(CodesFilter):
    """Offerings on a theme or a narrower one; `field_name` leads from the row to its offering ("" = the row itself)."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        """Keep what is on any of the themes."""
        if not value:
            return qs
        found = Offering.everything.none().values("pk")
        for theme in value:
            found = found.union(queries.offerings_on_theme(Offering.everything.all(), theme).order_by().values("pk"))
        column = f"{self.field_name}__in" if self.field_name else "pk__in"
        return qs.filter(**{column: found})


class FacetFilter(CodesFilter):
    """Offerings that have one of the codes in one of their lists."""

    def __init__(self, facet: str, *, help_text: str = "") -> None:
        self.facet = facet
        super().__init__("facets__code", distinct=True, help_text=help_text)

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        """Keep what has any of the codes."""
        return queries.having(qs, self.facet, set(value)) if value else qs


class ServedFilter(CodesFilter):
    """What serves one of the countries (ISO 3166-1 alpha-3): everywhere, by name, or by one of their regions."""

    def filter(self, qs: QuerySet[Any], value: list[str] | None) -> QuerySet[Any]:
        """Keep what serves any of the countries."""
        if not value:
            return qs
        serving = queries.offerings_serving if qs.model is Offering else queries.providers_serving
        return reduce(or_, (serving(qs, country) for country in value))


class ProviderFilters(FilterSet):
    """Filters of `GET /providers`."""

    state = StateFilter(PROVIDER)
    organization = CodesFilter("organization__code")
    network_parent = CodesFilter("network_parent__code")
    country = ServedFilter("country", help_text="Country served (ISO 3166-1 alpha-3).")
    language = JsonListFilter("working_languages", help_text="Working language.")
    waiting_for = CodesFilter("waiting_for")
    due_before = MomentFilter("due_at", lookup_expr="lt")
    expires_before = django_filters.DateFilter("verification_expires_on", lookup_expr="lt")
    updated_since = UpdatedSince()


class OfferingFilters(FilterSet):
    """Filters of `GET /offerings`."""

    state = StateFilter(OFFERING)
    theme = ThemeFilter("", help_text="Theme; narrower ones are included.")
    country = ServedFilter("country", help_text="Country served (ISO 3166-1 alpha-3).")
    language = FacetFilter("language", help_text="Language of delivery.")
    audience = FacetFilter("audience")
    governance_level = FacetFilter("governance_level")
    form = CodesFilter("form")
    modality = CodesFilter("modality")
    level = CodesFilter("level")
    award = CodesFilter("award")
    provider = CodesFilter("provider__code", help_text="Code of the provider.")
    programme = CodesFilter("programme__code")
    series = CodesFilter("series__code")
    external_id = CodesFilter("external_id")
    source = CodesFilter("source")
    is_umbrella = django_filters.BooleanFilter()
    on_request = django_filters.BooleanFilter()
    customisable = django_filters.BooleanFilter()
    starts_after = django_filters.DateFilter(
        method="with_session_after", help_text="Has a bookable session that begins on this day or later."
    )
    starts_before = django_filters.DateFilter(
        method="with_session_before", help_text="Has a bookable session that begins on this day or earlier."
    )
    waiting_for = CodesFilter("waiting_for")
    due_before = MomentFilter("due_at", lookup_expr="lt")
    expires_before = django_filters.DateFilter("vetting_expires_on", lookup_expr="lt", help_text="Vetting ends before.")
    updated_since = UpdatedSince("provider")

    def with_session_after(self, rows: QuerySet[Offering], name: str, value: Any) -> QuerySet[Offering]:
        """Keep what can be joined from a day on."""
        return rows.filter(pk__in=queries.bookable_sessions().filter(start_on__gte=value).values("offering_id"))

    def with_session_before(self, rows: QuerySet[Offering], name: str, value: Any) -> QuerySet[Offering]:
        """Keep what can be joined up to a day."""
        return rows.filter(pk__in=queries.bookable_sessions().filter(start_on__lte=value).values("offering_id"))


class SessionFilters(FilterSet):
    """Filters of `GET /sessions`."""

    state = StateFilter(SESSION)
    offering = django_filters.CharFilter(method="of_offering", help_text="Code or id of the offering.")
    provider = CodesFilter("offering__provider__code", help_text="Code of the provider.")
    theme = ThemeFilter("offering", help_text="Theme; narrower ones are included.")
    country = CodesFilter("country", help_text="Country where it takes place (ISO 3166-1 alpha-3).")
    language = JsonListFilter("languages")
    modality = CodesFilter("modality")
    starts_after = django_filters.DateFilter("start_on", lookup_expr="gte")
    starts_before = django_filters.DateFilter("start_on", lookup_expr="lte")
    ends_after = django_filters.DateFilter("end_on", lookup_expr="gte")
    ends_before = django_filters.DateFilter("end_on", lookup_expr="lte")
    free_seats = CountFilter(method="with_free_seats", help_text="At least so many free seats.")
    external_id = CodesFilter("external_id")
    source = CodesFilter("source")
    updated_since = UpdatedSince("offering", "offering__provider")

    def of_offering(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Keep the sessions of one offering."""
        return rows.filter(offering__in=queries.named(Offering.objects.all(), value))

    def with_free_seats(self, rows: QuerySet[Any], name: str, value: int) -> QuerySet[Any]:
        """Keep the sessions that have room for so many."""
        return rows.filter(seats_total__gte=F("seats_held") + F("seats_confirmed") + value)


class WindowFilters(FilterSet):
    """Filters of `GET /capacity-windows`."""

    provider = CodesFilter("provider__code", help_text="Code of the provider.")
    unit = CodesFilter("unit", allowed=("trainer_days", "parallel_deliveries"))
    starts_before = django_filters.DateFilter("start_on", lookup_expr="lte")
    ends_after = django_filters.DateFilter("end_on", lookup_expr="gte")
    updated_since = UpdatedSince()
