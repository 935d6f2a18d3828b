"""Reading of vocabularies: one cached snapshot, no query as long as nothing changed."""

from marketplace.vocabularies.queries.codes import check_code, check_codes, codes, label, labels, scheme, schemes, terms
from marketplace.vocabularies.queries.concepts import (
    THEMES,
    ThemeRow,
    concept,
    concept_ancestors,
    concept_descendants,
    concepts,
    core_themes_of,
    suggest_concepts,
    theme_scheme_rows,
)
from marketplace.vocabularies.queries.places import WORLD, Places, country, is_place, places, region
from marketplace.vocabularies.queries.rates import rate, rate_history, rates
from marketplace.vocabularies.queries.service_levels import service_level, service_levels
from marketplace.vocabularies.queries.snapshot import (
    CodeRow,
    ConceptRow,
    CountryRow,
    Rate,
    RegionRow,
    SchemeRow,
    ServiceLevelRow,
    cache,
)


def refresh() -> None:
    """Read the vocabularies anew if they have changed, without waiting for the next look."""
    cache.forget()
    cache.get()


__all__ = [
    "THEMES",
    "WORLD",
    "CodeRow",
    "ConceptRow",
    "CountryRow",
    "Places",
    "Rate",
    "RegionRow",
    "SchemeRow",
    "ServiceLevelRow",
    "ThemeRow",
    "check_code",
    "check_codes",
    "codes",
    "concept",
    "concept_ancestors",
    "concept_descendants",
    "concepts",
    "core_themes_of",
    "country",
    "is_place",
    "label",
    "labels",
    "places",
    "rate",
    "rate_history",
    "rates",
    "refresh",
    "region",
    "scheme",
    "schemes",
    "service_level",
    "service_levels",
    "suggest_concepts",
    "terms",
    "theme_scheme_rows",
]
