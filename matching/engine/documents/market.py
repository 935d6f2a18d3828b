"""A whole ranking as one JSON document: requests, offerings and what they refer to. Described in `docs/engine.md`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from matching.engine.documents.needs import read_need
from matching.engine.documents.nodes import BAD_INSTANCE, Node
from matching.engine.documents.offers import read_offer, read_windows
from matching.engine.documents.schemes import Known, Words, read_places, read_policy, read_rates, read_themes
from matching.engine.errors import EngineError
from matching.engine.keeping.reading import document_of
from matching.engine.policy import Policy
from matching.engine.reference.places import PlaceIndex
from matching.engine.reference.rates import Rates
from matching.engine.sentences import LANGUAGES, Labels
from matching.engine.text.lexicon import Lexicon
from matching.engine.types import Need, Offer

FORMAT = 1
MEMBERS = (
    "as_of",
    "capacity_windows",
    "countries",
    "exchange_rates",
    "format",
    "limit",
    "offerings",
    "organizations",
    "policy",
    "regions",
    "requests",
    "themes",
)
DEFAULT_LIMIT = 10
MOST = 1000  # candidates for each line
NO_LINE, NOT_PLANNABLE = "no_line_left", "not_plannable"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A request or an offering that takes no part, where it stands and why: `no_line_left`, `not_plannable`."""

    pointer: str
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Background:
    """What counts where the document does not say: countries and areas, codes allowed, labels by language."""

    places: PlaceIndex
    codes: Mapping[str, frozenset[str]]
    labels: Mapping[str, Labels]


@dataclass(frozen=True, slots=True)
class MarketDocument:
    """A document that was read: all that `rank` takes, for each of the needs, and the labels for its sentences."""

    as_of: date
    limit: int
    needs: tuple[Need, ...]
    offers: tuple[Offer, ...]
    known: Known
    policy: Policy
    rates: Rates
    labels: Mapping[str, Labels]  # language -> vocabulary -> code -> label
    references: Mapping[str, str]  # id of a need or an offer -> how people call it
    left_out: tuple[LeftOut, ...]

    @property
    def lexicon(self) -> Lexicon:
        """The names of the themes, to compare texts across languages."""
        return self.known.lexicon


def read_market(content: bytes, background: Background) -> MarketDocument:
    """Read a document. Raises EngineError(bad_instance): its subject is the JSON pointer, its detail what is allowed."""
    root = Node(document_of(content, BAD_INSTANCE))
    if not isinstance(root.value, dict):
        raise root.refuse("expected an object")
    root.only(MEMBERS)
    if root.member("format").value != FORMAT:
        raise root.member("format").refuse(f"expected the format {FORMAT}")
    as_of = root.member("as_of").day()
    scheme, lexicon, themes = read_themes(root.member("themes"))
    places, named = _places(root, background)
    known = Known(scheme, places, lexicon, background.codes)
    needs, without_line = _needs(root.member("requests"), known)
    offers, without_plan = _offers(root, known, as_of)
    return MarketDocument(
        as_of=as_of,
        limit=DEFAULT_LIMIT if root.member("limit").is_missing else root.member("limit").whole(1, MOST),
        needs=needs,
        offers=offers,
        known=known,
        policy=read_policy(root.member("policy")),
        rates=read_rates(root.member("exchange_rates"), as_of),
        labels=_labels(background.labels, {"themes": themes, **named, **_own_labels(root)}),
        references=_references(root),
        left_out=(*without_line, *without_plan),
    )


def _places(root: Node, background: Background) -> tuple[PlaceIndex, dict[str, Words]]:
    """Read countries and areas; where neither is given, those of the background count."""
    countries, regions = root.member("countries"), root.member("regions")
    if countries.is_missing and regions.is_missing:
        return background.places, {}
    places, named_countries, named_regions = read_places(countries, regions)
    return places, {"countries": named_countries, "regions": named_regions}


def _needs(node: Node, known: Known) -> tuple[tuple[Need, ...], list[LeftOut]]:
    read = [(entry, read_need(entry, known)) for entry in _listed(node)]
    found = tuple(need for _, need in read if need is not None)
    _once([(entry, need.id) for entry, need in read if need is not None])
    return found, [_left_out(entry, NO_LINE) for entry, need in read if need is None]


def _offers(root: Node, known: Known, as_of: date) -> tuple[tuple[Offer, ...], list[LeftOut]]:
    windows = read_windows(root.member("capacity_windows"), as_of)
    homes = {
        entry.member("code").text(): entry.member("country").code(known.places.by_code)
        for entry in root.member("organizations").items()
        if not entry.member("country").is_missing
    }
    read = [(entry, read_offer(entry, known, windows, homes, as_of)) for entry in _listed(root.member("offerings"))]
    _once([(entry, offer.id) for entry, offer in read if offer is not None])
    found = tuple(offer for _, offer in read if offer is not None)
    return found, [_left_out(entry, NOT_PLANNABLE) for entry, offer in read if offer is None]


def _listed(node: Node) -> list[Node]:
    """Give the entries of a list that has to be there, though it may be empty."""
    if not isinstance(node.value, list):
        raise node.refuse("expected a list")
    return node.items()


def _once(pairs: list[tuple[Node, str]]) -> None:
    seen: set[str] = set()
    for node, name in pairs:
        if name in seen:
            raise EngineError(BAD_INSTANCE, node.pointer, f"{name} occurs twice")
        seen.add(name)


def _left_out(node: Node, reason: str) -> LeftOut:
    name = node.member("reference").text_or(None) or node.member("id").text_or(None) or ""
    return LeftOut(node.pointer, name, reason)


def _references(root: Node) -> dict[str, str]:
    entries = [*root.member("requests").items(), *root.member("offerings").items()]
    pairs = [(entry.member("id").text_or(None), entry.member("reference").text_or(None)) for entry in entries]
    return {name: reference for name, reference in pairs if name and reference}


def _own_labels(root: Node) -> dict[str, Words]:
    """Call offerings by their titles and providers by their names."""
    offerings: Words = {language: {} for language in LANGUAGES}
    providers: Words = {language: {} for language in LANGUAGES}
    for entry in root.member("offerings").items():
        name = entry.member("id").text_or(None) or entry.member("reference").text_or(None) or ""
        _call(offerings, name, entry.member("titles").texts())
        if not entry.member("provider").is_missing:
            names = entry.member("provider").member("names").texts()
            _call(providers, entry.member("provider_code").text_or(None) or "", names)
    return {"offerings": offerings, "providers": providers}


def _call(named: Words, code: str, texts: Mapping[str, str]) -> None:
    for language in LANGUAGES:
        found = texts.get(language) or texts.get("en")
        if found:
            named[language][code] = found


def _labels(background: Mapping[str, Labels], own: Mapping[str, Words]) -> dict[str, Labels]:
    """Lay the document's own labels over those of the background."""
    return {
        language: {
            **background.get(language, {}),
            **{vocabulary: words[language] for vocabulary, words in own.items() if words[language]},
        }
        for language in LANGUAGES
    }
