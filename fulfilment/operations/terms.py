"""What a change asks for, as values and as the JSON that is stored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class DeliveryTerms:
    """Other dates, place, capacity or partner for one delivery (by number); None and "" leave it as it is.

    ``offering_id``, ``session_id`` and ``window_id`` are primary keys; another offering may belong to another provider,
    which then takes the part over. ``capacity`` counts seats or units; what is needed where it is not said: seats for all
    participants, the trainer days of the offering, or one of the deliveries side by side.
    """

    number: int
    start_on: date | None = None
    end_on: date | None = None
    precision: str = ""
    city: str = ""
    country: str = ""
    venue: str = ""
    offering_id: int | None = None
    session_id: int | None = None
    window_id: int | None = None
    capacity: int | None = None
    seats: int | None = None

    @property
    def moves_capacity(self) -> bool:
        """Tell whether another session, window or number of seats or units is asked for."""
        return any(value is not None for value in (self.session_id, self.window_id, self.capacity, self.seats))


@dataclass(frozen=True, slots=True)
class LineTerms:
    """Another number of participants for a line (its number in the request) of the part of a delivery (its number)."""

    line_number: int
    participants: int
    delivery_number: int = 1


@dataclass(frozen=True, slots=True)
class ChangeTerms:
    """All that one change asks for."""

    deliveries: tuple[DeliveryTerms, ...] = ()
    lines: tuple[LineTerms, ...] = ()
    budget_amount: Decimal | None = None
    budget_currency: str = ""

    @property
    def offering_ids(self) -> frozenset[int]:
        """The offerings (keys) that are asked for; they may bring other partners in."""
        return frozenset(row.offering_id for row in self.deliveries if row.offering_id is not None)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is asked for."""
        return not (self.deliveries or self.lines or self.budget_amount is not None)


def to_json(terms: ChangeTerms) -> dict[str, Any]:
    """Write terms as JSON: only what is asked for."""
    written: dict[str, Any] = {}
    if terms.deliveries:
        written["deliveries"] = [_plain(asdict(row)) for row in terms.deliveries]
    if terms.lines:
        written["lines"] = [_plain(asdict(row)) for row in terms.lines]
    if terms.budget_amount is not None:
        written["budget"] = {"amount": str(terms.budget_amount), "currency": terms.budget_currency}
    return written


def from_json(written: Mapping[str, Any]) -> ChangeTerms:
    """Read terms as `to_json` wrote them."""
    budget = written.get("budget", {})
    return ChangeTerms(
        deliveries=tuple(_delivery(row) for row in written.get("deliveries", [])),
        lines=tuple(LineTerms(**row) for row in written.get("lines", [])),
        budget_amount=Decimal(budget["amount"]) if budget else None,
        budget_currency=budget.get("currency", ""),
    )


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if value is not None and value != ""}
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in kept.items()}


def _delivery(row: Mapping[str, Any]) -> DeliveryTerms:
    dates = {name: date.fromisoformat(row[name]) for name in ("start_on", "end_on") if name in row}
    return DeliveryTerms(**{**row, **dates})
