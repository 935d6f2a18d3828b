"""Rows turned into what the engine reads: one need, and the whole market with its themes, places and rates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache

from marketplace.accounts import queries as accounts
from marketplace.vocabularies import queries as vocabularies
from matching.engine import (
    Budget,
    CapacitySlot,
    Catalogue,
    Concept,
    Cost,
    Country,
    EngineError,
    Lexicon,
    Need,
    NeedLine,
    Offer,
    PlaceIndex,
    PlaceWish,
    Rate,
    Rates,
    SessionSlot,
    Supply,
    ThemeScheme,
    TrackRecord,
    build_catalogue,
    encode_supply,
    lexicon_from_labels,
)
from providers import queries as providers
from requests_app import queries as requests

Rows = dict[str, providers.CatalogueOffer]
CACHED_MARKETS = 4  # by catalogue and vocabulary version; a version that changed is never asked for again


@dataclass(frozen=True, slots=True)
class Market:
    """Everything on offer (arrays to rank by, bytes to keep), the rates of the day, and the rows behind by public id."""

    catalogue: Catalogue
    rates: Rates
    supply: Supply
    rows: Mapping[str, providers.CatalogueOffer]


def need(request_id: int, *, at: datetime, exclusions: Iterable[str] = (), lines: frozenset[int] | None = None) -> Need:
    """Give a request as the engine reads it: the lines that want a partner (or the numbered ones), with what is left of them.

    ``exclusions`` are public ids of offerings whose providers refused this need. Raises EngineError where no line is left.
    """
    facts = requests.request_for_matching(request_id)
    codes = accounts.codes_of(facts.co_requester_ids | facts.excluded_organization_ids)
    return need_of(facts, codes, exclusions=exclusions, lines=lines)


def need_of(
    facts: requests.RequestFacts,
    codes: Mapping[int, str],
    *,
    exclusions: Iterable[str] = (),
    lines: frozenset[int] | None = None,
) -> Need:
    """Give facts that were read already as the engine reads them; ``codes`` names the organizations by primary key."""
    wanted = [line for line in facts.lines if (line.number in lines if lines is not None else wants_partner(line))]
    window = facts.window
    if window is None:
        raise EngineError("bad_need", facts.reference, "the request has no window")
    return Need(
        id=str(facts.public_id),
        requester=facts.requesting_organization,
        lines=tuple(_line(line) for line in wanted if line.free > 0),
        window_start=window.start,
        window_end=window.end,
        texts=_texts(facts.title, facts.need_statement),
        co_requesters=frozenset(codes[pk] for pk in facts.co_requester_ids),
        languages_may=frozenset(facts.languages_may),
        forms=frozenset(facts.forms),
        modalities=frozenset(facts.modalities),
        place=PlaceWish(facts.place_preference, facts.place_country or None, facts.place_city or None),
        budget=Budget(
            facts.budget.amount if facts.budget else None,
            facts.budget.currency if facts.budget else None,
            facts.funding_state,
        ),
        award=facts.award or "none",
        excluded=frozenset(codes[pk] for pk in facts.excluded_organization_ids),
        turned_down_by=frozenset(exclusions),
        opened_on=facts.opened_at.date() if facts.opened_at else None,
        context_event_on=facts.context_event_on,
        priority_facts=frozenset(facts.priority_facts),
    )


def wants_partner(line: requests.LineFacts) -> bool:
    """Tell whether a line is to be ranked: it is open, or divisible and still short of its smallest group."""
    short = line.state == "held" and line.divisible and line.claimed < line.participants_min
    return line.free > 0 and (line.state == "open" or short)


def _line(line: requests.LineFacts) -> NeedLine:
    return NeedLine(
        number=line.number,
        theme=line.theme,
        audience=line.audience,
        minimum=max(1, min(line.participants_min - line.claimed, line.free)),
        maximum=line.free,
        country=line.country or None,
        region=line.region or None,
        language=line.language or None,
        level=line.level or None,
        governance_level=line.governance_level or None,
    )


def _texts(*maps: dict[str, str]) -> dict[str, str]:
    languages = sorted({language for texts in maps for language in texts})
    return {language: " ".join(texts[language] for texts in maps if texts.get(language)) for language in languages}


def market(*, at: datetime) -> Market:
    """Give the market as it is now; the catalogue is built once for each version of it and kept in the process."""
    day = at.date()
    version = "|".join([providers.catalogue_version(), *(row.checksum for row in vocabularies.schemes())])
    catalogue, supply, rows = _catalogue(version, day)
    return Market(catalogue=catalogue, rates=rates_of(day), supply=supply, rows=rows)


def rates_of(day: date) -> Rates:
    """Give the stored rates of a day."""
    return Rates(
        {
            currency: Rate(rate.usd_per_unit, rate.valid_on)
            for currency in sorted(vocabularies.rates(day))
            if (rate := vocabularies.rate(currency, day)) is not None
        }
    )


@lru_cache(maxsize=CACHED_MARKETS)
def _catalogue(version: str, day: date) -> tuple[Catalogue, Supply, Rows]:
    """Build the catalogue of one version, as seen on one day (sessions that are over are left out)."""
    found = providers.catalogue_for_matching(at=datetime.combine(day, time.min, tzinfo=UTC))
    rows = {str(row.public_id): row for row in found if _is_complete(row)}
    offers = tuple(offer(row) for row in rows.values())
    scheme, places = theme_scheme(), place_index()
    words = lexicon()
    return build_catalogue(offers, scheme, places, words), encode_supply(offers, scheme, places, words), rows


def _is_complete(row: providers.CatalogueOffer) -> bool:
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
        texts=_texts(dict(row.titles), dict(row.summaries), {k: " ".join(v) for k, v in row.objectives.items()}),
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
