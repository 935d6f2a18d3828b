"""Words of a text, for comparison: accents folded, elisions cut, stop words out, endings lightly trimmed."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

WORDS = re.compile(r"[^\W_]+", re.UNICODE)
SHORTEST = 3
# Combining marks of the Basic Multilingual Plane, which folding takes out; joined letters, which it takes apart.
MARKS: dict[int, str | None] = {
    **dict.fromkeys(code for code in range(0x0300, 0xFFFF) if unicodedata.combining(chr(code))),
    ord("œ"): "oe",
    ord("æ"): "ae",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = {
    "en": _words(
        "a about above after all also an and any are as at be because been before being between both but by can could "
        "demo did do does during each for from further had has have how if in into is it its just may more most must "
        "need needs needed no nor not of off on once only or other our out over own same she should so some such than "
        "that the their them then there these they this those through to too training under until up very was we were "
        "what when where which while who will with would you your"
    ),
    "fr": _words(
        "a afin ai ainsi alors au aucun aussi autre aux avec avoir besoin besoins bien ce cela ces cet cette ceux "
        "chaque comme dans de demo des donc dont du elle elles en entre est et etc ete etre eux fait faire font "
        "formation formations ici il ils je la le les leur leurs lors mais me meme moins mon ne ni non nos notre nous "
        "on ont ou par pas peut plus pour pouvoir puis qu que quel quelle qui sa sans se selon ses si son sont sous "
        "sur ta tel tous tout toute toutes tres un une vers vos votre vous"
    ),
}

# Words that every text here has, so that they tell nothing, though a name of a theme may rest on them.
HABITUAL = {
    "en": _words("demo need needed needs training"),
    "fr": _words("besoin besoins demo formation formations"),
}

# Longest first; at least four letters must stay.
ENDINGS = {
    "en": (
        "izations",
        "isations",
        "ization",
        "isation",
        "ations",
        "ation",
        "ments",
        "ment",
        "ings",
        "ing",
        "ed",
        "es",
        "s",
        "y",
        "e",
    ),
    "fr": (
        "isations",
        "isation",
        "ations",
        "ation",
        "ements",
        "ement",
        "ments",
        "ment",
        "euses",
        "euse",
        "eurs",
        "eur",
        "ees",
        "ee",
        "es",
        "er",
        "s",
        "x",
        "e",
    ),
}
STEM_MIN = 4


def fold(text: str) -> str:
    """Return the text in small letters, without accents."""
    small = text.casefold()
    if small.isascii():
        return small
    return unicodedata.normalize("NFKD", small).translate(MARKS)


# Endings that change a letter: city and cities, niveau and niveaux, local and locaux.
CHANGED = {"en": (("ies", "i"), ("y", "i")), "fr": (("eaux", "eau"), ("aux", "al"))}


@dataclass(frozen=True, slots=True)
class Token:
    """One telling word of a text: its stem, the word without accents, and where it stands."""

    stem: str
    word: str
    start: int
    end: int


@lru_cache(maxsize=65_536)  # words come again and again
def stem(word: str, language: str) -> str:
    """Return the word without its first matching ending, if four letters or more stay."""
    for ending, put in CHANGED.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            return word[: -len(ending)] + put
    for ending in ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= STEM_MIN:
            return word[: -len(ending)]
    return word


def composed(text: str) -> str:
    """Return the text with each accented letter as one character, to which the places of `spans` refer."""
    return unicodedata.normalize("NFC", text)


def spans(text: str, language: str) -> list[Token]:
    """Return the telling words of a text with their places in `composed(text)`."""
    stops = STOP_WORDS.get(language, frozenset())
    found: list[Token] = []
    for match in WORDS.finditer(composed(text)):
        word = fold(match.group())
        if len(word) >= SHORTEST and word not in stops:
            found.append(Token(stem(word, language), word, match.start(), match.end()))
    return found


def is_habitual(text: str, language: str) -> bool:
    """Tell whether a text has a word that tells nothing here."""
    return not HABITUAL.get(language, frozenset()).isdisjoint(WORDS.findall(fold(text)))


def tokens(text: str, language: str) -> list[str]:
    """Return the telling words of a text in the order in which they stand.

    Languages without a stop list of their own are only folded and cut into words.
    """
    stops = STOP_WORDS.get(language, frozenset())
    words = WORDS.findall(fold(text))
    return [stem(word, language) for word in words if len(word) >= SHORTEST and word not in stops]
