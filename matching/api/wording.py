"""Sentences of the engine in English and French, with codes shown by their labels."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from marketplace.vocabularies import queries as vocabularies
from matching.engine import Sentence, render

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
    return _spoken(value, labels)


def _spoken(value: Any, labels: Mapping[str, Mapping[str, Mapping[str, str]]]) -> Any:
    if isinstance(value, list):
        return [_spoken(entry, labels) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"code", "params"}:
        sentence = Sentence(value["code"], _params(value["params"]))
        return {**value, "text": {language: render(sentence, language, labels[language]) for language in LANGUAGES}}
    return {name: _spoken(entry, labels) for name, entry in value.items()}


def _params(stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(entry) if isinstance(entry, list) else entry for name, entry in stored.items()}


@lru_cache(maxsize=8)
def _labels(language: str, version: str) -> dict[str, Mapping[str, str]]:
    """Collect the labels once for each version of the vocabularies."""
    found: dict[str, Mapping[str, str]] = {}
    for scheme in SCHEMES:
        rows = vocabularies.labels(scheme)
        found[scheme] = {code: texts.get(language) or texts.get("en") or code for code, texts in rows.items()}
    return found
