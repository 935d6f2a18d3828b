"""Ways to narrow a list, for the filters of the API and of other apps."""

import json
from datetime import date
from typing import TypeVar

from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from marketplace.vocabularies import queries as vocabularies
from providers.lifecycle import BOOKABLE_SESSIONS
from providers.models import Offering, OfferingFacet, Provider, Session

M = TypeVar("M", bound=Model)


def offerings_on_theme(rows: QuerySet[Offering], theme: str) -> QuerySet[Offering]:
    """Keep the offerings on a theme or on a narrower one; a concept of a mapped scheme stands for its core themes."""
    themes = vocabularies.core_themes_of(theme) or (theme,)
    wanted = {code for core in themes for code in (core, *vocabularies.concept_descendants(core))}
    return having(rows, "theme", wanted)


def offerings_in_language(rows: QuerySet[Offering], language: str) -> QuerySet[Offering]:
    """Keep the offerings that can be given in a language."""
    return having(rows, "language", {language})


def offerings_for_audience(rows: QuerySet[Offering], audience: str) -> QuerySet[Offering]:
    """Keep the offerings made for an audience."""
    return having(rows, "audience", {audience})


def offerings_serving(rows: QuerySet[Offering], country: str) -> QuerySet[Offering]:
    """Keep the offerings that serve a country: everywhere, by name, or by one of its regions."""
    regions = vocabularies.places().regions_of(country)
    listed = OfferingFacet.objects.filter(
        Q(facet="country", code=country) | Q(facet="region", code__in=regions)
    ).values("offering_id")
    return rows.filter(Q(scope="global") | Q(pk__in=listed))


def providers_serving(rows: QuerySet[Provider], country: str) -> QuerySet[Provider]:
    """Keep the providers that serve a country: everywhere, by name, or by one of its regions."""
    regions = vocabularies.places().regions_of(country)
    named = with_code(rows, "countries_served", country)
    by_region = Q(pk__in=[])
    for region in regions:
        by_region |= Q(pk__in=with_code(rows, "regions_served", region).order_by().values("pk"))
    return rows.filter(Q(scope="global") | Q(pk__in=named.order_by().values("pk")) | by_region)


def with_code(rows: QuerySet[M], column: str, code: str) -> QuerySet[M]:
    """Keep the rows whose list of codes has ``code``; reads the column as text, for short tables only."""
    text = {f"{column}_text": Cast(column, TextField())}
    quoted = json.dumps(code)
    found: QuerySet[M] = rows.alias(**text).filter(**{f"{column}_text__contains": quoted})
    return found


def in_period(rows: QuerySet[M], *, start: date | None = None, end: date | None = None) -> QuerySet[M]:
    """Keep the dated rows that share a day with the period from ``start`` to ``end``; None leaves a side open."""
    if start is not None:
        rows = rows.filter(end_on__gte=start)
    return rows if end is None else rows.filter(start_on__lte=end)


def having(rows: QuerySet[Offering], facet: str, codes: set[str]) -> QuerySet[Offering]:
    """Keep the offerings that have one of the codes in the list that the facet stands for."""
    found = OfferingFacet.objects.filter(facet=facet, code__in=sorted(codes)).values("offering_id")
    return rows.filter(pk__in=found)


def bookable_sessions() -> QuerySet[Session]:
    """Give the sessions that take bookings."""
    return Session.objects.filter(state__in=BOOKABLE_SESSIONS).order_by()
