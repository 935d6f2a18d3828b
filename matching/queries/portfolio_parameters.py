"""The stored parameters of a planning run turned into what the engine plans by.

The shape is that of `POST /match-runs`, with references resolved: requests by reference, offerings, sessions and windows
by public id, organizations and providers by code.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop
from matching.engine import (
    CLASSES,
    HYPOTHETICAL,
    CapacitySlot,
    Cost,
    Criterion,
    FreeCapacity,
    GroupFloor,
    MarketChanges,
    Offer,
    PlanBudget,
    PlanMark,
    PlanParameters,
    ProviderLoad,
    Rates,
    SessionSlot,
    to_cents,
)

CURRENCY = "USD"  # in which plans count: rates are stored against it
STANDING = timedelta(days=3650)  # an invented offering is vetted and its provider in standing
DEFAULT_SECONDS = 60
DEFAULT_CANDIDATES = 20
DEFAULT_ALTERNATES = 3
Json = Mapping[str, Any]


def parameters_of(stored: Json, rates: Rates) -> PlanParameters:
    """Give limits, floors, loads and marks. Raises EngineError(bad_instance), or DomainError(rule_broken) for a rate."""
    return PlanParameters(
        classes=frozenset(stored.get("priority_classes") or CLASSES),
        budgets=tuple(_limit(number, entry, rates) for number, entry in enumerate(stored.get("budgets", ()))),
        floors=tuple(GroupFloor(entry["group"], entry["minimum"]) for entry in stored.get("floors", ())),
        loads=tuple(_load(entry) for entry in stored.get("provider_loads", ())),
        most_lines=stored.get("most_lines_of_a_provider"),
        locks=_marks(stored.get("locks", ())),
        bans=_marks(stored.get("bans", ())),
        worst_served=stored.get("worst_served", True),
        time_limit_seconds=stored.get("time_limit_seconds", DEFAULT_SECONDS),
        candidates=stored.get("candidates_per_line", DEFAULT_CANDIDATES),
        alternates=stored.get("alternates", DEFAULT_ALTERNATES),
        currency=CURRENCY,
    )


def _limit(number: int, entry: Json, rates: Rates) -> PlanBudget:
    """Give a budget in cents of the plan's currency, rounded down: a limit is never stretched."""
    money = entry["limit"]
    factor = rates.factor(money["currency"], CURRENCY)
    if factor is None:
        detail = gettext_noop("There is no exchange rate for %(currency)s.")
        pointer = f"/parameters/budgets/{number}/limit/currency"
        raise rule_broken(pointer, "no_rate", detail, currency=money["currency"])
    top, bottom = factor
    return PlanBudget(to_cents(Decimal(money["amount"])) * top // bottom, entry.get("funder") or "")


def _load(entry: Json) -> ProviderLoad:
    return ProviderLoad(entry["provider"], entry.get("minimum", 0), entry.get("maximum"))


def _marks(entries: Iterable[Json]) -> tuple[PlanMark, ...]:
    return tuple(PlanMark(entry["request"], entry["line"], entry["offering"]) for entry in entries)


def changes_of(stored: Json, *, day: date) -> MarketChanges:
    """Give what a "what if" changes. Raises EngineError(bad_offer)."""
    changes = stored.get("changes", {})
    weights = changes.get("weights")
    return MarketChanges(
        weights={Criterion(name): weight for name, weight in weights.items()} if weights else None,
        capacities=tuple(
            FreeCapacity(entry.get("session") or entry["capacity_window"], entry["free"])
            for entry in changes.get("capacities", ())
        ),
        offers=tuple(_offer(entry, day) for entry in changes.get("offerings", ())),
    )


def _offer(entry: Json, day: date) -> Offer:
    """Give an offering that nobody has made yet: published, vetted, its provider in standing."""
    name = HYPOTHETICAL + entry["code"]
    per_delivery, per_participant = entry.get("cost_per_delivery"), entry.get("cost_per_participant")
    cost = None
    if per_delivery is not None or per_participant is not None:
        cost = Cost(Decimal(per_delivery or 0), Decimal(per_participant or 0), entry.get("currency") or CURRENCY)
    countries, regions = frozenset(entry.get("countries_served", ())), frozenset(entry.get("regions_served", ()))
    return Offer(
        id=name,
        provider=entry.get("provider") or name,
        themes=frozenset(entry["themes"]),
        form=entry["form"],
        modality=entry["modality"],
        languages=frozenset(entry["languages"]),
        audiences=frozenset(entry["audiences"]),
        hours=entry["duration_hours"],
        participants_min=entry["participants_min"],
        participants_max=entry["participants_max"],
        texts=dict(entry.get("titles", {})),
        vetted_until=day + STANDING,
        organizations=frozenset({entry.get("organization") or name}),
        interpretation=entry.get("interpretation_possible", False),
        level=entry.get("level") or None,
        governance_levels=frozenset(entry.get("governance_levels", ())),
        worldwide=not (countries or regions),
        countries=countries,
        regions=regions,
        on_request=entry.get("on_request", False),
        in_country_on_request=entry.get("in_country_on_request", False),
        lead_time_days=entry.get("lead_time_days", 0),
        customisable=entry.get("customisable", False),
        can_lead=entry.get("accepts_lead", True),
        award=entry.get("award") or None,
        cost=cost,
        sessions=tuple(_session(name, number, one) for number, one in enumerate(entry.get("sessions", ()), start=1)),
        capacity=tuple(_window(name, number, one) for number, one in enumerate(entry.get("capacity", ()), start=1)),
    )


def _session(name: str, number: int, entry: Json) -> SessionSlot:
    period = entry["period"]
    return SessionSlot(
        code=f"{name}:{number}",
        start=date.fromisoformat(period["start"]),
        end=date.fromisoformat(period["end"]),
        precision=period.get("precision", "day"),
        languages=frozenset(entry.get("languages", ())),
        country=entry.get("country") or None,
        city=entry.get("city") or None,
        seats_total=entry["seats_total"],
        seats_free=entry["seats_total"],
    )


def _window(name: str, number: int, entry: Json) -> CapacitySlot:
    period = entry["period"]
    return CapacitySlot(
        code=f"{name}:window:{number}",
        start=date.fromisoformat(period["start"]),
        end=date.fromisoformat(period["end"]),
        total=entry["quantity"],
        free=entry["quantity"],
        unit=entry["unit"],
    )
