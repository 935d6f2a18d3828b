"""The demo data in the engine's own terms, with its raw dates: what the golden tests rank."""

import csv
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from matching.engine import (
    DEFAULT_POLICY,
    Budget,
    CapacitySlot,
    Catalogue,
    Cost,
    Country,
    Need,
    NeedLine,
    Offer,
    PlaceIndex,
    PlaceWish,
    Policy,
    Ranking,
    Rate,
    Rates,
    SessionSlot,
    ThemeScheme,
    build_catalogue,
    rank,
    scheme_from_pairs,
)

ROOT = Path(__file__).resolve().parents[3]
VOCABULARIES = ROOT / "marketplace" / "vocabularies" / "data"
DEMO = ROOT / "marketplace" / "demo" / "data" / "demo.json"

Row = Mapping[str, Any]  # a record of the demo file as it stands


@cache
def demo() -> Row:
    data: Row = json.loads(DEMO.read_text(encoding="utf-8"))
    return data


@cache
def scheme() -> ThemeScheme:
    core = json.loads((VOCABULARIES / "themes.json").read_text(encoding="utf-8"))["core"]
    return scheme_from_pairs(core["version"], [(entry["id"], entry["broader"]) for entry in core["concepts"]])


@cache
def places() -> PlaceIndex:
    def rows(name: str) -> list[dict[str, str]]:
        with (VOCABULARIES / name).open(encoding="utf-8", newline="") as source:
            return list(csv.DictReader(source))

    countries = tuple(
        Country(
            code=row["alpha3"],
            region=row["intermediate_region_m49"] or row["subregion_m49"] or row["region_m49"] or "001",
            ldc=row["ldc"] == "true",
            lldc=row["lldc"] == "true",
            sids=row["sids"] == "true",
        )
        for row in rows("countries.csv")
    )
    return PlaceIndex(countries, {row["m49"]: row["parent_m49"] or None for row in rows("regions.csv")})


@cache
def rates() -> Rates:
    with (VOCABULARIES / "exchange_rates.csv").open(encoding="utf-8", newline="") as source:
        return Rates(
            {
                row["currency"]: Rate(Decimal(row["usd_per_unit"]), date.fromisoformat(row["valid_on"]))
                for row in csv.DictReader(source)
            }
        )


def day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _session(row: Row, as_of: date) -> SessionSlot:
    # What is completed today was planned on the day of a replay: the state follows from the dates.
    start, end = date.fromisoformat(row["period"]["start"]), date.fromisoformat(row["period"]["end"])
    return SessionSlot(
        code=row["code"],
        start=start,
        end=end,
        precision=row["period"]["precision"],
        languages=frozenset(row["languages"]),
        country=row["place"]["country"],
        city=row["place"]["city"],
        seats_total=row["seats"]["total"],
        seats_free=row["seats"]["total"],
        seats_min=row["seats"]["min"],
        enrolment_deadline=day(row["enrolment_deadline"]),
        bookable=end > as_of,
    )


def _capacity(row: Row) -> CapacitySlot:
    return CapacitySlot(
        code=row["code"],
        start=date.fromisoformat(row["period"]["start"]),
        end=date.fromisoformat(row["period"]["end"]),
        total=row["quantity"],
        free=row["quantity"],
        unit=row["unit"],
    )


