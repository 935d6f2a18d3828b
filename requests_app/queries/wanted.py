"""What is open and wants a partner, for providers that look for needs: whole lines, or summaries where no more is shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_

from django.db.models import F, Q, QuerySet

from marketplace.accounts.actors import Actor
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import RequestLine, TrainingRequest
from requests_app.queries.requests import search_requests
from requests_app.queries.visibility import requests_readable_by, requests_visible_to

# An open line, or one that is held in part and short of its smallest group; `free` of what is left.
WANTS_PARTNER = Q(claimed__lt=F("participants_max")) & (
    Q(state="open") | Q(state="held", divisible=True, claimed__lt=F("participants_min"))
)
SUMMARY = Q(("reads_body", False))  # of the rows of `requests_visible_to`


@dataclass(frozen=True, slots=True)
class NeedCriteria:
    """What a provider looks for; empty: anything. A theme brings its narrower ones, an area all that lies in it."""

    themes: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    window_from: date | None = None
    window_to: date | None = None
    q: str = ""


@dataclass(frozen=True, slots=True)
class WantedLine:
    """An open line by keys, or, without a number, an open request of which no more than the summary is for the reader."""

    request_id: int
    request_version: int
    number: int | None
    key: int  # of the line; of the request where that is all


def wanted_lines(
    criteria: NeedCriteria,
    *,
    themes: Iterable[str],
    actor: Actor,
    at: datetime,
    language: str,
    most: int,
    only: int | None = None,
) -> list[WantedLine]:
    """Give the open lines on one of the themes that the actor reads and that meet the criteria, most recently opened first.

    Requests of which the actor sees only the summary come whole, asked only about what a summary tells. At most so many of
    each, in two queries. ``only`` looks at one request alone.
    """
    asked = Q(pk=only) if only is not None else Q()
    readable = _open(requests_readable_by(actor, at=at).filter(asked), criteria)
    summaries = _open(requests_visible_to(actor, at=at).filter(asked, SUMMARY), criteria)
    if criteria.q:
        visible = requests_visible_to(actor, at=at).filter(asked, state="open")
        named = search_requests(visible, q=criteria.q, language=language).values("pk")
        readable, summaries = readable.filter(pk__in=named), summaries.filter(pk__in=named)
    on_theme = Q(theme__in=sorted(themes))
    lines = RequestLine.objects.filter(WANTS_PARTNER, on_theme, *_of_line(criteria), request__in=readable.values("pk"))
    found = lines.order_by("-request__opened_at", "-request_id", "number")[:most]
    rows = [WantedLine(*row) for row in found.values_list("request_id", "request__version", "number", "pk")]
    meets = summaries.filter(_having(on_theme), *(_having(one) for one in _of_line(criteria, summary=True)))
    if criteria.languages:
        meets = meets.filter(_listed("languages_must", criteria.languages))
    newest = meets.order_by("-opened_at", "-pk")[:most]
    return [*rows, *(WantedLine(pk, version, None, pk) for pk, version in newest.values_list("pk", "version"))]


def wanted_needs(keys: Iterable[int]) -> dict[int, RequestLine]:
    """Give lines by key with all that is shown of them and their requests read along, in a constant number of queries."""
    rows = RequestLine.objects.filter(pk__in=list(keys)).select_related("request__requesting_organization")
    return rows.in_bulk()


def wanted_summaries(keys: Iterable[int]) -> dict[int, TrainingRequest]:
    """Give requests by key with all that their summaries tell read along, in a constant number of queries."""
    rows = TrainingRequest.objects.filter(pk__in=list(keys)).select_related("requesting_organization")
    return rows.prefetch_related("lines").in_bulk()


def _open(rows: QuerySet[TrainingRequest], criteria: NeedCriteria) -> QuerySet[TrainingRequest]:
    rows = rows.filter(state="open", start_on__isnull=False).order_by()
    if criteria.window_from is not None:
        rows = rows.filter(end_on__gte=criteria.window_from)
    if criteria.window_to is not None:
        rows = rows.filter(start_on__lte=criteria.window_to)
    for column, codes in (("forms", criteria.forms), ("modalities", criteria.modalities)):
        if codes:
            rows = rows.filter(Q(**{column: []}) | _listed(column, codes))  # none named: any will do
    return rows


def _of_line(criteria: NeedCriteria, *, summary: bool = False) -> list[Q]:
    """Give the conditions on lines; of a summary each is met by some line, and languages are those of the request."""
    found = []
    if criteria.themes:
        narrower = {code for theme in criteria.themes for code in vocabularies.concept_descendants(theme)}
        found.append(Q(theme__in=sorted({*criteria.themes, *narrower})))
    if criteria.countries or criteria.regions:
        found.append(_in_places(criteria))
    if criteria.languages and not summary:
        found.append(Q(language__in=criteria.languages))
    return found


def _in_places(criteria: NeedCriteria) -> Q:
    places = vocabularies.places()
    inside = {code for code in places.regions if any(places.contains(area, code) for area in criteria.regions)}
    countries = {country for area in criteria.regions for country in places.countries_in(area)}
    return Q(country__in=sorted({*criteria.countries, *countries})) | Q(region__in=sorted(inside))


def _having(condition: Q) -> Q:
    return Q(pk__in=RequestLine.objects.filter(WANTS_PARTNER, condition).values("request_id"))


def _listed(column: str, codes: Iterable[str]) -> Q:
    """Make the condition that a JSON list has one of the codes; a quoted code in its text is an element of it."""
    return reduce(or_, (Q(**{f"{column}__icontains": f'"{code}"'}) for code in codes))
