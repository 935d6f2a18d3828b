"""Drawing by weight, and what all draws stand on: the vocabularies as they are loaded."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

from marketplace.demo.synthetic import weights
from marketplace.kernel.periods import Period, Precision
from marketplace.vocabularies import queries as vocabularies

T = TypeVar("T")
KINDS = ("provider", "window", "offering", "request")


class Draw(Generic[T]):
    """A weighted draw with its sums worked out once."""

    def __init__(self, weighted: Mapping[T, float]) -> None:
        self._values = list(weighted)
        self._sums = list(accumulate(weighted.values()))

    def __call__(self, rng: Random) -> T:
        """Draw one."""
        return rng.choices(self._values, cum_weights=self._sums)[0]


def generator(seed: int, kind: str, number: int) -> Random:
    """Give the random numbers of one record: the same for the same seed, kind and number."""
    return Random((seed << 48) ^ (KINDS.index(kind) + 1 << 40) ^ number)  # noqa: S311  made-up data, no secret


def months(year: int, month: int, count: int = 1) -> Period:
    """Give ``count`` whole months from the first of ``month``."""
    last = year * 12 + month - 1 + count
    return Period(date(year, month, 1), date(last // 12, last % 12 + 1, 1) - timedelta(days=1), Precision.MONTH)


def low(text: str) -> str:
    """Give a label as it stands inside a sentence: 'Civil society' becomes 'civil society', 'UN staff' stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


class World:
    """The draws that need the loaded vocabularies: countries with languages and areas, themes, audiences."""

    def __init__(self) -> None:
        self.places = vocabularies.places()
        self.country = Draw(self._country_weights())
        self.wanted_theme = Draw({group: count + 2 for group, (count, _) in weights.THEMES.items()})
        self.offered_theme = Draw({group: count**0.6 + 3 for group, (count, _) in weights.THEMES.items()})
        self.agency, self.month, self.host = Draw(weights.AGENCIES), Draw(weights.MONTHS), Draw(weights.HOSTS)
        self.modality, self.offer_language = Draw(weights.MODALITIES), Draw(weights.OFFER_LANGUAGES)
        self.form = {modality: Draw(forms) for modality, forms in weights.FORMS.items()}
        self.audience = {group: Draw(weights.AUDIENCES.get(group, weights.AUDIENCE_ELSE)) for group in weights.THEMES}

    def _country_weights(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for code, row in self.places.countries.items():
            weight = max((weights.REGION_WEIGHT.get(area, 0) for area in row.regions), default=0)
            if row.un_status == "member" and weight:
                found[code] = weight
        found |= dict.fromkeys(weights.TARGETS, weights.TARGET_WEIGHT)
        found |= dict.fromkeys(weights.INTERESTED, weights.INTERESTED_WEIGHT)
        return found | dict.fromkeys(weights.PILOTS, weights.PILOT_WEIGHT)

    def area_of(self, country: str) -> str:
        """Give the nearest M49 area around a country."""
        return self.places.regions_of(country)[0]

    def languages_of(self, country: str) -> list[str]:
        """Give the languages of a country that are drawn at all; English where there is none."""
        spoken = self.places.countries[country].official_languages
        return [language for language in spoken if language in weights.LANGUAGES] or ["en"]

    def country_name(self, country: str, language: str) -> str:
        """Give the name of a country."""
        return self.places.countries[country].labels.get(language, country)

    def theme_label(self, theme: str, language: str) -> str:
        """Give the name of a theme."""
        return vocabularies.label(vocabularies.THEMES, theme, language)

    def audience_label(self, audience: str, language: str) -> str:
        """Give the name of an audience."""
        return vocabularies.label("audiences", audience, language)
