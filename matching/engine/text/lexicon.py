"""Themes found in free text: the labels of concepts as phrases, language by language.

A label is a phrase of stemmed words without stop words, so that accents, endings and small words between do not
matter; alternative labels make synonyms. In a text the longest phrase wins: "protection of victims of trafficking"
names that concept, not "trafficking" as well.

A word tells the more the fewer concepts have it in their labels of that language (inverse document frequency,
Sparck Jones 1972): `information(word) = log2(concepts / concepts with the word)`, in thousandths of a bit; a phrase
tells the sum of its words, at least one bit, divided among the concepts that it may name. Whole numbers only: neither the
order of concepts nor that of labels can change a result.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log2

from matching.engine.errors import EngineError
from matching.engine.sentences import Sentence
from matching.engine.text.words import Token, composed, is_habitual, spans

WEIGHT_TOP = 1000
BIT = 1000  # fixed point of information
HALF_WAY = 2 * BIT  # information at which half of the full weight is reached
RARE = 8  # words that more than one concept in this many has are no hint by themselves
HINT_LEAST = 500  # permille of a label's information that a hint must have

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConceptLabels:
    """What a concept is called: language -> labels, the preferred one first."""

    concept: str
    labels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A concept found in a text: weight 0..1000, the words of the text that say so, and why."""

    concept: str
    weight: int
    words: tuple[str, ...]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class LanguageLabels:
    """The labels of one language, ready for search. Concepts are numbers."""

    phrases: Mapping[Phrase, tuple[int, ...]]
    exact: Mapping[Phrase, tuple[int, ...]]  # words before stemming: travailleuses are not travailleurs
    longest: Mapping[str, int]  # first word -> words of the longest phrase that begins with it
    information: Mapping[str, int]
    hinting: Mapping[str, tuple[Phrase, ...]]  # rare word -> phrases that have it

    def telling(self, phrase: Iterable[str]) -> int:
        """Return the information of a phrase, at least one bit."""
        return max(BIT, sum(self.information[word] for word in phrase))


