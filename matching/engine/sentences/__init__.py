"""Sentences: a code with parameters, rendered in English or French from the templates beside each other here.

`{name}` is a parameter; `{name?one|many}` chooses by number; `{name:score}` is a score or a difference of scores (of
10^6), shown as people read it, of 100; `{name:score/count}` is its mean over so many. Parameters that are codes of a
vocabulary (named in LABELS) are shown by their label when labels are given, else as they are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from matching.engine.errors import EngineError
from matching.engine.sentences.templates import TEMPLATES
from matching.engine.sentences.templates.explanations import CRITERION_NAMES
from matching.engine.sentences.templates.names import BUDGET_NAMES, GROUP_NAMES

Param = str | int | tuple[str, ...]
Labels = Mapping[str, Mapping[str, str]]  # vocabulary -> code -> label in the language asked

LANGUAGES = ("en", "fr")
PLACEHOLDER = re.compile(r"\{(\w+)(:score)?(?:/(\w+))?(?:\?([^|}]*)\|([^}]*))?\}")

# Parameter -> vocabulary whose labels stand for its codes.
LABELS: Mapping[str, str] = {
    "asked_theme": "themes",
    "theme": "themes",
    "themes": "themes",
    "audience": "audiences",
    "country": "countries",
    "region": "regions",
    "language": "languages",
    "languages": "languages",
    "form": "forms",
    "modality": "modalities",
    "level": "levels",
    "award": "awards",
    "offering": "offerings",
    "provider": "providers",
    "need": "needs",
    "needs": "needs",
    "candidate": "candidates",
    "best": "candidates",
    "before": "candidates",
    "after": "candidates",
    "capacity": "capacities",
    "capacities": "capacities",
    "budget": "budgets",
    "budgets": "budgets",
    "group": "groups",
    "government_level": "governance_levels",
}

AMOUNTS = ("amount", "price", "ceiling", "committed", "left")

# Parameters whose codes are the engine's own, with their names beside the templates: language -> code -> name.
OWN_NAMES: Mapping[str, Labels] = {
    **dict.fromkeys(("criterion", "criteria", "drawbacks"), CRITERION_NAMES),
    "group": GROUP_NAMES,
    **dict.fromkeys(("budget", "budgets"), BUDGET_NAMES),
}

# Parameter -> what begins a code and is not shown: the rest is the name of an organization or a provider.
PREFIXES: Mapping[str, str] = {
    "group": "agency:",
    **dict.fromkeys(("budget", "budgets"), "funder:"),
    **dict.fromkeys(("capacity", "capacities"), "provider:"),
}

LINE_KEY = re.compile(r"(.+)/(\d+)")  # see `planning.types.line_key`
LINE_WORDS: Mapping[str, str] = {"en": "line", "fr": "ligne"}
POINT = 10_000  # a score of 10^6 is read as 100
DECIMALS = 4  # of a point: no score is finer


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is to be said, without a language."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)


def sentence_from_plain(data: Mapping[str, object]) -> Sentence:
    """Read a sentence back from its stored JSON form (`plain`). Raises EngineError(bad_sentence)."""
    code, params = data.get("code"), data.get("params")
    if not isinstance(code, str) or code not in TEMPLATES or not isinstance(params, Mapping):
        raise EngineError("bad_sentence", str(code), "not a sentence of this engine")
    return Sentence(code, {str(name): _param(str(name), value) for name, value in params.items()})


def _param(name: str, value: object) -> Param:
    if isinstance(value, str | int):
        return value
    if isinstance(value, list | tuple):
        return tuple(str(entry) for entry in value)
    raise EngineError("bad_sentence", name, "a parameter is a word, a whole number or a list of words")


def render(sentence: Sentence, language: str, labels: Labels | None = None) -> str:
    """Write the sentence in English or French (any other language: English)."""
    chosen = language if language in LANGUAGES else "en"
    template = TEMPLATES[sentence.code][chosen]

    def fill(match: re.Match[str]) -> str:
        name, is_score, count, one, many = match.groups()
        value = sentence.params[name]
        if is_score:
            return _scored(
                int(str(value)), None if count is None else int(str(sentence.params[count])), one, many, chosen
            )
        if one is not None:
            return one if _is_one(value, chosen) else many
        return _shown(name, value, chosen, labels or {})

    text = PLACEHOLDER.sub(fill, template)
    return text[:1].upper() + text[1:] if template.startswith("{group}") else text


def _scored(value: int, count: int | None, one: str | None, many: str | None, language: str) -> str:
    """Write a score, its mean over `count`, or the word that its size asks for: French counts in the plural from 2 on."""
    if one is not None and many is not None:
        return one if language == "fr" and abs(value) < 2 * POINT else many
    if count is None:
        return score_of_100(value, language)
    return score_of_100(value // count if count else 0, language)


def _is_one(value: Param, language: str) -> bool:
    number = len(value) if isinstance(value, tuple) else int(value)
    return number == 1 or (language == "fr" and number == 0)


def _shown(name: str, value: Param, language: str, labels: Labels) -> str:
    if name in AMOUNTS:
        return money(str(value), language)
    if name == "share" and isinstance(value, int):
        return percent(value, language)
    if isinstance(value, int):
        return _grouped(str(value), language)
    known = OWN_NAMES.get(name, {}).get(language) or labels.get(LABELS.get(name, ""), {})
    if isinstance(value, tuple):
        return _listed([_named(name, entry, known, language) for entry in value], language)
    return _named(name, value, known, language)


def _named(name: str, code: str, known: Mapping[str, str], language: str) -> str:
    """Write one code by its label; a line of a request as such; an organization without what marks it in the plan."""
    if code in known:
        return known[code]
    line = LINE_KEY.fullmatch(code) if name in ("need", "needs") else None
    if line is not None:
        return f"{line[1]}, {LINE_WORDS[language]} {line[2]}"
    return code.removeprefix(PREFIXES.get(name, ""))


def _listed(names: list[str], language: str) -> str:
    """Join names by commas, or by semicolons where a name has a comma of its own; French puts a space before them."""
    if any(", " in name for name in names):
        return (" ; " if language == "fr" else "; ").join(names)
    return ", ".join(names)


def score_of_100(millionths: int, language: str) -> str:
    """Write a score of 10^6 out of 100 with one decimal, rounded half up: 89.4 in English, 89,4 in French.

    A difference too small for one decimal is written with its first digit that is not 0: it is not nothing.
    """
    size, digits = abs(millionths), 1
    while size and digits < DECIMALS and not _rounded(size, digits):
        digits += 1
    whole, part = divmod(_rounded(size, digits), 10**digits)
    figure = f"{_grouped(str(whole), language)}{',' if language == 'fr' else '.'}{part:0{digits}}"
    return f"-{figure}" if millionths < 0 else figure


def _rounded(size: int, digits: int) -> int:
    unit: int = POINT // 10**digits
    return (size + unit // 2) // unit


def money(amount: str, language: str) -> str:
    """Write an amount such as "3000.00 USD": USD 3,000 in English, 3 000 USD in French."""
    figure, _, currency = amount.partition(" ")
    whole, _, cents = figure.partition(".")
    shown = _grouped(whole, language)
    if cents.strip("0"):
        shown += ("," if language == "fr" else ".") + cents
    return f"{shown} {currency}" if language == "fr" else f"{currency} {shown}"


def percent(millionths: int, language: str) -> str:
    """Write a share of 10^6 as a percentage with two decimals, cut off: 12.34 in English, 12,34 in French."""
    sign, size = ("-" if millionths < 0 else ""), abs(millionths) // 100
    return f"{sign}{_grouped(str(size // 100), language)}{',' if language == 'fr' else '.'}{size % 100:02}"


def _grouped(figure: str, language: str) -> str:
    # French groups thousands by a narrow no-break space.
    return f"{int(figure):,}".replace(",", "\u202f" if language == "fr" else ",")
