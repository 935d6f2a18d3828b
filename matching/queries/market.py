"""The whole market as the engine reads it: what is on offer, with its themes, places and rates.

A process keeps what it read and made last, so that after a change only what changed is read, turned into facts and
encoded again; a booking changes nothing but how much is free.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from threading import Lock

from marketplace.vocabularies import queries as vocabularies
from matching.engine import (
    CapacitySlot,
    Catalogue,
    Concept,
    Cost,
    Country,
    Lexicon,
    Offer,
    PlaceIndex,
    Rate,
    Rates,
    SessionSlot,
    Supply,
    ThemeScheme,
    TrackRecord,
    build_catalogue,
    canonical,
    encode_supply,
    lexicon_from_labels,
    refresh_catalogue,
)
from providers import queries as providers

Rows = dict[str, providers.CatalogueOffer]
CACHED_MARKETS = 4  # by catalogue and vocabulary version; a version that changed is never asked for again


@dataclass(frozen=True, slots=True)
class Market:
    """Everything on offer (arrays to rank by, bytes to keep), the rates of the day, and the rows behind by public id."""

    catalogue: Catalogue
    rates: Rates
    supply: Supply
    rows: Mapping[str, providers.CatalogueOffer]


def market(*, at: datetime) -> Market:
    """Give the market as it is now; the catalogue is built once for each version of it and kept in the process."""
    day = at.date()
    catalogue, supply, rows = _catalogue(providers.catalogue_version(), words_version(), day)
    return Market(catalogue=catalogue, rates=rates_of(day), supply=supply, rows=rows)


def words_version() -> str:
    """Give a token that changes with every change of a vocabulary."""
    return "|".join(row.checksum for row in vocabularies.schemes())


def rates_of(day: date) -> Rates:
    """Give the stored rates of a day."""
    return Rates(
        {
            currency: Rate(rate.usd_per_unit, rate.valid_on)
            for currency in sorted(vocabularies.rates(day))
            if (rate := vocabularies.rate(currency, day)) is not None
        }
    )


@dataclass(frozen=True, slots=True)
class Made:
    """What was made of a row: the facts for the engine, and the same as bytes."""

    row: providers.CatalogueOffer
    offer: Offer
    content: bytes

    @classmethod
    def of(cls, row: providers.CatalogueOffer) -> "Made":
        """Make it."""
        made = offer(row)
        return cls(row, made, canonical(made))


@dataclass(slots=True)
class Workshop:
    """What one process made of the market last: rows as they were read, what was made of each by its key, the arrays."""

    rows: providers.KeptCatalogue = field(default_factory=providers.KeptCatalogue)
    made: dict[int, Made] = field(default_factory=dict)
    catalogue: Catalogue | None = None
    busy: Lock = field(default_factory=Lock)

    def bring_up_to_date(
        self, at: datetime, scheme: ThemeScheme, places: PlaceIndex, words: Lexicon
    ) -> tuple[Catalogue, Supply, Rows]:
        """Read what changed and make the market of it."""
        self.made = dict(self._made(providers.catalogue_for_matching(at=at, kept=self.rows)))
        named = {entry.offer.id: entry for entry in self.made.values()}
        offers = tuple(entry.offer for entry in named.values())
        supply = encode_supply(offers, scheme, places, words, encode=lambda offer: named[offer.id].content)
        if self.catalogue is None:
            self.catalogue = build_catalogue(offers, scheme, places, words)
        else:
            self.catalogue = refresh_catalogue(self.catalogue, offers, scheme, places, words)
        return self.catalogue, supply, {name: entry.row for name, entry in named.items()}

    def _made(self, found: Iterable[providers.CatalogueOffer]) -> Iterator[tuple[int, Made]]:
        for row in found:
            known = self.made.get(row.offering_id)
            if known is not None and known.row is row:
                yield row.offering_id, known
            elif is_complete(row):
                yield row.offering_id, Made.of(row)


@lru_cache(maxsize=1)
def _workshop() -> Workshop:
    return Workshop()


@lru_cache(maxsize=CACHED_MARKETS)
def _catalogue(version: str, words: str, day: date) -> tuple[Catalogue, Supply, Rows]:
    """Build the catalogue of one version, as seen on one day (sessions that are over are left out).

    ``version`` and ``words`` (of catalogue and vocabularies) say what the answer hangs on, so that it can be kept.
    """
    workshop = _workshop()
    with workshop.busy:
        return workshop.bring_up_to_date(datetime.combine(day, time.min, tzinfo=UTC), *surroundings(words))


@lru_cache(maxsize=1)
def surroundings(words: str) -> tuple[ThemeScheme, PlaceIndex, Lexicon]:
    """Give themes, places and the names of themes as they are in one version of the vocabularies, ``words``."""
    return theme_scheme(), place_index(), lexicon()


def joined_texts(*maps: dict[str, str]) -> dict[str, str]:
    """Give one text for each language that any of the maps has."""
    languages = sorted({language for texts in maps for language in texts})
    return {language: " ".join(texts[language] for texts in maps if texts.get(language)) for language in languages}


def is_complete(row: providers.CatalogueOffer) -> bool:
    """Tell whether the engine can weigh an offering: without hours or group size it cannot be planned."""
    return bool(row.duration_hours and row.participants_min and row.participants_max and row.form and row.modality)


def offer(row: providers.CatalogueOffer) -> Offer:
    """Give one offering as the engine reads it; ids are public ids, organizations are codes."""
    cost = None
    if row.cost_per_delivery is not None or row.cost_per_participant is not None:
        cost = Cost(row.cost_per_delivery or Decimal(0), row.cost_per_participant or Decimal(0), row.currency)
    outcomes = row.outcomes if row.outcomes.count else row.provider_outcomes
    return Offer(
        id=str(row.public_id),
        provider=row.provider_code,
        themes=frozenset(row.themes),
        form=row.form,
        modality=row.modality,
        languages=frozenset(row.languages),
        audiences=frozenset(row.audiences),
        hours=row.duration_hours or 0,
        participants_min=row.participants_min or 0,
        participants_max=row.participants_max or 0,
        texts=joined_texts(dict(row.titles), dict(row.summaries), {k: " ".join(v) for k, v in row.objectives.items()}),
        published=row.state == "published",
        bookable=not row.is_umbrella,
        vetted_until=row.vetting_expires_on if row.vetting_verdict == "accepted" else None,
        provider_verified=row.provider_state == "verified",
        provider_verified_until=row.provider_verification_expires_on,
        organizations=frozenset({row.organization_code, *row.partner_organization_codes}),
        interpretation=row.interpretation_possible,
        level=row.level or None,
        governance_levels=frozenset(row.governance_levels),
        worldwide=row.scope == "global",
        countries=frozenset(row.countries_served),
        regions=frozenset(row.regions_served),
        home_country=row.provider_country or None,
        places=frozenset((country, city or None) for country, city in row.places if country),
        on_request=row.on_request,
        in_country_on_request=row.in_country_on_request,
        lead_time_days=row.lead_time_days,
        customisable=row.customisable,
        can_lead=row.accepts_lead,
        award=row.award or None,
        cost=cost,
        sessions=tuple(_session(session) for session in row.sessions),
        capacity=tuple(_window(window) for window in row.windows),
        record=TrackRecord(mean=outcomes.mean or 0, evaluations=outcomes.count, deliveries=outcomes.count),
    )


def _session(row: providers.CatalogueSession) -> SessionSlot:
    return SessionSlot(
        code=str(row.public_id),
        start=row.start_on,
        end=row.end_on,
        precision=row.precision,
        languages=frozenset(row.languages),
        country=row.country or None,
        city=row.city or None,
        seats_total=row.seats_total,
        seats_free=row.seats_free,
        seats_min=row.seats_min,
        enrolment_deadline=row.enrolment_deadline,
    )


def _window(row: providers.CatalogueWindow) -> CapacitySlot:
    return CapacitySlot(
        code=str(row.public_id), start=row.start_on, end=row.end_on, total=row.quantity, free=row.free, unit=row.unit
    )


def theme_scheme() -> ThemeScheme:
    """Give the core themes as the engine reads them."""
    rows = vocabularies.theme_scheme_rows()
    found = vocabularies.scheme(vocabularies.THEMES)
    return ThemeScheme(found.version if found else "", tuple(Concept(row.code, row.broader) for row in rows))


def lexicon() -> Lexicon:
    """Give what the core themes are called, in every language they have labels in; retired themes are not found."""
    return lexicon_from_labels(
        (
            row.code,
            {
                language: [row.labels.get(language, ""), *row.alt_labels.get(language, ())]
                for language in {*row.labels, *row.alt_labels}
            },
        )
        for row in vocabularies.concepts(vocabularies.THEMES)
        if row.active
    )


def place_index() -> PlaceIndex:
    """Give countries and areas as the engine reads them."""
    places = vocabularies.places()
    countries = tuple(
        Country(row.alpha3, row.regions[0] if row.regions else "001", row.is_ldc, row.is_lldc, row.is_sids)
        for row in places.countries.values()
    )
    return PlaceIndex(countries, {code: row.parent or None for code, row in places.regions.items()})
