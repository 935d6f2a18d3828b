"""How alike a need and the offers read, in whole numbers: by their words, and by the concepts that they name.

Words: BM25 (Robertson and Walker 1994), language by language. Concepts: the lexicon finds them in a text of any
language that it has labels for, so that a need in French and an offer in English can be compared; likeness is the
share of what the need's concepts tell that falls to those which the offer names as well, by whatever name and however
often. Where both can be told, the better of the two counts.

All sums are of integers, so neither the order of offers nor of words can change a value.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from math import log

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import Ints
from matching.engine.memo import Memo
from matching.engine.policy import NEUTRAL, VALUE_TOP
from matching.engine.sheet import narrow
from matching.engine.splicing import Splice
from matching.engine.text.entries import Entries
from matching.engine.text.lexicon import Lexicon
from matching.engine.text.terms import NO_CAP, Asked, Terms
from matching.engine.text.words import tokens

K1 = 1.2  # saturation of repeated words, the usual value
B = 0.75  # weight of a text's length, the usual value
SCALE = 10_000  # fixed point of one term's part
NEEDS = 16  # needs whose texts stay read: one is asked about again and again while its candidates are explained


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
    words = _words_in(texts)
    return TextFacts({language: Counter(found) for language, found in words.items()}, _named_in(words, lexicon))


def _words_in(texts: Mapping[str, str]) -> dict[str, list[str]]:
    return {language: tokens(texts[language], language) for language in sorted(texts)}


def _named_in(words: Mapping[str, Sequence[str]], lexicon: Lexicon) -> dict[str, int]:
    """Return the concepts that the words of texts, by language, name, each with its information."""
    concepts: dict[str, int] = {}
    for language, found in words.items():
        for concept, information in lexicon.concepts_in(found, language).items():
            concepts[concept] = max(information, concepts.get(concept, 0))
    return dict(sorted(concepts.items()))


@dataclass(frozen=True, slots=True)
class TextIndex:
    """One index for each language that some offer is described in, and one of the concepts that offers name."""

    size: int
    languages: Mapping[str, Terms]
    lexicon: Lexicon
    concepts: Terms
    # How often each entry of a language's terms is said.
    times: Mapping[str, Ints | NDArray[np.int32]] = field(repr=False)
    needs: Memo = field(default_factory=lambda: Memo(NEEDS), repr=False, compare=False)

    @classmethod
    def build(cls, texts: Sequence[Mapping[str, str]], lexicon: Lexicon | None = None) -> "TextIndex":
        """Index the texts of offers, one mapping of language to text a row."""
        known = lexicon or Lexicon()
        facts = [read_texts(entry, known) for entry in texts]
        codes = sorted({language for entry in facts for language in entry.words})
        return cls._of_counts(len(facts), {code: _words(facts, code) for code in codes}, _concepts(facts), known)

    @classmethod
    def _of_counts(cls, size: int, words: Mapping[str, Entries], concepts: Entries, lexicon: Lexicon) -> "TextIndex":
        return cls(
            size=size,
            languages={code: _weighed(counted) for code, counted in words.items()},
            lexicon=lexicon,
            # Named is named: what the need's phrase tells counts.
            concepts=concepts.terms(np.full(len(concepts.term), NO_CAP)),
            times={code: narrow(counted.times) for code, counted in words.items()},
        )

    def spliced(self, fresh: "TextIndex", splice: Splice) -> "TextIndex":
        """Return the index that `build` would make of the same texts, with the same lexicon, put together from two."""
        words = {
            code: self.entries(code).spliced(fresh.entries(code), splice).by_appearance()
            for code in sorted({*self.languages, *fresh.languages})
        }
        named = [Entries.of(index.concepts, np.ones_like(index.concepts.term)) for index in (self, fresh)]
        return self._of_counts(
            len(splice.source),
            {code: counted for code, counted in words.items() if counted.present.any()},
            named[0].spliced(named[1], splice).by_name(),
            self.lexicon,
        )

    def entries(self, language: str) -> Entries:
        """Return how often what is said in one language."""
        terms = self.languages.get(language)
        return Entries.nothing(self.size) if terms is None else Entries.of(terms, self.times[language])

    def values(
        self, texts: Mapping[str, str], rows: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return likeness 0..1000 of each row to the texts of a need, and whether there was anything to compare.

        By words likeness is the row's BM25 over what a text with every word of the need would get, in the best common
        language. With neither a common language nor concepts on both sides: the neutral value. `rows` asks for some
        rows only.
        """
        asked = self.ask(texts)
        size = self.size if rows is None else len(rows)
        questions = [*asked.words, *([] if asked.concepts is None else [asked.concepts])]
        if not questions:
            return np.full(size, NEUTRAL, dtype=np.int64), np.zeros(size, dtype=np.bool_)
        best = reduce(np.maximum, [question.shares(rows) for question in questions])
        known = reduce(np.logical_or, [question.index.given(rows) for question in questions])
        if not known.all():
            best[~known] = NEUTRAL
        return best, known

    def compared(self, texts: Mapping[str, str], row: int) -> tuple[Compared, tuple[str, ...]]:
        """Tell what the likeness of one row to the texts of a need rests on; see `AskedTexts.compared`."""
        return self.ask(texts).compared(row)

    def ask(self, texts: Mapping[str, str]) -> "AskedTexts":
        """Read the texts of a need once, however many of its candidates are valued and explained."""
        return self.needs.get(tuple(sorted(texts.items())), lambda: self._asked(texts))

    def _asked(self, texts: Mapping[str, str]) -> "AskedTexts":
        words, said = [], _words_in(texts)
        for language, found in said.items():
            index = self.languages.get(language)
            if index is not None:
                asked = index.ask(dict.fromkeys(found, NO_CAP))
                words += [AskedTerms(index, asked, asked.most)] if asked.most else []
        named = _named_in(said, self.lexicon)
        concepts = AskedTerms(self.concepts, self.concepts.ask(named), sum(named.values())) if named else None
        return AskedTexts(tuple(words), concepts, named)


