"""Themes found in free text, so that nobody has to know the scheme by heart."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from marketplace.vocabularies import queries as vocabularies
from matching.engine import Lexicon, Suggestion, plain
from matching.queries.inputs import lexicon
from requests_app import queries as requests

MOST_SUGGESTIONS = 20


@dataclass(frozen=True, slots=True)
class SuggestedTheme:
    """A theme that a text speaks of: weight 0..1000, the words that say so, why, and the lines that have it already."""

    theme: str
    labels: Mapping[str, str]
    weight: int
    words: tuple[str, ...]
    reason: object
    lines: tuple[int, ...] = ()


def suggest_themes(text: str, *, language: str | None = None, limit: int = 10) -> list[SuggestedTheme]:
    """Find the themes that a text names or hints at, the surest first; without a language it is read in all of them."""
    return [_shown(entry) for entry in _lexicon(_version()).suggest(text, language, limit)]


def suggest_themes_of_request(request_id: int, *, limit: int = 10) -> list[SuggestedTheme]:
    """Find the themes that the title and the need statement of a request speak of, and the lines that ask for them."""
    facts = requests.request_for_matching(request_id)
    codes = sorted({*facts.title, *facts.need_statement})
    texts = {code: f"{facts.title.get(code, '')}. {facts.need_statement.get(code, '')}" for code in codes}
    asked: dict[str, list[int]] = {}
    for line in facts.lines:
        asked.setdefault(line.theme, []).append(line.number)
    found = _lexicon(_version()).suggest_for(texts, limit)
    return [_shown(entry, tuple(sorted(asked.get(entry.concept, ())))) for entry in found]


def _shown(entry: Suggestion, lines: tuple[int, ...] = ()) -> SuggestedTheme:
    row = vocabularies.concept(entry.concept)
    labels = row.labels if row else {}
    return SuggestedTheme(entry.concept, labels, entry.weight, entry.words, plain(entry.sentence), lines)


def _version() -> str:
    scheme = vocabularies.scheme(vocabularies.THEMES)
    return scheme.checksum if scheme else ""


@lru_cache(maxsize=2)
def _lexicon(_version: str) -> Lexicon:
    """Build the lexicon once for each version of the themes."""
    return lexicon()
