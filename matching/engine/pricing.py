"""What deliveries cost, in whole cents of a currency, and the ceiling that binds."""

import numpy as np

from matching.engine.catalogue import UNKNOWN, Catalogue, Ints
from matching.engine.policy import Policy
from matching.engine.rates import Rates, to_cents
from matching.engine.types import Need

SECURED = "secured"  # code list `funding_states`
SAFE = 2**62  # what is reckoned stays below, else with Python's own whole numbers


def ceiling_cents(need: Need, policy: Policy) -> int | None:
    """Return the limit that binds, tolerance included; None while the funding is to be found."""
    budget = need.budget
    if not policy.enforce_ceiling or budget.funding_state != SECURED or budget.ceiling is None:
        return None
    return to_cents(budget.ceiling) * (1000 + policy.cost_tolerance_permille) // 1000


def cost_in_currency(
    need: Need, catalogue: Catalogue, policy: Policy, rates: Rates, offer: Ints, seats: Ints, deliveries: Ints
) -> Ints:
    """Return the estimate in cents of the request's currency, rounded half up; -1 where cost or rate is missing."""
    return cost_in(need.budget.currency or policy.currency, catalogue, rates, offer, seats, deliveries)


def cost_in(target: str, catalogue: Catalogue, rates: Rates, offer: Ints, seats: Ints, deliveries: Ints) -> Ints:
    """Return the estimate in cents of a currency, rounded half up; -1 where cost or rate is missing.

    Several rows of seats and deliveries, each of the length of `offer`, are reckoned at once.
    """
    columns = catalogue.columns
    native = deliveries * columns.per_delivery.take(offer) + seats * columns.per_participant.take(offer)
    factors = [rates.factor(currency, target) for currency in columns.currency.position]
    top = [0 if factor is None else factor[0] for factor in factors] + [0]
    bottom = [1 if factor is None else factor[1] for factor in factors] + [1]
    largest = int(native.max(initial=1))
    wide = 2 * (largest * max(top) + max(bottom)) >= SAFE
    kind = np.dtype(object if wide else np.int64)
    currency = _currency(catalogue).take(offer)
    tops, bottoms = np.array(top, dtype=kind).take(currency), np.array(bottom, dtype=kind).take(currency)
    cost = (native.astype(kind, copy=False) * (2 * tops) + bottoms) // (2 * bottoms)
    return np.where(tops == 0, UNKNOWN, cost).astype(np.int64, copy=False)


def _currency(catalogue: Catalogue) -> Ints:
    """Return for each offer the number of its currency, that of none behind all others; kept with the catalogue."""

    def made() -> Ints:
        table = catalogue.columns.currency
        number = np.full(len(catalogue.offers), len(table.position), dtype=np.int64)
        for code, position in table.position.items():
            number[table.holders(code)] = position
        return number

    return catalogue.memo.get("currency of offers", made)
