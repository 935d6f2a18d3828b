"""The shipped vocabularies as rows ready to be stored: which file gives which scheme, checked within and across files."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from marketplace.kernel.lifecycle import Party
from marketplace.vocabularies.datafiles import SHIPPED, DataFileError, Entry, read_csv, read_json

Row = dict[str, object]

OWN = "Apache-2.0"
UNICODE = "Unicode-3.0"
CLDR = "Unicode CLDR 48.2; English and French short names put to United Nations usage"
UN_STATUSES = ("member", "observer", "other_state", "area", "none")
REGION_LEVELS = ("world", "region", "subregion", "intermediate_region")
PARTIES = tuple(party.value for party in Party)


class Kind(StrEnum):
    """What the rows of a scheme are."""

    CONCEPTS = "concepts"
    COUNTRIES = "countries"
    RATES = "rates"
    REGIONS = "regions"
    SERVICE_LEVELS = "service_levels"
    TERMS = "terms"


@dataclass(frozen=True, slots=True)
class SchemeData:
    """One scheme as its file gives it; `rows` have the column names of the model of its kind."""

    code: str
    kind: Kind
    file: str
    labels: dict[str, str]
    version: str
    source: str
    licence: str
    rows: tuple[Row, ...]

    @property
    def checksum(self) -> str:
        """SHA-256 over everything that would be stored, so that a reload can tell at once that nothing changed."""
        content = [self.kind, self.labels, self.version, self.source, self.licence, self.rows]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def read_all(folder: Path = SHIPPED) -> list[SchemeData]:
    """Read every vocabulary file of ``folder``, in the order in which they refer to each other.

    Raises DataFileError, naming file and record, for anything that could not be stored or refers to nothing.
    """
    lists = code_lists(folder)
    schemes = [
        *lists,
        _named_codes(folder / "languages.csv", "languages", {"en": "Languages", "fr": "Langues"}),
        _named_codes(folder / "currencies.csv", "currencies", {"en": "Currencies", "fr": "Monnaies"}),
        regions(folder / "regions.csv"),
        countries(folder / "countries.csv"),
        global_compact(folder / "gcm_objectives.json"),
        development_targets(folder / "sdg_targets.csv"),
        *themes(folder / "themes.json"),
        exchange_rates(folder / "exchange_rates.csv"),
        service_levels(folder / "service_levels.json", {scheme.code: scheme for scheme in lists}),
    ]
    _check_references({scheme.code: scheme for scheme in schemes})
    return schemes


def code_lists(folder: Path) -> list[SchemeData]:
    """Read the plain lists of codes."""
    file = read_json(folder / "codelists.json")
    return [
        SchemeData(
            code=entry.text("code"),
            kind=Kind.TERMS,
            file=file.file,
            labels=entry.labels("label"),
            version=file.text("version"),
            source=file.text("source"),
            licence=OWN,
            rows=_rows(_term(term) for term in entry.entries("terms", "code")),
        )
        for entry in file.entries("lists", "code")
    ]


def _term(entry: Entry) -> Row:
    texts = {language: text for language, text in entry.fields.items() if language != "code"}
    return {"code": entry.text("code"), "labels": Entry(entry.file, entry.name, {"labels": texts}).labels("labels")}


def _named_codes(path: Path, code: str, labels: dict[str, str]) -> SchemeData:
    rows = _rows(
        {"code": entry.text("code"), "labels": entry.column_labels("name_")}
        for entry in read_csv(path, "code", ("code", "name_en", "name_fr"))
    )
    standard = "IETF BCP 47 primary codes" if code == "languages" else "ISO 4217"
    return SchemeData(code, Kind.TERMS, path.name, labels, "2026.1", f"{standard}; names: Unicode CLDR", UNICODE, rows)


def regions(path: Path) -> SchemeData:
    """Read the areas of M49."""
    rows = _rows(
        {
            "m49": entry.text("m49"),
            "labels": entry.column_labels("name_"),
            "parent": entry.text("parent_m49", empty=True),
            "level": entry.choice("level", REGION_LEVELS),
        }
        for entry in read_csv(path, "m49", ("m49", "name_en", "name_fr", "parent_m49", "level"))
    )
    labels = {"en": "Regions", "fr": "Régions"}
    return SchemeData("regions", Kind.REGIONS, path.name, labels, "2026.1", f"M49; {CLDR}", UNICODE, rows)


def countries(path: Path) -> SchemeData:
    """Read countries and areas; those without a place in United Nations practice are kept but not offered."""
    columns = ("alpha3", "alpha2", "m49", "name_en", "name_fr", "region_m49", "ldc", "lldc", "sids", "un_status")
    rows = _rows(_country(entry) for entry in read_csv(path, "alpha3", columns))
    labels = {"en": "Countries and areas", "fr": "Pays et zones"}
    return SchemeData("countries", Kind.COUNTRIES, path.name, labels, "2026.1", f"ISO 3166-1; {CLDR}", UNICODE, rows)


def _country(entry: Entry) -> Row:
    status = entry.choice("un_status", UN_STATUSES)
    return {
        "alpha3": entry.text("alpha3"),
        "alpha2": entry.text("alpha2"),
        "m49": entry.text("m49"),
        "labels": entry.column_labels("name_"),
        "region": entry.text("region_m49", empty=True),
        "subregion": entry.text("subregion_m49", empty=True),
        "intermediate_region": entry.text("intermediate_region_m49", empty=True),
        "is_ldc": entry.flag("ldc"),
        "is_lldc": entry.flag("lldc"),
        "is_sids": entry.flag("sids"),
        "ldc_graduation_on": entry.day_or_none("ldc_graduation_scheduled"),
        "official_languages": entry.text("official_languages", empty=True).split(),
        "un_status": status,
        "active": status != "none",
    }


def global_compact(path: Path) -> SchemeData:
    """Read the objectives of the Global Compact for Migration."""
    file = read_json(path)
    rows = _rows(
        _concept(entry, labels={"en": entry.text("title_en"), "fr": entry.text("title_fr")})
        | {"notation": str(entry.whole("number"))}
        for entry in file.entries("objectives", "code")
    )
    labels = {
        "en": "Objectives of the Global Compact for Migration",
        "fr": "Objectifs du Pacte mondial pour les migrations",
    }
    source = f"{file.text('source')}; French titles unofficial"
    return SchemeData("gcm", Kind.CONCEPTS, path.name, labels, "A/RES/73/195", source, "United Nations text", rows)


def development_targets(path: Path) -> SchemeData:
    """Read the targets of the Sustainable Development Goals that themes refer to."""
    rows = _rows(
        {
            **_concept(entry, labels={"en": entry.text("en"), "fr": entry.text("fr")}),
            "code": f"sdg:{entry.text('code')}",
            "notation": entry.text("code"),
        }
        for entry in read_csv(path, "code", ("code", "en", "fr"))
    )
    labels = {
        "en": "Targets of the Sustainable Development Goals",
        "fr": "Cibles des objectifs de développement durable",
    }
    return SchemeData("sdg", Kind.CONCEPTS, path.name, labels, "2026.1", "own short labels", OWN, rows)


def themes(path: Path) -> list[SchemeData]:
    """Read the core themes and the mapped schemes of CIFAL and Antwerp."""
    file = read_json(path)
    core = Entry(file.file, "core", file.mapping("core"))
    found = [
        SchemeData(
            code="themes",
            kind=Kind.CONCEPTS,
            file=file.file,
            labels=core.labels("label"),
            version=core.text("version"),
            source=core.text("source"),
            licence=OWN,
            rows=_rows(_concept(entry, labels=entry.labels("prefLabel")) for entry in core.entries("concepts", "id")),
        )
    ]
    for scheme in file.entries("schemes", "id"):
        rows = _rows(_mapped_concept(entry) for entry in scheme.entries("concepts", "id"))
        version, source = core.text("version"), scheme.text("note")
        found.append(
            SchemeData(scheme.text("id"), Kind.CONCEPTS, file.file, scheme.labels("label"), version, source, OWN, rows)
        )
    return found


def _concept(entry: Entry, *, labels: dict[str, str]) -> Row:
    return {
        "code": entry.text("id", empty=True) or entry.text("code"),
        "notation": entry.text("notation", empty=True),
        "broader": entry.text("broader", empty=True),
        "pref_labels": labels,
        "alt_labels": dict(entry.mapping("altLabel")),
        "scope_notes": dict(entry.mapping("scopeNote")),
        "related": entry.strings("related"),
        "exact_match": entry.strings("exactMatch"),
        "close_match": entry.strings("closeMatch"),
        "narrow_match": [],
        "provenance": entry.fields.get("provenance") or [],
    }


def _mapped_concept(entry: Entry) -> Row:
    matches: dict[str, list[str]] = {"exactMatch": [], "closeMatch": [], "narrowMatch": []}
    for mapping in entry.entries("mappings", "concept"):
        matches[mapping.choice("type", tuple(matches))].append(mapping.text("concept"))
    return _concept(entry, labels=entry.labels("prefLabel")) | {
        "exact_match": matches["exactMatch"],
        "close_match": matches["closeMatch"],
        "narrow_match": matches["narrowMatch"],
    }


def exchange_rates(path: Path) -> SchemeData:
    """Read dated rates in United States dollars per unit."""
    rows = tuple(
        {
            "currency": entry.text("currency"),
            "usd_per_unit": entry.positive("usd_per_unit"),
            "valid_on": entry.day("valid_on"),
            "origin": entry.text("origin"),
        }
        for entry in read_csv(path, "currency", ("currency", "usd_per_unit", "valid_on", "origin"))
    )
    labels = {"en": "Exchange rates", "fr": "Taux de change"}
    return SchemeData("exchange_rates", Kind.RATES, path.name, labels, "2026.1", "synthetic rates", OWN, rows)


def service_levels(path: Path, lists: dict[str, SchemeData]) -> SchemeData:
    """Read the service levels; ``lists`` are the code lists that their codes come from."""
    file = read_json(path)
    rows = _rows(_service_level(entry, lists) for entry in file.entries("steps", "step"))
    labels = {"en": "Service levels", "fr": "Délais de service"}
    return SchemeData(
        "service_levels", Kind.SERVICE_LEVELS, path.name, labels, file.text("version"), file.text("note"), OWN, rows
    )


def _service_level(entry: Entry, lists: dict[str, SchemeData]) -> Row:
    if set(entry.strings("remind")) - set(PARTIES):
        raise entry.error(f"remind has other values than {', '.join(PARTIES)}")
    effect = entry.choice("deadline_effect", codes_of(lists["deadline_effects"]))
    return {
        "step": entry.text("step"),
        "labels": entry.labels("labels"),
        "owner": entry.choice("owner", PARTIES),
        "working_days": entry.whole("working_days"),
        "remind_before": entry.whole_or_none("remind_before"),
        "overdue_action": entry.choice("overdue_action", codes_of(lists["overdue_actions"])),
        "remind": entry.strings("remind"),
        "escalate_to": entry.choice("escalate_to", codes_of(lists["escalation_targets"])),
        "on_overdue": entry.labels("on_overdue"),
        "deadline_effect": effect,
        "shipped_effect": effect,
        "effect_after_working_days": entry.whole_or_none("effect_after_working_days"),
        "at_deadline": entry.labels("at_deadline"),
    }


def codes_of(scheme: SchemeData) -> tuple[str, ...]:
    """Give the codes of a scheme in their order."""
    return tuple(str(row[KEYS[scheme.kind][0]]) for row in scheme.rows)


KEYS: dict[Kind, tuple[str, ...]] = {
    Kind.CONCEPTS: ("code",),
    Kind.COUNTRIES: ("alpha3",),
    Kind.RATES: ("currency", "valid_on"),
    Kind.REGIONS: ("m49",),
    Kind.SERVICE_LEVELS: ("step",),
    Kind.TERMS: ("code",),
}


def _rows(found: Iterable[Row]) -> tuple[Row, ...]:
    return tuple({"active": True, **row, "order": order} for order, row in enumerate(found, start=1))


def _check_references(schemes: dict[str, SchemeData]) -> None:
    """Refuse codes given twice and codes that refer to nothing."""
    for scheme in schemes.values():
        _check_once(scheme)
    concepts = {str(row["code"]) for scheme in schemes.values() if scheme.kind is Kind.CONCEPTS for row in scheme.rows}
    areas = {*codes_of(schemes["regions"]), ""}
    for scheme in schemes.values():
        if scheme.kind is Kind.CONCEPTS:
            _check_known(scheme, ("broader",), {*concepts, ""})
            _check_known(scheme, ("related", "exact_match", "close_match", "narrow_match"), concepts)
    _check_known(schemes["regions"], ("parent",), areas)
    _check_known(schemes["countries"], ("region", "subregion", "intermediate_region"), areas)
    _check_known(schemes["countries"], ("official_languages",), set(codes_of(schemes["languages"])))
    _check_known(schemes["exchange_rates"], ("currency",), set(codes_of(schemes["currencies"])))


def _check_once(scheme: SchemeData) -> None:
    seen: set[tuple[object, ...]] = set()
    for row in scheme.rows:
        key = tuple(row[column] for column in KEYS[scheme.kind])
        if key in seen:
            raise DataFileError(scheme.file, f"{scheme.code} {key[0]}", "is given twice")
        seen.add(key)


def _check_known(scheme: SchemeData, columns: tuple[str, ...], known: set[str]) -> None:
    for row in scheme.rows:
        for column in columns:
            value = row[column]
            named = value if isinstance(value, list) else [value]
            unknown = [code for code in named if code not in known]
            if unknown:
                record = f"{scheme.code} {row[KEYS[scheme.kind][0]]}"
                raise DataFileError(scheme.file, record, f"{column} names {unknown[0]!r}, which is not known")
