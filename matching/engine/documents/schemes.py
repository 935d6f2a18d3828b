"""What requests and offerings refer to: themes, places, rates and the policy, as the API shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from matching.engine.documents.nodes import Node
from matching.engine.errors import EngineError
from matching.engine.policy import CRITERIA, DEFAULT_POLICY, WEIGHT_TOTAL, Policy
from matching.engine.reference.concepts import Concept, ThemeScheme
from matching.engine.reference.places import WORLD, Country, PlaceIndex
from matching.engine.reference.rates import Rate, Rates
from matching.engine.sentences import LANGUAGES
from matching.engine.text.lexicon import Lexicon, lexicon_from_labels

VOCABULARY = ("code", "codes", "kind", "label", "labels", "licence", "source", "version")
CODE = (
    "active",
    "alt_labels",
    "broader",
    "close_match",
    "code",
    "exact_match",
    "label",
    "labels",
    "narrow_match",
    "notation",
    "related",
    "scope_notes",
)
COUNTRY = (
    "active",
    "alpha2",
    "alpha3",
    "is_ldc",
    "is_lldc",
    "is_sids",
    "label",
    "labels",
    "m49",
    "official_languages",
    "regions",
    "un_status",
)
REGION = ("countries", "label", "labels", "level", "m49", "parent")
RATE = ("currency", "origin", "usd_per_unit", "valid_on")
POLICY = (
    "created_at",
    "current",
    "id",
    "names",
    "note",
    "number",
    "published_at",
    "published_by",
    "settings",
    "updated_at",
    "version",
    "weights",
)

Words = dict[str, dict[str, str]]  # language -> code -> label


@dataclass(frozen=True, slots=True)
class Known:
    """What codes of a document may be: `codes` by vocabulary (one that is not there is not checked)."""

    scheme: ThemeScheme
    places: PlaceIndex
    lexicon: Lexicon = field(default_factory=Lexicon)
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, vocabulary: str) -> frozenset[str]:
        """Give the codes allowed; none: any."""
        return self.codes.get(vocabulary, frozenset())


def read_themes(node: Node) -> tuple[ThemeScheme, Lexicon, Words]:
    """Read a scheme as `GET /vocabularies/{scheme}` shows it: `version` and `codes` with `broader` and labels."""
    node.only(VOCABULARY)
    rows: dict[str, Node] = {}
    for entry in node.member("codes").items():
        code = entry.only(CODE).member("code").text()
        if code in rows:
            raise entry.member("code").refuse("expected each concept once")
        rows[code] = entry
    if not rows:
        raise node.member("codes").refuse("expected a list with at least one concept")
    named: Words = {language: {} for language in LANGUAGES}
    for code, row in rows.items():
        _name(named, code, row.member("labels").texts())
    words = lexicon_from_labels(
        (code, _called(row)) for code, row in rows.items() if row.member("active").truth(default=True)
    )
    return _scheme(node.member("version").text_or(None) or "given", rows), words, named


def _scheme(version: str, rows: Mapping[str, Node]) -> ThemeScheme:
    concepts = tuple(Concept(code, row.member("broader").code_or(rows, None)) for code, row in rows.items())
    try:
        return ThemeScheme(version, concepts)
    except EngineError as error:  # a circle, named by one of its concepts
        pointer = rows[error.subject].member("broader").pointer
        raise EngineError("bad_instance", pointer, error.detail) from error


def _called(row: Node) -> dict[str, list[str]]:
    """Give what a concept is called: the preferred label first, then the others."""
    labels = row.member("labels").texts()
    others = {language: _list(entry) for language, entry in row.member("alt_labels").members().items()}
    return {language: [labels.get(language, ""), *others.get(language, [])] for language in {*labels, *others}}


def _list(node: Node) -> list[str]:
    return [entry.text() for entry in node.items()]


def _name(named: Words, code: str, labels: Mapping[str, str]) -> None:
    for language in LANGUAGES:
        found = labels.get(language) or labels.get("en")
        if found:
            named[language][code] = found


def read_places(countries: Node, regions: Node) -> tuple[PlaceIndex, Words, Words]:
    """Read countries and M49 areas as `GET /countries` and `GET /regions` show them, with the labels of both.

    A country lies in the first of its `regions`, the nearest; without any, in the world.
    """
    areas = [entry.only(REGION) for entry in regions.items()]
    codes = {entry.member("m49").text() for entry in areas} | {WORLD}
    parents: dict[str, str | None] = {WORLD: None}
    parents |= {entry.member("m49").text(): entry.member("parent").code_or(codes, None) for entry in areas}
    rows = [entry.only(COUNTRY) for entry in countries.items()]
    found = tuple(_country(entry, codes) for entry in rows)
    named_countries: Words = {language: {} for language in LANGUAGES}
    named_regions: Words = {language: {} for language in LANGUAGES}
    for entry in rows:
        _name(named_countries, entry.member("alpha3").text(), entry.member("labels").texts())
    for entry in areas:
        _name(named_regions, entry.member("m49").text(), entry.member("labels").texts())
    try:
        return PlaceIndex(found, parents), named_countries, named_regions
    except EngineError as error:
        raise EngineError("bad_instance", regions.pointer, f"{error.subject}: {error.detail}") from error


def _country(node: Node, regions: set[str]) -> Country:
    around = node.member("regions").items()
    return Country(
        code=node.member("alpha3").text(),
        region=around[0].code(regions) if around else WORLD,
        ldc=node.member("is_ldc").truth(default=False),
        lldc=node.member("is_lldc").truth(default=False),
        sids=node.member("is_sids").truth(default=False),
    )


def read_rates(node: Node, as_of: date) -> Rates:
    """Read rates as `GET /exchange-rates` shows them: for each currency the latest that is valid on the day."""
    table: dict[str, Rate] = {}
    for entry in node.items():
        entry.only(RATE)
        currency, valid_on = entry.member("currency").text(), entry.member("valid_on").day()
        value = entry.member("usd_per_unit").amount()
        if value == 0:
            raise entry.member("usd_per_unit").refuse("expected a rate above 0")
        if valid_on <= as_of and (currency not in table or table[currency].valid_on < valid_on):
            table[currency] = Rate(value, valid_on)
    return Rates(table)


def read_policy(node: Node) -> Policy:
    """Read a policy as `GET /matching-policies` shows it: `weights` and `settings`; what is left out is the default."""
    if node.is_missing:
        return DEFAULT_POLICY
    node.only(POLICY)
    weights = dict(DEFAULT_POLICY.weights)
    given = node.member("weights")
    if not given.is_missing:
        given.only(criterion.value for criterion in CRITERIA)
        weights = {criterion: given.member(criterion).whole(0, WEIGHT_TOTAL) for criterion in CRITERIA}
    number = node.member("number").whole_or(0)
    try:
        return Policy(version=str(number) if number else "given", weights=weights, **_settings(node.member("settings")))
    except EngineError as error:
        raise EngineError(
            "bad_instance", given.pointer if error.code == "bad_weights" else node.pointer, error.detail
        ) from error


def _settings(node: Node) -> dict[str, Any]:
    """Read the settings by the type of their defaults."""
    defaults = {
        entry.name: getattr(DEFAULT_POLICY, entry.name)
        for entry in fields(Policy)
        if entry.name not in ("version", "weights")
    }
    node.only(defaults)
    return {name: _setting(entry, defaults[name]) for name, entry in node.members().items()}


def _setting(node: Node, default: object) -> str | bool | int:
    if isinstance(default, bool):
        return node.truth(default=default)
    return node.whole(0) if isinstance(default, int) else node.text()
