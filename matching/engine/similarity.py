"""How alike a need and the offers read: BM25 (Robertson and Walker 1994), language by language, in whole numbers.

All sums are of integers, so neither the order of offers nor of words can change a value.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class TextIndex:
    """One index for each language that some offer is described in."""

    size: int
    languages: Mapping[str, LanguageIndex]

    @classmethod
    def build(cls, texts: Sequence[Mapping[str, str]]) -> "TextIndex":
        """Index the texts of offers, one mapping of language to text a row."""
        codes = sorted({language for entry in texts for language in entry})
        return cls(size=len(texts), languages={code: _index(texts, code) for code in codes})

    def values(self, texts: Mapping[str, str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return likeness 0..1000 of each row to the texts of a need, and whether there was anything to compare.

        Likeness is the row's BM25 over what a text with every word of the need would get; the best common
        language counts. Without a common language: the neutral value.
        """
        best = np.zeros(self.size, dtype=np.int64)
        known = np.zeros(self.size, dtype=np.bool_)
        for language in sorted(texts):
            index = self.languages.get(language)
            if index is None:
                continue
            score, top = _score(index, sorted(set(tokens(texts[language], language))), self.size)
            if top:
                best = np.maximum(best, np.minimum(VALUE_TOP, score * VALUE_TOP // top))
                known |= index.present
        return np.where(known, best, NEUTRAL), known


def _index(texts: Sequence[Mapping[str, str]], language: str) -> LanguageIndex:
    counts = {row: Counter(tokens(entry[language], language)) for row, entry in enumerate(texts) if language in entry}
    lengths = {row: sum(count.values()) for row, count in counts.items()}
    mean = max(1.0, sum(lengths.values()) / max(1, len(lengths)))
    found: dict[str, list[tuple[int, int]]] = {}
    for row, count in counts.items():
        for word, times in count.items():
            found.setdefault(word, []).append((row, times))
    present = np.zeros(len(texts), dtype=np.bool_)
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