@dataclass(frozen=True, slots=True)
class _Found:
    """What one language says: concept -> information, and the words behind it; what named it, what hinted at it."""

    named: Mapping[int, int]
    hinted: Mapping[int, int]
    words: Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The labels of all concepts. Raises EngineError(bad_lexicon) where a concept occurs twice."""

    entries: tuple[ConceptLabels, ...] = ()
    languages: Mapping[str, LanguageLabels] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.entries, key=lambda entry: entry.concept))
        if len({entry.concept for entry in ordered}) != len(ordered):
            raise EngineError("bad_lexicon", "concepts", "a concept occurs twice")
        codes = sorted({language for entry in ordered for language in entry.labels})
        object.__setattr__(self, "entries", ordered)
        object.__setattr__(self, "languages", {code: _of_language(ordered, code) for code in codes})

    def suggest(self, text: str, language: str | None = None, limit: int = 10) -> tuple[Suggestion, ...]:
        """Return the concepts that a text names or hints at, the surest first.

        Without a language (or with one that has no labels) all languages are tried; the surest reading of each concept
        counts. Weight: `1000 * information / (information + 2 bits)`; a hint, by part of a label only, counts half.
        """
        tried = [language] if language is not None and language in self.languages else sorted(self.languages)
        return _surest((suggestion for code in tried for suggestion in self._suggestions(text, code)), limit)

    def suggest_for(self, texts: Mapping[str, str], limit: int = 10) -> tuple[Suggestion, ...]:
        """Return the concepts that texts by language name or hint at, each by its surest reading, the surest first."""
        found = (self.suggest(texts[code], code, len(self.entries)) for code in sorted(texts))
        return _surest((suggestion for suggestions in found for suggestion in suggestions), limit)

    def concepts_in(self, words: Sequence[str], language: str) -> dict[str, int]:
        """Return the concepts that the telling words of a text (`text.tokens`) name, each with its information."""
        labels = self.languages.get(language)
        if labels is None:
            return {}
        named: dict[int, int] = {}
        for phrase in sorted({phrase for _, phrase in _phrases(words, labels)}):
            _add(named, labels.phrases[phrase], labels.telling(phrase))
        return {self.entries[number].concept: value for number, value in sorted(named.items())}

    def _suggestions(self, text: str, language: str) -> Iterable[Suggestion]:
        found = _read(text, spans(text, language), self.languages[language])
        for number, words in found.words.items():
            hint, sure = found.hinted.get(number, 0), found.named.get(number, 0)
            total = sure + hint // 2
            concept = self.entries[number].concept
            said = Sentence("theme_found.named" if sure else "theme_found.hinted", {"theme": concept, "words": words})
            yield Suggestion(concept, WEIGHT_TOP * total // (total + HALF_WAY), words, said)


def lexicon_from_labels(rows: Iterable[tuple[str, Mapping[str, Sequence[str]]]]) -> Lexicon:
    """Build a lexicon from (concept, language -> labels) pairs; empty labels and languages are left out."""
    return Lexicon(
        tuple(
            ConceptLabels(
                concept,
                {
                    language: tuple(dict.fromkeys(label for label in labels if label))
                    for language, labels in sorted(by_language.items())
                    if any(labels)
                },
            )
            for concept, by_language in rows
        )
    )


def _surest(suggestions: Iterable[Suggestion], limit: int) -> tuple[Suggestion, ...]:
    best: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        known = best.get(suggestion.concept)
        if known is None or suggestion.weight > known.weight:
            best[suggestion.concept] = suggestion
    return tuple(sorted(best.values(), key=lambda entry: (-entry.weight, entry.concept))[:limit])


def _of_language(entries: tuple[ConceptLabels, ...], language: str) -> LanguageLabels:
    owners: dict[Phrase, set[int]] = {}
    exact: dict[Phrase, set[int]] = {}
    having: dict[str, set[int]] = {}
    for number, entry in enumerate(entries):
        for label in entry.labels.get(language, ()):
            found = spans(label, language)
            phrase = tuple(token.stem for token in found)
            if not phrase or is_habitual(label, language):
                continue
            owners.setdefault(phrase, set()).add(number)
            exact.setdefault(tuple(token.word for token in found), set()).add(number)
            for word in phrase:
                having.setdefault(word, set()).add(number)
    longest: dict[str, int] = {}
    for phrase in owners:
        longest[phrase[0]] = max(len(phrase), longest.get(phrase[0], 0))
    rare = {word for word, concepts in having.items() if len(concepts) * RARE <= len(entries)}
    hinting: dict[str, list[Phrase]] = {}
    for phrase in sorted(owners):
        for word in sorted(rare & set(phrase)):
            hinting.setdefault(word, []).append(phrase)
    return LanguageLabels(
        phrases={phrase: tuple(sorted(concepts)) for phrase, concepts in owners.items()},
        exact={phrase: tuple(sorted(concepts)) for phrase, concepts in exact.items()},
        longest=longest,
        information={word: round(BIT * log2(len(entries) / len(concepts))) for word, concepts in having.items()},
        hinting={word: tuple(phrases) for word, phrases in hinting.items()},
    )


def _phrases(words: Sequence[str], labels: LanguageLabels) -> Iterable[tuple[int, Phrase]]:
    """Give the labels that stand in a text, from left to right, the longest at each place, none within another."""
    place = 0
    while place < len(words):
        step = 1
        for length in range(labels.longest.get(words[place], 0), 0, -1):
            phrase = tuple(words[place : place + length])
            if phrase in labels.phrases:
                yield place, phrase
                step = len(phrase)
                break
        place += step


def _read(text: str, found: list[Token], labels: LanguageLabels) -> _Found:
    """Read a text: concepts named by a whole label, then those hinted at by the words left."""
    whole, stems = composed(text), [token.stem for token in found]
    named: dict[int, int] = {}
    words: dict[int, dict[str, None]] = {}
    taken: set[int] = set()
    seen: set[Phrase] = set()
    for place, phrase in _phrases(stems, labels):
        taken |= set(range(place, place + len(phrase)))
        stand = found[place : place + len(phrase)]
        owners = labels.exact.get(tuple(token.word for token in stand), labels.phrases[phrase])
        for number in owners:
            words.setdefault(number, {}).setdefault(whole[stand[0].start : stand[-1].end].casefold())
        if phrase not in seen:
            seen.add(phrase)
            _add(named, owners, labels.telling(phrase))
    left = {token.stem: whole[token.start : token.end].casefold() for i, token in enumerate(found) if i not in taken}
    hinted = _hints(left, labels)
    for number, (_, hints) in hinted.items():
        words.setdefault(number, {}).update(dict.fromkeys(left[hint] for hint in hints))
    return _Found(
        named=named,
        hinted={number: value for number, (value, _) in hinted.items()},
        words={number: tuple(said) for number, said in sorted(words.items())},
    )


def _hints(left: Mapping[str, str], labels: LanguageLabels) -> dict[int, tuple[int, Phrase]]:
    """Return for each concept the best label of which words stand in the text: what they tell, and the words.

    The words must carry half of what the label tells; they count by the share of the label that they are.
    """
    best: dict[int, tuple[int, Phrase]] = {}
    for phrase in sorted({phrase for word in left for phrase in labels.hinting.get(word, ())}):
        hints = tuple(word for word in phrase if word in left)
        told = sum(labels.information[word] for word in hints)
        share = 1000 * told // max(1, sum(labels.information[word] for word in phrase))
        if share < HINT_LEAST:
            continue
        for number in labels.phrases[phrase]:
            best[number] = max(best.get(number, (0, ())), (told * share // 1000, hints))
    return best


def _add(totals: dict[int, int], numbers: tuple[int, ...], information: int) -> None:
    """Divide what a phrase tells among the concepts that it may name."""
    for number in numbers:
        totals[number] = totals.get(number, 0) + information // len(numbers)
