"""Asking the index."""

from functools import reduce
from operator import add
from typing import Any, TypeVar, cast

from django.db import connections
from django.db.models import (
    BooleanField,
    Case,
    Expression,
    F,
    IntegerField,
    Max,
    Model,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Least, Length, Replace

from marketplace.search.models import SearchDocument
from marketplace.search.words import terms

M = TypeVar("M", bound=Model)

TITLE_WEIGHT, BODY_WEIGHT = 8, 1
MOST_COUNTED = 4  # more of the same word adds nothing
MOST_RANKED = 500  # of the newest that match, where the order is that of relevance
OWN_LANGUAGE = 2  # factor for a document in the reader's language

# Every term stands for the words that begin with it, and all must be there.
CANDIDATES = {
    "postgresql": "words @@ to_tsquery('simple', %s)",
    "sqlite": "id IN (SELECT rowid FROM search_words WHERE search_words MATCH %s)",
}
QUESTION = {"postgresql": ("'{}':*", " & "), "sqlite": ('"{}"*', " ")}


def search(rows: QuerySet[M], *, resource: str, q: str, language: str, most: int | None = None) -> QuerySet[M]:
    """Keep the rows that have every word of ``q`` in one language, annotated with ``relevance`` (a whole number, more is better).

    Relevance counts the words in the record's own texts only: what others keep hidden moves nobody's order. With ``most``,
    so many of the newest are kept: a word that thousands have is not weighed thousands of times.
    """
    asked = terms(q)
    if not asked:
        return _weighed(rows.none(), Value(0, output_field=IntegerField()))
    found = _candidates(rows.db, asked).filter(resource=resource)
    weighed = (
        SearchDocument.objects.using(rows.db)
        .filter(resource=resource, record_id=OuterRef("pk"))
        .values("record_id")
        .annotate(best=Max(_relevance(asked, language)))
        .values("best")
    )
    matching = rows.filter(pk__in=found.values("record_id"))
    if most is not None:
        matching = rows.filter(pk__in=matching.order_by("-pk").values("pk")[:most])
    return _weighed(matching, Subquery(weighed, output_field=IntegerField()))


def found_through(rows: QuerySet[M], **found: QuerySet[Any]) -> QuerySet[M]:
    """Keep the rows that lead by any of these columns to a thing that was found, annotated with the sum of their relevance.

    Each value is what `search` (or the like) gave of the things that the reader sees: nobody finds a row by words that are
    not for them.
    """
    weights = [
        Coalesce(Subquery(things.filter(pk=OuterRef(column)).order_by().values("relevance")[:1]), 0)
        for column, things in found.items()
    ]
    return _weighed(rows, reduce(add, weights)).filter(relevance__gt=0)


def _weighed(rows: QuerySet[M], relevance: Expression | Subquery) -> QuerySet[M]:
    return cast("QuerySet[M]", rows.annotate(relevance=relevance))


def _candidates(using: str, asked: list[str]) -> QuerySet[SearchDocument]:
    vendor = connections[using].vendor
    form, joint = QUESTION[vendor]
    question = joint.join(form.format(term) for term in asked)
    # The only parameter is bound; terms are words made of letters and digits.
    hit = RawSQL(CANDIDATES[vendor], [question], output_field=BooleanField())  # noqa: S611
    return SearchDocument.objects.using(using).annotate(hit=hit).filter(hit=True)


def _relevance(asked: list[str], language: str) -> Expression:
    counts = [
        weight * Least(_occurrences(column, term), Value(MOST_COUNTED))
        for term in asked
        for column, weight in (("title", TITLE_WEIGHT), ("body", BODY_WEIGHT))
    ]
    factor = Case(When(language=language, then=Value(OWN_LANGUAGE)), default=Value(1), output_field=IntegerField())
    return factor * reduce(add, counts)


def _occurrences(column: str, term: str) -> Expression:
    beginning = f" {term}"
    without = Length(Replace(F(column), Value(beginning), Value("")))
    return (Length(column) - without) / Value(len(beginning), output_field=IntegerField())
