"""Countries and regions, and which lies in which."""

from collections.abc import Mapping
from dataclasses import dataclass

from marketplace.vocabularies.queries.snapshot import CountryRow, RegionRow, cache

WORLD = "001"


@dataclass(frozen=True, slots=True)
class Places:
    """All countries (ISO 3166-1 alpha-3) and areas (M49) with their containment."""

    countries: Mapping[str, CountryRow]
    regions: Mapping[str, RegionRow]

    def regions_of(self, alpha3: str) -> tuple[str, ...]:
        """Give the M49 areas of a country from the nearest to the world; empty for an unknown one."""
        country = self.countries.get(alpha3)
        return country.regions if country else ()

    def countries_in(self, m49: str) -> frozenset[str]:
        """Give the countries in an area at any depth; empty for an unknown one."""
        region = self.regions.get(m49)
        return region.countries if region else frozenset()

    def contains(self, wider: str, place: str) -> bool:
        """Tell whether ``place`` (country or area) is ``wider`` or lies in it."""
        if wider == place:
            return True
        if place in self.countries:
            return wider in self.regions_of(place)
        return wider in self.areas_around(place)

    def areas_around(self, m49: str) -> tuple[str, ...]:
        """Give the wider areas of an area from the nearest to the world."""
        found: list[str] = []
        region = self.regions.get(m49)
        while region and region.parent and region.parent not in found:
            found.append(region.parent)
            region = self.regions.get(region.parent)
        return tuple(found)


def places() -> Places:
    """Give all countries and areas."""
    snapshot = cache.get()
    return Places(snapshot.countries, snapshot.regions)


def country(alpha3: str) -> CountryRow | None:
    """Give one country or area, or None."""
    return cache.get().countries.get(alpha3)


def region(m49: str) -> RegionRow | None:
    """Give one area of M49, or None."""
    return cache.get().regions.get(m49)


def is_place(code: str) -> bool:
    """Tell whether ``code`` is a country (alpha-3) or an area (M49) that may be chosen."""
    found = country(code)
    return found.active if found else region(code) is not None
