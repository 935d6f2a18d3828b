"""Exact money: decimals with a currency, converted by a dated stored rate or not at all (domain rule 9)."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the main unit of an ISO 4217 currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.currency} {self.amount:,.2f}"


def convert(money: Money, currency: str, usd_per_unit: Mapping[str, Decimal]) -> Money | None:
    """Convert by rates given in United States dollars for one unit; None when a rate is missing.

    The result is rounded to cents, half to even.
    """
    if money.currency == currency:
        return money
    source, target = usd_per_unit.get(money.currency), usd_per_unit.get(currency)
    if source is None or not target:
        return None
    return Money((money.amount * source / target).quantize(CENT, ROUND_HALF_EVEN), currency)