def _offer(row: Row, as_of: date) -> Offer:
    provider = next(entry for entry in demo()["providers"] if entry["code"] == row["provider"])
    home = next(entry["country"] for entry in demo()["organizations"] if entry["code"] == provider["organization"])
    return Offer(
        id=row["code"],
        provider=row["provider"],
        themes=frozenset(row["themes"]),
        form=row["form"],
        modality=row["modality"],
        languages=frozenset(row["languages"]),
        audiences=frozenset(row["audiences"]),
        hours=row["hours"],
        participants_min=row["participants"]["min"],
        participants_max=row["participants"]["max"],
        texts={
            language: " ".join(
                [row["title"][language], row["summary"].get(language, ""), *row["objectives"].get(language, [])]
            )
            for language in row["title"]
        },
        published=row["state"] == "published",
        bookable=not row.get("is_umbrella", False),
        vetted_until=day(row["vetting"]["expires_on"]) if row["vetting"] else None,
        provider_verified=provider["verification"]["state"] == "verified",
        provider_verified_until=day(provider["verification"]["expires_on"]),
        organizations=frozenset([provider["organization"], *(entry["organization"] for entry in row["partners"])]),
        interpretation=row["interpretation_possible"],
        level=row["level"],
        governance_levels=frozenset(row["governance_levels"]),
        worldwide=row["scope"] == "global",
        countries=frozenset(row["countries_served"]),
        regions=frozenset(row["regions_served"]),
        home_country=home,
        places=frozenset((place["country"], place["city"]) for place in row["delivery"]["places"]),
        on_request=row["delivery"]["on_request"],
        in_country_on_request=row["delivery"]["in_country_on_request"],
        lead_time_days=row["lead_time_days"],
        customisable=row["customisable"],
        award=row["award"],
        cost=Cost(
            Decimal(row["cost"]["per_delivery"]), Decimal(row["cost"]["per_participant"]), row["cost"]["currency"]
        ),
        sessions=tuple(_session(entry, as_of) for entry in demo()["sessions"] if entry["offering"] == row["code"]),
        capacity=tuple(
            _capacity(entry) for entry in demo()["capacity_windows"] if entry["provider"] == row["provider"]
        ),
    )


def offers(as_of: date) -> list[Offer]:
    return [_offer(row, as_of) for row in demo()["offerings"]]


@cache
def catalogue(as_of: date) -> Catalogue:
    return build_catalogue(offers(as_of), scheme(), places())


def need(reference: str) -> Need:
    row = next(entry for entry in demo()["training_requests"] if entry["reference"] == reference)
    opened = next((entry["at"] for entry in row["timeline"] if entry["state"] == "open"), None)
    ceiling = row["budget"]["ceiling"]
    return Need(
        id=row["reference"],
        requester=row["requesting_organization"],
        co_requesters=frozenset(row["co_requesters"]),
        lines=tuple(_line(entry) for entry in row["lines"]),
        window_start=date.fromisoformat(row["window"]["start"]),
        window_end=date.fromisoformat(row["window"]["end"]),
        texts={
            language: f"{row['title'][language]} {row['need_statement'].get(language, '')}" for language in row["title"]
        },
        languages_may=frozenset(row["languages"]["may"]),
        forms=frozenset(row["acceptable_forms"]),
        modalities=frozenset(row["acceptable_modalities"]),
        place=PlaceWish(row["place"]["preference"], row["place"]["country"], row["place"]["city"]),
        budget=Budget(Decimal(ceiling) if ceiling else None, row["budget"]["currency"], row["budget"]["funding_state"]),
        award=row["award_wanted"],
        opened_on=day(opened[:10]) if opened else None,
        priority_facts=frozenset(row["priority_facts"]),
    )


def _line(row: Row) -> NeedLine:
    return NeedLine(
        number=row["line"],
        theme=row["theme"],
        audience=row["audience"],
        minimum=row["participants"]["min"],
        maximum=row["participants"]["max"],
        country=row["country"],
        region=row["region"],
        language=row["language"],
        level=row["level"],
        governance_level=row["governance_level"],
    )


def today() -> date:
    return date.fromisoformat(demo()["meta"]["as_of"])


@cache
def ranked(reference: str, as_of: date) -> Ranking:
    return rank_demo(reference, as_of, DEFAULT_POLICY)


def rank_demo(reference: str, as_of: date, policy: Policy) -> Ranking:
    return rank(need(reference), catalogue(as_of), policy, as_of=as_of, rates=rates())
