"""Requests ranked against offerings from one JSON file, without a database."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any, cast

from marketplace.vocabularies import sources
from matching.engine import Country, PlaceIndex, build_catalogue, rank
from matching.engine.documents import Background, ranking_document, read_market
from matching.management.instances import InstanceCommand

WORLD = "001"  # M49
LANGUAGES = ("en", "fr")
CHECKED = ("audiences", "currencies", "forms", "governance_levels", "languages", "modalities", "priority_facts")
LABELLED = (
    "audiences",
    "awards",
    "countries",
    "forms",
    "governance_levels",
    "languages",
    "levels",
    "modalities",
    "regions",
)


class Command(InstanceCommand):
    """`manage.py rank FILE.json`."""

    help = (
        "Rank requests against offerings, both as the API shows them, from one JSON document (docs/engine.md). "
        "Exit code 2: the document is wrong, and where."
    )

    def answer(self, content: bytes) -> Any:
        """Read and rank."""
        return _answer(content)


def _answer(content: bytes) -> dict[str, Any]:
    marks = [perf_counter()]
    document = read_market(content, background())
    marks.append(perf_counter())
    catalogue = build_catalogue(document.offers, document.known.scheme, document.known.places, document.lexicon)
    marks.append(perf_counter())
    rankings = [
        rank(need, catalogue, document.policy, as_of=document.as_of, rates=document.rates, limit=document.limit)
        for need in document.needs
    ]
    marks.append(perf_counter())
    names = ("reading", "building", "ranking")
    spent = {name: round(1000 * (marks[n + 1] - marks[n])) for n, name in enumerate(names)}
    return dict(ranking_document(document, rankings, spent))


def background() -> Background:
    """Give the countries, areas, codes and labels that the product is shipped with, from their files."""
    schemes = {scheme.code: scheme for scheme in sources.read_all()}
    codes = {name: frozenset(sources.codes_of(schemes[name])) for name in CHECKED}
    return Background(_places(schemes), codes, {language: _labels(schemes, language) for language in LANGUAGES})


def _places(schemes: Mapping[str, sources.SchemeData]) -> PlaceIndex:
    countries = tuple(
        Country(
            code=str(row["alpha3"]),
            region=str(row["intermediate_region"] or row["subregion"] or row["region"] or WORLD),
            ldc=bool(row["is_ldc"]),
            lldc=bool(row["is_lldc"]),
            sids=bool(row["is_sids"]),
        )
        for row in schemes["countries"].rows
    )
    parents = {str(row["m49"]): str(row["parent"]) or None for row in schemes["regions"].rows}
    return PlaceIndex(countries, parents)


def _labels(schemes: Mapping[str, sources.SchemeData], language: str) -> dict[str, dict[str, str]]:
    return {name: _labels_of(schemes[name], language) for name in LABELLED}


def _labels_of(scheme: sources.SchemeData, language: str) -> dict[str, str]:
    texts = [cast("Mapping[str, str]", row["labels"]) for row in scheme.rows]
    return {
        code: labels.get(language) or labels["en"] for code, labels in zip(sources.codes_of(scheme), texts, strict=True)
    }
