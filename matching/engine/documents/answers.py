"""Rankings as a JSON document: scores, contributions, and every sentence in English and French."""

from collections.abc import Mapping, Sequence

from matching.engine.documents.market import MarketDocument
from matching.engine.keeping.snapshot import Json, digest, plain, ranking_bytes
from matching.engine.results import Ranking
from matching.engine.sentences import LANGUAGES, Labels, render, sentence_from_plain
from matching.engine.version import ENGINE_VERSION

FORMAT = 1
SENTENCE = {"code", "params"}


def ranking_document(
    document: MarketDocument, rankings: Sequence[Ranking], milliseconds: Mapping[str, int]
) -> dict[str, Json]:
    """Return the rankings as JSON data; `output_digest` is that of a run of the product over the same inputs."""
    return {
        "format": FORMAT,
        "engine_version": ENGINE_VERSION,
        "as_of": document.as_of.isoformat(),
        "policy": document.policy.version,
        "rankings": [_ranking(ranking, document) for ranking in rankings],
        "left_out": plain(document.left_out),
        "milliseconds": dict(milliseconds),
    }


def _ranking(ranking: Ranking, document: MarketDocument) -> Json:
    shown = spoken(plain(ranking), document.labels)
    if not isinstance(shown, dict):
        raise TypeError("a ranking is an object")
    own: dict[str, Json] = {
        "request": ranking.need,
        "reference": document.references.get(ranking.need),
        "output_digest": digest(ranking_bytes(ranking)),
    }
    answer = {name: value for name, value in shown.items() if name not in ("need", "as_of", "policy_version")}
    return own | answer


def spoken(value: Json, labels: Mapping[str, Labels]) -> Json:
    """Return plain data with the words of each sentence (`{"code", "params"}`) beside it, by language."""
    if isinstance(value, list):
        return [spoken(entry, labels) for entry in value]
    if not isinstance(value, dict):
        return value
    if set(value) == SENTENCE:
        sentence = sentence_from_plain(value)
        text: dict[str, Json] = {language: render(sentence, language, labels.get(language)) for language in LANGUAGES}
        return {**value, "text": text}
    return {name: spoken(entry, labels) for name, entry in value.items()}
