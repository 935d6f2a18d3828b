"""How alike a need and the offers read, in whole numbers: by their words, and by the concepts that they name.

Words: BM25 (Robertson and Walker 1994), language by language. Concepts: the lexicon finds them in a text of any
language that it has labels for, so that a need in French and an offer in English can be compared; likeness is the
share of what the need's concepts tell that the offer names as well,
`sum of min(need, offer) / sum of need` over the concepts of the need, a concept counting once however often it is
named. Where both can be told, the better of the two counts.

All sums are of integers, so neither the order of offers nor of words can change a value.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log

import numpy as np
from numpy.typing import NDArray

from matching.engine.lexicon import Lexicon
from matching.engine.policy import NEUTRAL, VALUE_TOP
from matching.engine.text import tokens

K1 = 1.2  # saturation of repeated words, the usual value
B = 0.75  # weight of a text's length, the usual value
SCALE = 10_000  # fixed point of one term's part


@dataclass(frozen=True, slots=True)
class Postings:
    """Where one word occurs: rows, and its part of the score there (fixed point)."""

    rows: NDArray[np.int64]
    parts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LanguageIndex:
    """The texts of all offers in one language."""

    postings: Mapping[str, Postings]
    present: NDArray[np.bool_]


class Compared(StrEnum):
    """What a likeness rests on."""

    WORDS = "words"  # of a common language
    CONCEPTS = "concepts"  # that both name, in whatever language
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What the index needs to know of one offer: words with their number by language, and its concepts."""

    words: Mapping[str, Counter[str]]
    concepts: Mapping[str, int]


def read_texts(texts: Mapping[str, str], lexicon: Lexicon) -> TextFacts:
    """Read the texts of one offer or need; it depends on nothing else, so it may be kept."""
    found = {language: tokens(texts[language], language) for language in sorted(texts)}
    concepts: dict[str, int] = {}
    for language, words in found.items():
        for concept, information in lexicon.concepts_in(words, language).items():
            concepts[concept] = max(information, concepts.get(concept, 0))
    return TextFacts({language: Counter(words) for language, words in found.items()}, dict(sorted(concepts.items())))


@dataclass(frozen=True, slots=True)
class TextIndex:
    """One index for each language that some offer is described in, and one of the concepts that offers name."""

    size: int
    languages: Mapping[str, LanguageIndex]
    lexicon: Lexicon = field(default_factory=Lexicon)
    concepts: Mapping[str, Postings] = field(default_factory=dict)

    @classmethod
    def build(cls, texts: Sequence[Mapping[str, str]], lexicon: Lexicon | None = None) -> "TextIndex":
        """Index the texts of offers, one mapping of language to text a row."""
        known = lexicon or Lexicon()
        return cls.of_facts([read_texts(entry, known) for entry in texts], known)

    @classmethod
    def of_facts(cls, facts: Sequence[TextFacts], lexicon: Lexicon) -> "TextIndex":
        """Index offers whose texts have been read already."""
        codes = sorted({language for entry in facts for language in entry.words})
        return cls(
            size=len(facts),
            languages={code: _index(facts, code) for code in codes},
            lexicon=lexicon,
            concepts=_concept_postings(facts),
        )

    def values(self, texts: Mapping[str, str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return likeness 0..1000 of each row to the texts of a need, and whether there was anything to compare.

        By words likeness is the row's BM25 over what a text with every word of the need would get, in the best common
        language. With neither a common language nor concepts on both sides: the neutral value.
        """
        need = read_texts(texts, self.lexicon)
        best, by_words = self._by_words(need)
        shared, by_concepts = self._by_concepts(need)
        known = by_words | by_concepts
        return np.where(known, np.maximum(best, shared), NEUTRAL), known

    def compared(self, texts: Mapping[str, str], row: int) -> tuple[Compared, tuple[str, ...]]:
        """Tell what the likeness of one row rests on, and the concepts that need and offer both name, the most telling first."""
        need = read_texts(texts, self.lexicon)
        (best, by_words), (shared, by_concepts) = self._by_words(need), self._by_concepts(need)
        both = [name for name in need.concepts if name in self.concepts and row in self.concepts[name].rows]
        named = tuple(sorted(both, key=lambda name: (-need.concepts[name], name)))
        if by_words[row] and (best[row] >= shared[row] or not by_concepts[row]):
            return Compared.WORDS, named
        return (Compared.CONCEPTS if by_concepts[row] else Compared.NOTHING), named

    def _by_words(self, need: TextFacts) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        best = np.zeros(self.size, dtype=np.int64)
        known = np.zeros(self.size, dtype=np.bool_)
        for language, words in need.words.items():
            index = self.languages.get(language)
            if index is None:
                continue
            score, top = _score(index, sorted(words), self.size)
            if top:
                best = np.maximum(best, np.minimum(VALUE_TOP, score * VALUE_TOP // top))
                known |= index.present
        return best, known

    def _by_concepts(self, need: TextFacts) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        shared = np.zeros(self.size, dtype=np.int64)
        known = np.zeros(self.size, dtype=np.bool_)
        if not need.concepts:
            return shared, known
        for entry in self.concepts.values():
            known[entry.rows] = True
        for concept, information in need.concepts.items():
            entry = self.concepts.get(concept, NOWHERE)
            shared[entry.rows] += np.minimum(entry.parts, information)
        return shared * VALUE_TOP // sum(need.concepts.values()), known


NOWHERE = Postings(rows=np.zeros(0, dtype=np.int64), parts=np.zeros(0, dtype=np.int64))


def _concept_postings(facts: Sequence[TextFacts]) -> dict[str, Postings]:
    found: dict[str, list[tuple[int, int]]] = {}
    for row, entry in enumerate(facts):
        for concept, information in entry.concepts.items():
            found.setdefault(concept, []).append((row, information))
    return {
        concept: Postings(
            rows=np.array([row for row, _ in places], dtype=np.int64),
            parts=np.array([part for _, part in places], dtype=np.int64),
        )
        for concept, places in sorted(found.items())
    }


def _index(facts: Sequence[TextFacts], language: str) -> LanguageIndex:
    counts = {row: entry.words[language] for row, entry in enumerate(facts) if language in entry.words}
    lengths = {row: sum(count.values()) for row, count in counts.items()}
    mean = max(1.0, sum(lengths.values()) / max(1, len(lengths)))
    found: dict[str, list[tuple[int, int]]] = {}
    for row, count in counts.items():
        for word, times in count.items():
            found.setdefault(word, []).append((row, times))
    present = np.zeros(len(facts), dtype=np.bool_)
    present[list(counts)] = True
    return LanguageIndex(
        postings={word: _postings(places, lengths, mean, len(counts)) for word, places in found.items()},
        present=present,
    )


def _postings(places: list[tuple[int, int]], lengths: Mapping[int, int], mean: float, size: int) -> Postings:
    rarity = log(1 + (size - len(places) + 0.5) / (len(places) + 0.5))
    parts = [
        round(SCALE * rarity * times * (K1 + 1) / (times + K1 * (1 - B + B * lengths[row] / mean)))
        for row, times in places
    ]
    return Postings(rows=np.array([row for row, _ in places], dtype=np.int64), parts=np.array(parts, dtype=np.int64))


def _score(index: LanguageIndex, words: list[str], size: int) -> tuple[NDArray[np.int64], int]:
    total = np.zeros(size, dtype=np.int64)
    top = 0
    for word in words:
        entry = index.postings.get(word)
        if entry is not None:
            total[entry.rows] += entry.parts
            top += int(entry.parts.max())
    return total, top
