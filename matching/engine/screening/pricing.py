"""What deliveries cost, in whole cents of a currency, and the ceiling that binds."""

from decimal import Decimal

import numpy as np

from matching.engine.catalogue import UNKNOWN, Catalogue, Ints
from matching.engine.catalogue.ways import Prices
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates, to_cents
from matching.engine.types import Need

SECURED = "secured"  # code list `funding_states`
SAFE = 2**62  # what is reckoned stays below, else with Python's own whole numbers


def ceiling_cents(need: Need, policy: Policy) -> int | None:
    """Return the limit that binds, tolerance included, less what other lines cost; None while the funding is to be found."""
    budget = need.budget
    if not policy.enforce_ceiling or budget.funding_state != SECURED or budget.ceiling is None:
        return None
    whole = to_cents(budget.ceiling) * (1000 + policy.cost_tolerance_permille) // 1000
    return max(0, whole - to_cents(budget.committed or Decimal(0)))


def cost_in_currency(
    need: Need, catalogue: Catalogue, policy: Policy, rates: Rates, offer: Ints, seats: Ints, deliveries: Ints
) -> Ints:
    """Return the estimate in cents of the request's currency, rounded half up; -1 where cost or rate is missing."""
    return cost_in(need.budget.currency or policy.currency, catalogue, rates, offer, seats, deliveries)


def cost_in(target: str, catalogue: Catalogue, rates: Rates, offer: Ints, seats: Ints, deliveries: Ints) -> Ints:
    """Return the estimate in cents of a currency, rounded half up; -1 where cost or rate is missing.

    Several rows of seats and deliveries, each of the length of `offer`, are reckoned at once.
    """
    return reckoned(target, catalogue, rates, Prices.of(catalogue).take(offer), seats, deliveries)


def reckoned(target: str, catalogue: Catalogue, rates: Rates, prices: Prices, seats: Ints, deliveries: Ints) -> Ints:
    """Return the same at prices that have been looked up."""
    native = deliveries * prices.per_delivery + seats * prices.per_participant
    # Over one denominator NumPy divides by one number, many times faster than by a column.
    factors, bottom = rates.over_one(tuple(catalogue.columns.currency.position), target)
    top = (*factors, 0)
    wide = 2 * (int(native.max(initial=1)) * max(top) + bottom) >= SAFE
    kind = np.dtype(object if wide else np.int64)
    tops = np.array(top, dtype=kind).take(prices.currency)
    cost = (native.astype(kind, copy=False) * (2 * tops) + bottom) // (2 * bottom)
    return np.where(tops == 0, UNKNOWN, cost).astype(np.int64, copy=False)
