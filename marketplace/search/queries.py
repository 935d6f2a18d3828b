"""Asking the index."""

from collections.abc import Mapping
from functools import reduce
from operator import add, or_
from typing import Any, TypeVar, cast

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    Expression,
    F,
    Func,
    IntegerField,
    Max,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, Least, Replace
from django.db.models.sql.compiler import SQLCompiler

from marketplace.search.models import SearchDocument
from marketplace.search.words import beginnings

M = TypeVar("M", bound=Model)

TITLE_WEIGHT, BODY_WEIGHT = 8, 1
MOST_COUNTED = 4  # more of the same word adds nothing
MOST_RANKED = 500  # of the newest that match, where the order is that of relevance
NOTHING = Value(0, output_field=IntegerField())
OWN_LANGUAGE = 2  # factor for a document in the reader's language

Asked = list[tuple[str, ...]]  # for each term how its words begin: in any of these ways, and all terms must be there
CANDIDATES = {
    "postgresql": "words @@ to_tsquery('simple', %s)",
    "sqlite": "id IN (SELECT rowid FROM search_words WHERE search_words MATCH %s)",
}
# A beginning; what stands between those of a term, between terms, and before terms of several: FTS5 wants that one said.
QUESTION = {"postgresql": ("'{}':*", " | ", " & ", " & "), "sqlite": ('"{}"*', " OR ", " ", " AND ")}


def search(rows: QuerySet[M], *, resource: str, q: str, language: str, most: int | None = None) -> QuerySet[M]:
    """Keep the rows that have every word of ``q`` in one language, annotated with ``relevance`` (a whole number, more is better).

    Relevance counts the words in the record's own texts only: what others keep hidden moves nobody's order. With ``most``,
    so many of the newest are kept: a word that thousands have is not weighed thousands of times.
    """
    asked = beginnings(q)
    if not asked:
        return _weighed(rows.none(), NOTHING)
    matching = rows.filter(pk__in=_hits(rows.db, resource, asked).values("record_id"))
    return _weighed(_newest(rows, matching, most), _weight(rows.db, resource, asked, language))


def search_as_read(
    rows: QuerySet[M], *, texts: Mapping[str, Q], q: str, language: str, most: int | None = None
) -> QuerySet[M]:
    """Keep rows as `search` does where they are read in different texts: ``texts`` tells by resource which rows are read in it."""
    asked = beginnings(q)
    if not asked:
        return _weighed(rows.none(), NOTHING)
    hits = {resource: _hits(rows.db, resource, asked) for resource in texts}
    first, *others = [found.values("record_id") for found in hits.values()]
    own = [read & Q(Exists(hits[resource].filter(record_id=OuterRef("pk")))) for resource, read in texts.items()]
    # The union finds the few that have the words in any text; only these are asked for the words in their own.
    matching = rows.filter(reduce(or_, own), pk__in=first.union(*others, all=True))
    weights = [When(read, then=_weight(rows.db, resource, asked, language)) for resource, read in texts.items()]
    return _weighed(_newest(rows, matching, most), Case(*weights, output_field=IntegerField()))


def found_through(rows: QuerySet[M], *, most: int | None = None, **found: QuerySet[Any]) -> QuerySet[M]:
    """Keep the rows that lead by any of these columns to a thing that was found, annotated with the sum of their relevance.

    Each value is what `search` (or the like) gave of the things that the reader sees: nobody finds a row by words that are
    not for them. With ``most``, so many of the newest are kept.
    """
    leads = [Q(**{f"{column}__in": things.order_by().values("pk")}) for column, things in found.items()]
    weights = [
        Coalesce(Subquery(things.filter(pk=OuterRef(column)).order_by().values("relevance")[:1]), 0)
        for column, things in found.items()
    ]
    return _weighed(_newest(rows, rows.filter(reduce(or_, leads)), most), reduce(add, weights))


def _newest(rows: QuerySet[M], matching: QuerySet[M], most: int | None) -> QuerySet[M]:
    if most is None:
        return matching
    # `matching` has decided which of the rows may be found; they are asked for again only where they bring more along.
    whole = rows if rows.query.annotations else QuerySet(rows.model, using=rows.db)
    return whole.filter(pk__in=matching.order_by("-pk").values("pk")[:most])


def _weighed(rows: QuerySet[M], relevance: Expression | Case | Subquery) -> QuerySet[M]:
    return cast("QuerySet[M]", rows.annotate(relevance=relevance))


def _weight(using: str, resource: str, asked: Asked, language: str) -> Subquery:
    documents = SearchDocument.objects.using(using).filter(resource=resource, record_id=OuterRef("pk"))
    best = documents.values("record_id").annotate(best=Max(_relevance(asked, language))).values("best")
    return Subquery(best, output_field=IntegerField())


def _hits(using: str, resource: str, asked: Asked) -> QuerySet[SearchDocument]:
    vendor = connections[using].vendor
    # The only parameter is bound; terms are words made of letters and digits.
    hit = RawSQL(CANDIDATES[vendor], [_question(vendor, asked)], output_field=BooleanField())  # noqa: S611
    return SearchDocument.objects.using(using).annotate(hit=hit).filter(hit=True, resource=resource)


def _question(vendor: str, asked: Asked) -> str:
    form, either, every, further = QUESTION[vendor]
    single = [form.format(term) for term, *others in asked if not others]
    several = [f"({either.join(map(form.format, term))})" for term in asked if len(term) > 1]
    return further.join(filter(None, [every.join(single), *several]))


def _relevance(asked: Asked, language: str) -> Expression:
    counts = [
        weight * Least(_occurrences(column, term), Value(MOST_COUNTED))
        for term in asked
        for column, weight in (("title", TITLE_WEIGHT), ("body", BODY_WEIGHT))
    ]
    factor = Case(When(language=language, then=Value(OWN_LANGUAGE)), default=Value(1), output_field=IntegerField())
    return factor * reduce(add, counts)


class Size(Func):
    """Give the bytes of a text, which PostgreSQL knows without reading it; characters it would have to count."""

    function = "OCTET_LENGTH"
    output_field = IntegerField()

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        """Count the bytes of the text as bytes: OCTET_LENGTH is younger than many a SQLite."""
        return self.as_sql(compiler, connection, template="LENGTH(CAST(%(expressions)s AS BLOB))", **context)


def _occurrences(column: str, term: tuple[str, ...]) -> Expression:
    return reduce(add, (_counted(column, f" {beginning}") for beginning in term))


def _counted(column: str, beginning: str) -> Expression:
    without = Size(Replace(F(column), Value(beginning), Value("")))
    return (Size(F(column)) - without) / Value(len(beginning.encode()), output_field=IntegerField())
