"""Requests that ask for much the same: near-duplicates to merge, or neighbours to serve together."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from marketplace.accounts.actors import Actor
from marketplace.vocabularies import queries as vocabularies
from requests_app.models import RequestLine, TrainingRequest
from requests_app.queries.visibility import requests_readable_by

GONE = ("draft", "withdrawn", "merged", "cancelled", "ineligible")
WEIGHTS = {"theme": 400, "place": 250, "audience": 150, "language": 100, "window": 100}  # thousandths
LEAST = 650  # theme with place, or theme with audience and language
MOST = 20


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """A similar request, how similar (0..1000), and in what."""

    request: TrainingRequest
    score: int
    shared: tuple[str, ...]


def similar_requests(request: TrainingRequest, actor: Actor, *, at: datetime) -> list[SimilarRequest]:
    """Rank the requests whose body ``actor`` reads by what they share with ``request``, at most 20, best first.

    Each line is compared with each; the best pair counts. Drafts and what was withdrawn or merged are left out.
    """
    lines = [line for line in request.lines.all() if line.state != "dropped"]
    themes = {theme for line in lines for theme in _near_themes(line.theme)}
    rows = (
        requests_readable_by(actor, at=at)
        .exclude(pk=request.pk)
        .exclude(state__in=GONE)
        .filter(_overlapping(request), pk__in=_with_theme(themes))
        .select_related("requesting_organization")
        .prefetch_related("lines")[:500]
    )
    found = [_compare(request, lines, other) for other in rows]
    ranked = sorted((one for one in found if one.score >= LEAST), key=lambda one: (-one.score, one.request.pk))
    return ranked[:MOST]


def _near_themes(theme: str) -> tuple[str, ...]:
    """The theme, its broader and its narrower concepts by one level or more."""
    return (
        (theme, *vocabularies.concept_ancestors(theme)[:1], *vocabularies.concept_descendants(theme)) if theme else ()
    )


def _with_theme(themes: set[str]) -> QuerySet[RequestLine, int]:
    lines = RequestLine.objects.filter(theme__in=themes).exclude(state="dropped")
    return lines.values_list("request_id", flat=True)


def _overlapping(request: TrainingRequest) -> Q:
    if request.start_on is None or request.end_on is None:
        return Q()
    return Q(start_on__isnull=True) | Q(start_on__lte=request.end_on, end_on__gte=request.start_on)


def _compare(request: TrainingRequest, lines: list[RequestLine], other: TrainingRequest) -> SimilarRequest:
    pairs = [_shared(mine, theirs) for mine in lines for theirs in other.lines.all() if theirs.state != "dropped"]
    best = max(pairs, key=lambda shared: sum(WEIGHTS[name] for name in shared), default=())
    if best and request.start_on is not None and other.start_on is not None:  # they overlap: the query saw to it
        best = (*best, "window")
    return SimilarRequest(other, sum(WEIGHTS[name] for name in best), best)


def _shared(mine: RequestLine, theirs: RequestLine) -> tuple[str, ...]:
    facts = {
        "theme": theirs.theme in _near_themes(mine.theme),
        "place": _same_place(mine.country or mine.region, theirs.country or theirs.region),
        "audience": mine.audience == theirs.audience,
        "language": mine.language == theirs.language,
    }
    return tuple(name for name, same in facts.items() if same) if facts["theme"] else ()


def _same_place(mine: str, theirs: str) -> bool:
    if not mine or not theirs or vocabularies.WORLD in (mine, theirs):
        return mine == theirs
    places = vocabularies.places()
    return places.contains(mine, theirs) or places.contains(theirs, mine)