@dataclass(frozen=True, slots=True)
class AskedTerms:
    """What a need asks of one index; `top` is the most that a row could have of it."""

    index: Terms
    asked: Asked
    top: int

    def shares(self, rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """Return what each row (or each of the rows given) has of the most, in permille, whether anything is known of it or not."""
        share = self.index.total(self.asked, rows)
        share *= VALUE_TOP
        share //= self.top
        return share

    def share(self, row: int) -> int | None:
        """Return what one row has of the most, in permille; None where nothing is known of the row."""
        return self.index.total_of(self.asked, row) * VALUE_TOP // self.top if self.index.present[row] else None


@dataclass(frozen=True, slots=True)
class AskedTexts:
    """The texts of a need as questions, language by language, and by the concepts that they name."""

    words: tuple[AskedTerms, ...]
    concepts: AskedTerms | None
    names: Mapping[str, int]

    def compared(self, row: int) -> tuple[Compared, tuple[str, ...]]:
        """Tell what the likeness of one row rests on, and the concepts that need and offer both name, the most telling first."""
        shared = self.concepts.share(row) if self.concepts is not None else None
        if shared is None:  # nothing to weigh words against
            worded = any(entry.index.present[row] for entry in self.words)
            return (Compared.WORDS if worded else Compared.NOTHING), self._named(row)
        words = [min(VALUE_TOP, found) for found in (entry.share(row) for entry in self.words) if found is not None]
        basis = Compared.WORDS if words and max(words) >= shared else Compared.CONCEPTS
        return basis, self._named(row)

    def _named(self, row: int) -> tuple[str, ...]:
        if self.concepts is None:
            return ()
        index = self.concepts.index
        own = set(index.term[index.start[row] : index.start[row + 1]].tolist())
        both = [name for name in self.names if index.position.get(name) in own]
        return tuple(sorted(both, key=lambda name: (-self.names[name], name)))


def _concepts(facts: Sequence[TextFacts]) -> Entries:
    names = sorted({name for entry in facts for name in entry.concepts})
    position = {name: number for number, name in enumerate(names)}
    term = np.array([position[name] for entry in facts for name in entry.concepts], dtype=np.int64)
    counts = np.array([len(entry.concepts) for entry in facts], dtype=np.int64)
    return Entries(tuple(names), np.append(0, counts.cumsum()), term, np.ones_like(term), counts > 0)


def _words(facts: Sequence[TextFacts], language: str) -> Entries:
    """Count the words of all texts of one language; a text counts as given even where all its words are common ones."""
    nothing: Counter[str] = Counter()
    counts = [entry.words.get(language, nothing) for entry in facts]
    names = tuple(dict.fromkeys(word for count in counts for word in count))
    position = {name: number for number, name in enumerate(names)}
    return Entries(
        names,
        start=np.cumsum([0, *map(len, counts)], dtype=np.int64),
        term=np.array([position[word] for count in counts for word in count], dtype=np.int64),
        times=np.array([number for count in counts for number in count.values()], dtype=np.int64),
        present=np.array([language in entry.words for entry in facts], dtype=np.bool_),
    )


def _weighed(words: Entries) -> Terms:
    """Weigh the words of all texts of one language."""
    texts, filled = int(words.present.sum()), np.diff(words.start)
    said = np.append(0, words.times.cumsum())
    lengths = said.take(words.start[1:]) - said.take(words.start[:-1])
    mean = max(1.0, int(lengths.sum()) / max(1, texts))
    # The logarithm of one library for all: results must not hang on how NumPy was built.
    held = np.bincount(words.term, minlength=len(words.names)).tolist()
    rarity = np.array([log(1 + (texts - found + 0.5) / (found + 0.5)) for found in held])
    length = np.repeat(lengths, filled)
    parts = SCALE * rarity[words.term] * words.times * (K1 + 1) / (words.times + K1 * (1 - B + B * length / mean))
    return words.terms(np.rint(parts).astype(np.int64))
