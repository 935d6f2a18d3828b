"""From text to comparable words: accents folded, plurals trimmed, scripts without blanks cut into characters."""

import re
import unicodedata
from functools import lru_cache

WORD = re.compile(r"[^\W_]+")
# Han, Hiragana, Katakana, Hangul: no blanks between words, so each character is a word.
CJK = re.compile(r"([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff])")
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d"})
SHORTEST_PLURAL = 4  # letters; shorter words keep their ending (bus, pays)
OF_AL = frozenset({"boreaux", "ideaux"})  # without accents these look like plurals in -eau, but are of boréal and idéal

# Words that say nothing by themselves; left out of questions, never out of the index.
ENGLISH = "a an and are as at by for from in is it of on or that the their this to with"
FRENCH = "au aux ce ces dans de des du en est et la le les leur leurs ou par pour que qui sa ses son sur un une"
SPANISH = "con de del el la las los para por y"
STOP_WORDS = frozenset(f"{ENGLISH} {FRENCH} {SPANISH}".split())


def fold(text: str) -> str:
    """Give the text in small letters without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(LIGATURES))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@lru_cache(maxsize=20_000)
def trim(word: str) -> str:
    """Take the plural and the last vowel off, the same way in English, French and Spanish: policies and policy become polici."""
    if len(word) <= SHORTEST_PLURAL:
        return word
    if word.endswith("aux") and (not word.endswith("eaux") or word in OF_AL):
        return f"{word[:-3]}al"
    if word[-1] in "sx" and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("ie"):
        return word[:-1]
    return f"{word[:-1]}i" if word.endswith("y") else word


def words(text: str) -> list[str]:
    """Give the words of a text in their order."""
    return [trim(word) for word in _whole(text)]


def _whole(text: str) -> list[str]:
    folded = fold(text)
    return WORD.findall(folded if folded.isascii() else CJK.sub(r" \1 ", folded))


def terms(q: str, *, limit: int = 10) -> list[str]:
    """Give the telling words of a question, each once, at most ``limit``; stop words only where there is nothing else."""
    found = list(dict.fromkeys(words(q)))
    telling = [word for word in found if word not in STOP_WORDS and (len(word) > 1 or not word.isascii())]
    return (telling or found)[:limit]


def beginnings(q: str, *, limit: int = 10) -> list[tuple[str, ...]]:
    """Give for each term of a question how the words begin that it stands for.

    `policy` stands for policies, in the index polici, and for policymakers.
    """
    typed = {trim(word): word for word in _whole(q) if word.endswith("y")}
    return [tuple(dict.fromkeys((term, typed.get(term, term), _once(term)))) for term in terms(q, limit=limit)]


def _once(term: str) -> str:
    """Give what the index made of the plural of a word in -eau until 1 December 2026; rows of that time find it so."""
    return f"{term[:-1]}l" if term.endswith("eau") and len(term) >= SHORTEST_PLURAL else term
