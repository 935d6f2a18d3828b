"""Themes and the schemes mapped to them (SKOS): walking up and down, and finding a concept by its words."""

import re
import unicodedata
from dataclasses import dataclass

from marketplace.vocabularies.queries.snapshot import ConceptRow, cache

THEMES = "themes"
SHORTEST_PREFIX = 3  # letters of a word that may stand for the whole word


@dataclass(frozen=True, slots=True)
class ThemeRow:
    """A theme as the matching engine needs it: code and broader code (None at the top)."""

    code: str
    broader: str | None


def concept(code: str) -> ConceptRow | None:
    """Give one concept of any scheme, or None."""
    return cache.get().concepts.get(code)


def concepts(scheme: str = THEMES) -> list[ConceptRow]:
    """Give the concepts of a scheme in their order, deactivated ones included."""
    return [row for row in cache.get().concepts.values() if row.scheme == scheme]


def theme_scheme_rows() -> list[ThemeRow]:
    """Give the core themes as pairs of code and broader code, in their order."""
    return [ThemeRow(row.code, row.broader or None) for row in concepts(THEMES)]


def concept_ancestors(code: str) -> tuple[str, ...]:
    """Give the broader concepts from the nearest to the top."""
    found: list[str] = []
    rows = cache.get().concepts
    row = rows.get(code)
    while row and row.broader and row.broader not in found:
        found.append(row.broader)
        row = rows.get(row.broader)
    return tuple(found)


def concept_descendants(code: str) -> tuple[str, ...]:
    """Give all narrower concepts, depth first, in the order of the scheme."""
    narrower = cache.get().narrower
    found: list[str] = []
    waiting = list(reversed(narrower.get(code, ())))
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting.extend(reversed(narrower.get(child, ())))
    return tuple(found)


def core_themes_of(code: str) -> tuple[str, ...]:
    """Give the core themes that a concept of a mapped scheme stands for; a core theme stands for itself."""
    row = concept(code)
    if row is None:
        return ()
    if row.scheme == THEMES:
        return (code,)
    matches = (*row.exact_match, *row.close_match, *row.narrow_match)
    return tuple(match for match in matches if (target := concept(match)) and target.scheme == THEMES)


def suggest_concepts(text: str, language: str, *, scheme: str = THEMES, limit: int = 10) -> list[ConceptRow]:
    """Find the concepts whose labels have all words of ``text``, accents and case aside.

    Labels in ``language`` and in English count. The best come first: the whole label, then its beginning, then words
    of it; preferred labels before alternative ones; then the order of the scheme.
    """
    words = _words(text)
    if not words:
        return []
    scored = [(_closeness(row, words, language), row) for row in concepts(scheme) if row.active]
    hits = [(score, row) for score, row in scored if score is not None]
    return [row for _score, row in sorted(hits, key=lambda hit: hit[0])[:limit]]


def _closeness(row: ConceptRow, words: list[str], language: str) -> int | None:
    """Give 0 for the best fit of any label and more for worse ones; None without a fit."""
    found: list[int] = []
    for spoken in dict.fromkeys((language, "en")):
        named = [(row.labels.get(spoken, ""), 0), *((label, 1) for label in row.alt_labels.get(spoken, ()))]
        fits = ((_fit(words, _words(label)), penalty) for label, penalty in named)
        found += [2 * fit + penalty for fit, penalty in fits if fit is not None]
    return min(found, default=None)


def _fit(words: list[str], label: list[str]) -> int | None:
    if words == label:
        return 0
    if label[: len(words)] == words:
        return 1
    if all(any(_stands_for(word, whole) for whole in label) for word in words):
        return 2
    return None


def _stands_for(word: str, whole: str) -> bool:
    return word == whole or (len(word) >= SHORTEST_PREFIX and whole.startswith(word))


def _words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return re.findall(r"\w+", plain)
