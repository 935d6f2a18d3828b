"""Dated exchange rates."""

from datetime import date
from decimal import Decimal

from marketplace.vocabularies.queries.snapshot import Rate, cache


def rate(currency: str, on: date) -> Rate | None:
    """Give the latest rate of ``currency`` that is valid on the day, or None: then money stays as it is, flagged."""
    found = cache.get().rates.get(currency, ())
    return next((one for one in reversed(found) if one.valid_on <= on), None)


def rates(on: date) -> dict[str, Decimal]:
    """Give United States dollars per unit of every currency that has a rate on the day, for `kernel.money.convert`."""
    found = ((currency, rate(currency, on)) for currency in cache.get().rates)
    return {currency: one.usd_per_unit for currency, one in found if one}


def rate_history() -> list[Rate]:
    """Give all stored rates, by currency and day."""
    return [one for found in cache.get().rates.values() for one in found]
