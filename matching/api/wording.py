"""Sentences of the engine in English and French, with codes shown by their labels."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from marketplace.vocabularies import queries as vocabularies
from matching.engine.documents import spoken as in_words

LANGUAGES = ("en", "fr")
SCHEMES = (
    "themes",
    "audiences",
    "countries",
    "regions",
    "languages",
    "forms",
    "modalities",
    "levels",
    "awards",
    "governance_levels",
)


def spoken(value: Any) -> Any:
    """Give stored reasons with every sentence (``{"code", "params"}``) joined by its text in each language."""
    version = "|".join(row.checksum for row in vocabularies.schemes())
    labels = {language: _labels(language, version) for language in LANGUAGES}
    return in_words(value, labels)


@lru_cache(maxsize=8)
def _labels(language: str, version: str) -> dict[str, Mapping[str, str]]:
    """Collect the labels once for each version of the vocabularies."""
    found: dict[str, Mapping[str, str]] = {}
    for scheme in SCHEMES:
        rows = vocabularies.labels(scheme)
        found[scheme] = {code: texts.get(language) or texts.get("en") or code for code, texts in rows.items()}
    return found
