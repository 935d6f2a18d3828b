"""What one provider has on offer, as arrays; a process keeps it until something of it changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import lru_cache

from matching.engine import Catalogue, Policy, Standing, build_catalogue, standings
from matching.queries.inputs import rates_of
from matching.queries.market import is_complete, offer, surroundings, words_version
from matching.queries.needs import NeedKey, ReadNeed
from providers import queries as providers

KEPT_SUPPLIES = 64  # of different providers, days or versions
KEPT_STANDINGS = 5_000  # for each of them

Standings = Mapping[int, Standing]


@dataclass(slots=True)
class ProviderSupply:
    """The published offerings of one provider on one day, and what was found out about needs already."""

    catalogue: Catalogue
    rows: Mapping[str, providers.CatalogueOffer]
    known: dict[tuple[NeedKey, str], Standings] = field(default_factory=dict)

    @property
    def themes(self) -> frozenset[str]:
        """Give every theme of the fields in which something is offered: on any other nothing is near."""
        scheme = self.catalogue.scheme
        return frozenset(
            code for offered in self.catalogue.offers for theme in offered.themes for code in scheme.field_of(theme)
        )

    def known_standings(self, keys: Iterable[NeedKey], policy: Policy) -> dict[int, Standings]:
        """Give by request what was found out about these editions of needs already."""
        found = ((key, self.known.get((key, policy.version))) for key in keys)
        return {key[0]: standings for key, standings in found if standings is not None}

    def standings(self, read: ReadNeed, policy: Policy, *, day: date) -> Standings:
        """Find out by line how near the offerings are to a need, and keep it."""
        if len(self.known) >= KEPT_STANDINGS:
            self.known.clear()
        found = standings(read.need, self.catalogue, policy, as_of=day, rates=rates_of(day))
        self.known[read.key, policy.version] = found
        return found


def provider_supply(provider_id: int, *, at: datetime) -> ProviderSupply:
    """Give what a provider has on offer now; it is read again only when something of it, or a vocabulary, changed."""
    return _supply(provider_id, providers.catalogue_version(provider_id=provider_id), words_version(), at.date())


@lru_cache(maxsize=KEPT_SUPPLIES)
def _supply(provider_id: int, version: str, words: str, day: date) -> ProviderSupply:
    """Build it. ``version`` and ``words`` say what the answer hangs on, so that it can be kept."""
    moment = datetime.combine(day, time.min, tzinfo=UTC)
    found = providers.catalogue_for_matching(at=moment, provider_id=provider_id)
    rows = {str(row.public_id): row for row in found if is_complete(row)}
    scheme, places, lexicon = surroundings(words)
    catalogue = build_catalogue([offer(row) for row in rows.values()], scheme, places, lexicon)
    return ProviderSupply(catalogue, rows)
