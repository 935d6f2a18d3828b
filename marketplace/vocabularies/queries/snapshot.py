"""All vocabularies as frozen rows in memory, read in seven queries and kept until one of them changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from marketplace.vocabularies.models import Concept, Country, ExchangeRate, Region, Scheme, ServiceLevel, Term
from marketplace.vocabularies.revision import SnapshotCache

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SchemeRow:
    """A vocabulary: what it is and where it comes from."""

    code: str
    kind: str
    labels: Labels
    version: str
    source: str
    licence: str
    checksum: str


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code with its labels; only active ones may be chosen anew, the others still have their names."""

    code: str
    labels: Labels
    active: bool


@dataclass(frozen=True, slots=True)
class ConceptRow:
    """A concept of a SKOS scheme; `broader` is empty at the top."""

    code: str
    scheme: str
    notation: str
    broader: str
    labels: Labels
    alt_labels: Mapping[str, tuple[str, ...]]
    scope_notes: Labels
    related: tuple[str, ...]
    exact_match: tuple[str, ...]
    close_match: tuple[str, ...]
    narrow_match: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class CountryRow:
    """A country or area; `regions` are its M49 areas from the nearest to the world."""

    alpha3: str
    alpha2: str
    m49: str
    labels: Labels
    regions: tuple[str, ...]
    is_ldc: bool
    is_lldc: bool
    is_sids: bool
    official_languages: tuple[str, ...]
    un_status: str
    active: bool


@dataclass(frozen=True, slots=True)
class RegionRow:
    """An M49 area; `countries` are all that lie in it, at any depth."""

    m49: str
    labels: Labels
    parent: str
    level: str
    countries: frozenset[str]


@dataclass(frozen=True, slots=True)
class Rate:
    """United States dollars for one unit of a currency, valid from a day on."""

    currency: str
    usd_per_unit: Decimal
    valid_on: date
    origin: str


@dataclass(frozen=True, slots=True)
class ServiceLevelRow:
    """What the secretariat promises for a step; days are working days."""

    step: str
    labels: Labels
    owner: str
    working_days: int
    remind_before: int | None
    overdue_action: str
    remind: tuple[str, ...]
    escalate_to: str
    deadline_effect: str
    effect_after_working_days: int | None
    on_overdue: Labels
    at_deadline: Labels
    edited: bool
    version: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    schemes: Mapping[str, SchemeRow]
    codes: Mapping[str, Mapping[str, CodeRow]]  # by scheme, in the order of the list
    choosable: Mapping[str, frozenset[str]]  # the active ones of them
    concepts: Mapping[str, ConceptRow]
    narrower: Mapping[str, tuple[str, ...]]
    countries: Mapping[str, CountryRow]
    regions: Mapping[str, RegionRow]
    rates: Mapping[str, tuple[Rate, ...]]  # by currency, oldest first
    service_levels: Mapping[str, ServiceLevelRow]


def load_snapshot() -> Snapshot:
    """Read all vocabularies from the database."""
    schemes = {scheme.pk: scheme for scheme in Scheme.objects.all()}
    names = {pk: scheme.code for pk, scheme in schemes.items()}
    concepts = {row.code: _concept(row, names[row.scheme_id]) for row in Concept.objects.all()}
    terms: dict[str, dict[str, CodeRow]] = {}
    for term in Term.objects.all():
        terms.setdefault(names[term.scheme_id], {})[term.code] = CodeRow(term.code, term.labels, term.active)
    for concept in concepts.values():
        terms.setdefault(concept.scheme, {})[concept.code] = CodeRow(concept.code, concept.labels, concept.active)
    areas = {row.m49: row for row in Region.objects.all()}
    countries = {row.alpha3: _country(row, areas) for row in Country.objects.all()}
    levels = {row.step: _service_level(row) for row in ServiceLevel.objects.all()}
    rates: dict[str, tuple[Rate, ...]] = {}
    for rate in ExchangeRate.objects.order_by("currency", "valid_on"):
        found = Rate(rate.currency, rate.usd_per_unit, rate.valid_on, rate.origin)
        rates[rate.currency] = (*rates.get(rate.currency, ()), found)
    codes = {
        **terms,
        "countries": {code: CodeRow(code, row.labels, row.active) for code, row in countries.items()},
        "regions": {code: CodeRow(code, area.labels, area.active) for code, area in areas.items()},
        "service_levels": {code: CodeRow(code, level.labels, True) for code, level in levels.items()},
    }
    return Snapshot(
        schemes={scheme.code: _scheme(scheme) for scheme in schemes.values() if scheme.active},
        codes=codes,
        choosable={name: frozenset(code for code, row in of.items() if row.active) for name, of in codes.items()},
        concepts=concepts,
        narrower=_narrower(concepts),
        countries=countries,
        regions={code: _region(area, countries) for code, area in areas.items()},
        rates=rates,
        service_levels=levels,
    )


def _scheme(row: Scheme) -> SchemeRow:
    return SchemeRow(row.code, row.kind, row.labels, row.version, row.source, row.licence, row.checksum)


def _concept(row: Concept, scheme: str) -> ConceptRow:
    return ConceptRow(
        code=row.code,
        scheme=scheme,
        notation=row.notation,
        broader=row.broader,
        labels=row.pref_labels,
        alt_labels={language: tuple(labels) for language, labels in row.alt_labels.items()},
        scope_notes=row.scope_notes,
        related=tuple(row.related),
        exact_match=tuple(row.exact_match),
        close_match=tuple(row.close_match),
        narrow_match=tuple(row.narrow_match),
        active=row.active,
    )


def _country(row: Country, areas: Mapping[str, Region]) -> CountryRow:
    nearest = row.intermediate_region or row.subregion or row.region
    chain: list[str] = []
    while nearest in areas and nearest not in chain:
        chain.append(nearest)
        nearest = areas[nearest].parent
    return CountryRow(
        alpha3=row.alpha3,
        alpha2=row.alpha2,
        m49=row.m49,
        labels=row.labels,
        regions=tuple(chain),
        is_ldc=row.is_ldc,
        is_lldc=row.is_lldc,
        is_sids=row.is_sids,
        official_languages=tuple(row.official_languages),
        un_status=row.un_status,
        active=row.active,
    )


def _region(area: Region, countries: Mapping[str, CountryRow]) -> RegionRow:
    members = frozenset(code for code, country in countries.items() if area.m49 in country.regions)
    return RegionRow(area.m49, area.labels, area.parent, area.level, members)


def _service_level(row: ServiceLevel) -> ServiceLevelRow:
    return ServiceLevelRow(
        step=row.step,
        labels=row.labels,
        owner=row.owner,
        working_days=row.working_days,
        remind_before=row.remind_before,
        overdue_action=row.overdue_action,
        remind=tuple(row.remind),
        escalate_to=row.escalate_to,
        deadline_effect=row.deadline_effect,
        effect_after_working_days=row.effect_after_working_days,
        on_overdue=row.on_overdue,
        at_deadline=row.at_deadline,
        edited=row.edited_at is not None,
        version=row.version,
    )


def _narrower(concepts: Mapping[str, ConceptRow]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for concept in concepts.values():
        if concept.broader:
            found[concept.broader] = (*found.get(concept.broader, ()), concept.code)
    return found


cache = SnapshotCache(load_snapshot)
