"""Words of a text, for comparison: accents folded, elisions cut, stop words out, endings lightly trimmed."""

import re
import unicodedata
from functools import lru_cache

WORDS = re.compile(r"[^\W_]+", re.UNICODE)
SHORTEST = 3
# Combining marks of the Basic Multilingual Plane, which folding takes out.
MARKS = dict.fromkeys(code for code in range(0x0300, 0xFFFF) if unicodedata.combining(chr(code)))


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
        "ies",
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
        "aux",
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


@lru_cache(maxsize=65_536)  # words come again and again
def stem(word: str, language: str) -> str:
    """Return the word without its first matching ending, if four letters or more stay."""
    for ending in ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= STEM_MIN:
            return word[: -len(ending)]
    return word


def tokens(text: str, language: str) -> list[str]:
    """Return the telling words of a text in the order in which they stand.

    Languages without a stop list of their own are only folded and cut into words.
    """
    stops = STOP_WORDS.get(language, frozenset())
    words = WORDS.findall(fold(text))
    return [stem(word, language) for word in words if len(word) >= SHORTEST and word not in stops]
