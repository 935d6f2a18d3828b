"""Money: conversion by given dated rates, in whole cents, or no conversion at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from math import gcd, lcm

RATE_SCALE = 10**9  # rates are read with nine decimals


@dataclass(frozen=True, slots=True)
class Rate:
    """Units of the reference currency for one unit of this one, as stored on a day."""

    value: Decimal
    valid_on: date


@dataclass(frozen=True, slots=True)
class Rates:
    """Dated rates of the currencies known, all against the same reference currency."""

    table: Mapping[str, Rate]
    _factors: dict[tuple[str, str], tuple[int, int] | None] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    _shared: dict[tuple[tuple[str, ...], str], tuple[tuple[int, ...], int]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def factor(self, source: str, target: str) -> tuple[int, int] | None:
        """Return numerator and denominator that take source cents to target cents; None if a rate is missing."""
        pair = source, target
        if pair not in self._factors:
            self._factors[pair] = self._factor(source, target)
        return self._factors[pair]

    def over_one(self, sources: tuple[str, ...], target: str) -> tuple[tuple[int, ...], int]:
        """Return the numerators that take cents of each source to target cents, 0 where a rate is missing, over one denominator."""
        asked = sources, target
        if asked not in self._shared:
            factors = [self.factor(source, target) or (0, 1) for source in sources]
            bottom = lcm(*(below for _, below in factors))
            self._shared[asked] = tuple(above * (bottom // below) for above, below in factors), bottom
        return self._shared[asked]

    def _factor(self, source: str, target: str) -> tuple[int, int] | None:
        if source == target:
            return (1, 1)
        if source not in self.table or target not in self.table:
            return None
        top = int((self.table[source].value * RATE_SCALE).to_integral_value(ROUND_HALF_UP))
        bottom = int((self.table[target].value * RATE_SCALE).to_integral_value(ROUND_HALF_UP))
        if top <= 0 or bottom <= 0:
            return None
        shared = gcd(top, bottom)
        return (top // shared, bottom // shared)

    def valid_on(self, currency: str) -> date | None:
        """Return the day of the stored rate."""
        return self.table[currency].valid_on if currency in self.table else None


def to_cents(amount: Decimal) -> int:
    """Return whole cents, half up."""
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


def to_amount(cents: int) -> Decimal:
    """Return an exact amount with two decimals."""
    return Decimal(cents).scaleb(-2)
