"""What a list tells beside its things: facets (how many have each code) and highlights (where the words of `q` stand)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.db.models import Count, F, Model, Q, QuerySet

from marketplace.search.words import WORD, beginnings, fold, trim
from marketplace.vocabularies import queries as vocabularies

MOST_CODES = 100  # of one facet; the rarest are left out
AROUND = 80  # characters kept before and after what was found first
Found = dict[str, Any]

FACETS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "How many of all that match have each code, by facet; the most frequent first.",
    "additionalProperties": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["code", "label", "count"],
            "properties": {
                "code": {"type": "string"},
                "label": {"type": "string", "description": "In the caller's language."},
                "count": {"type": "integer", "minimum": 1},
            },
        },
    },
}
HIGHLIGHTS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "description": "For each of the results, in their order: plain text around the words of `q`, with their places in it.",
    "items": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["field", "language", "text", "matches"],
            "properties": {
                "field": {"type": "string"},
                "language": {"type": "string"},
                "text": {"type": "string", "description": "No markup; escape it as any other text."},
                "matches": {
                    "type": "array",
                    "description": "First character and the one after the last, counted from 0.",
                    "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
                },
            },
        },
    },
}


@dataclass(frozen=True)
class Facet:
    """A column of the thing itself, or of the rows of ``model`` that ``link`` to it; ``scheme`` has the labels of its codes.

    ``where`` says which of these rows count, ``among`` which of the things.
    """

    column: str
    scheme: str = ""
    model: type[Model] | None = None
    link: str = ""
    where: Q = field(default_factory=Q)
    among: Q = field(default_factory=Q)

    def count(self, things: QuerySet[Any], language: str) -> list[Found]:
        """Count the things (what the caller sees, filtered) that have each code."""
        keys = things.filter(self.among).order_by().values("pk")
        model, link = (things.model, "pk") if self.model is None else (self.model, self.link)
        rows = model._base_manager.filter(self.where, **{f"{link}__in": keys}).order_by()
        counted = rows.values(facet_code=F(self.column)).annotate(facet_count=Count(link, distinct=True))
        found = (
            counted.exclude(facet_code="").exclude(facet_code=None).order_by("-facet_count", "facet_code")[:MOST_CODES]
        )
        return [
            {"code": row["facet_code"], "label": self._label(row["facet_code"], language), "count": row["facet_count"]}
            for row in found
        ]

    def _label(self, code: str, language: str) -> str:
        return vocabularies.label(self.scheme, code, language) if self.scheme else code


def highlights(shown: Iterable[Mapping[str, Any]], fields: Sequence[str], q: str) -> list[list[Found]]:
    """Find the words of ``q`` in texts by language that the caller is shown, and in no others."""
    asked = [beginning for term in beginnings(q) for beginning in term]
    return [
        [
            {"field": name, "language": language, **around}
            for name in fields
            for language, text in sorted(_texts(one.get(name)).items())
            if (around := _around(text, asked)) is not None
        ]
        for one in shown
    ]


def _texts(value: Any) -> Mapping[str, str]:
    if isinstance(value, orjson.Fragment):
        value = orjson.loads(orjson.dumps(value))  # it tells what it holds in no other way
    return value or {}


def _around(text: str, asked: Sequence[str]) -> Found | None:
    places = [(word.start(), word.end()) for word in WORD.finditer(text) if _is_asked(word.group(), asked)]
    if not places:
        return None
    begin, end = _begin(text, places[0][0]), _end(text, places[0][1])
    return {
        "text": text[begin:end],
        "matches": [[first - begin, last - begin] for first, last in places if begin <= first and last <= end],
    }


def _begin(text: str, place: int) -> int:
    """Give where the text around ``place`` begins: at a word."""
    if place <= AROUND:
        return 0
    return text.find(" ", place - AROUND, place) + 1 or place - AROUND


def _end(text: str, place: int) -> int:
    """Give where the text around ``place`` ends: after a word."""
    if place + AROUND >= len(text):
        return len(text)
    blank = text.rfind(" ", place, place + AROUND)
    return blank if blank >= 0 else place + AROUND


def _is_asked(word: str, asked: Sequence[str]) -> bool:
    """Compare as the index does; of a script without blanks, a word stands for its characters."""
    plain = fold(word)
    return trim(plain).startswith(tuple(asked)) or any(not term.isascii() and term in plain for term in asked)
