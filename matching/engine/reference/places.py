"""Countries and regions: containment (M49) and the three groups with special needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from matching.engine.errors import EngineError

WORLD = "001"  # M49


@dataclass(frozen=True, slots=True)
class Country:
    """ISO 3166-1 alpha-3 code and its nearest M49 region (intermediate region or sub-region)."""

    code: str
    region: str
    ldc: bool = False
    lldc: bool = False
    sids: bool = False

    @property
    def has_special_needs(self) -> bool:
        """Tell whether it is a least developed, landlocked developing or small island developing state."""
        return self.ldc or self.lldc or self.sids


@dataclass(frozen=True, slots=True)
class PlaceIndex:
    """Containment of countries in regions, up to the world.

    `parents` maps each M49 region to the one that contains it; the world has none.
    """

    countries: tuple[Country, ...]
    parents: Mapping[str, str | None]
    by_code: Mapping[str, Country] = field(init=False, repr=False, compare=False)
    members: Mapping[str, frozenset[str]] = field(init=False, repr=False, compare=False)  # region -> countries
    _chains: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.countries, key=lambda country: country.code))
        object.__setattr__(self, "countries", ordered)
        object.__setattr__(self, "by_code", {country.code: country for country in ordered})
        members: dict[str, set[str]] = {region: set() for region in self.parents}
        for country in ordered:
            for region in self.chain(country.region):
                members[region].add(country.code)
        object.__setattr__(self, "members", {region: frozenset(codes) for region, codes in members.items()})

    def country(self, code: str) -> Country:
        """Return a country. Raises EngineError(unknown_country)."""
        try:
            return self.by_code[code]
        except KeyError:
            raise EngineError("unknown_country", code, "not an ISO 3166-1 alpha-3 code of the index") from None

    def chain(self, region: str) -> tuple[str, ...]:
        """Return the region and all that contain it, nearest first. Raises EngineError(unknown_region)."""
        found = self._chains.get(region)
        if found is None:
            line: list[str] = []
            current: str | None = region
            while current is not None:
                if current not in self.parents or current in line:
                    raise EngineError("unknown_region", current, "not an M49 code of the index")
                line.append(current)
                current = self.parents[current]
            found = self._chains[region] = tuple(line)
        return found

    def chain_of(self, *, country: str | None, region: str | None) -> tuple[str, ...]:
        """Return the regions around a country, or the region itself and those around it; nearest first."""
        if country is not None:
            return self.chain(self.country(country).region)
        return self.chain(region or WORLD)
