"""The offers as columns: one row for each offer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import BitTable
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.rates import to_cents
from matching.engine.splicing import Splice, joined, starts
from matching.engine.types import AWARDS, LEVELS, Offer

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HOURS_PER_TRAINER_DAY = 6  # design, domain page
FAR_FUTURE = date.max.toordinal()
UNKNOWN = -1


def trainer_days(hours: int) -> int:
    """Return trainer days of one delivery: a started day of six hours counts whole."""
    return -(-hours // HOURS_PER_TRAINER_DAY)


def calendar_days(hours: int) -> int:
    """Return calendar days one delivery takes, weekends between working days included."""
    working = trainer_days(hours)
    return working + 2 * ((working - 1) // 5)


@dataclass(frozen=True, slots=True)
class OfferArrays:
    """The offers as columns."""

    theme_start: Ints
    theme: Ints
    theme_count: Ints
    form: BitTable
    modality: BitTable
    audiences: BitTable
    governance: BitTable
    level: Ints
    award: Ints
    interpretation: Bools
    customisable: Bools
    worldwide: Bools
    countries: BitTable
    regions: BitTable
    delivered: BitTable
    home: BitTable
    published: Bools
    bookable: Bools
    vetted_until: Ints
    provider_verified: Bools
    provider_until: Ints
    parties: BitTable
    smallest: Ints
    largest: Ints
    duration: Ints
    lead: Ints
    currency: BitTable
    per_delivery: Ints
    per_participant: Ints
    record_mean: Ints
    evaluations: Ints
    deliveries: Ints
    form_mean: Ints
    form_evaluations: Ints

    def themes_of(self, offers: Ints | None = None) -> tuple[Ints, Ints]:
        """Return the themes of all offers (or of the rows given), one after the other, and where those of each begin."""
        if offers is None:
            return self.theme, self.theme_start[:-1]
        counts = self.theme_count.take(offers)
        begins = starts(counts)
        return self.theme.take(joined(self.theme_start.take(offers), counts, begins)), begins

    @classmethod
    def of(cls, offers: Sequence[Offer], scheme: ThemeScheme) -> "OfferArrays":
        """Build the columns of the offers. Raises EngineError(unknown_concept)."""

        def ints(values: Iterable[int]) -> Ints:
            return np.fromiter(values, dtype=np.int64, count=len(offers))

        def bools(values: Iterable[bool]) -> Bools:
            return np.fromiter(values, dtype=np.bool_, count=len(offers))

        def one(values: Iterable[str | None]) -> BitTable:
            return BitTable.build([frozenset({value} if value else ()) for value in values])

        themes = [sorted(scheme.index(theme) for theme in offer.themes) for offer in offers]
        counts = ints(len(row) for row in themes)
        form = one(offer.form for offer in offers)
        record_mean = ints(offer.record.mean for offer in offers)
        evaluations = ints(offer.record.evaluations for offer in offers)
        form_mean, form_evaluations = _evidence_by_form(form, record_mean, evaluations)
        return cls(
            theme_start=np.cumsum([0, *counts], dtype=np.int64),
            theme=np.array([number for row in themes for number in row], dtype=np.int64),
            theme_count=counts,
            form=form,
            modality=one(offer.modality for offer in offers),
            audiences=BitTable.build([offer.audiences for offer in offers]),
            governance=BitTable.build([offer.governance_levels for offer in offers]),
            level=ints(UNKNOWN if offer.level is None else LEVELS.index(offer.level) for offer in offers),
            award=ints(UNKNOWN if offer.award is None else AWARDS.index(offer.award) for offer in offers),
            interpretation=bools(offer.interpretation for offer in offers),
            customisable=bools(offer.customisable for offer in offers),
            worldwide=bools(offer.worldwide for offer in offers),
            countries=BitTable.build([offer.countries for offer in offers]),
            regions=BitTable.build([offer.regions for offer in offers]),
            delivered=BitTable.build([offer.delivered_countries for offer in offers]),
            home=one(offer.home_country for offer in offers),
            published=bools(offer.published for offer in offers),
            bookable=bools(offer.bookable for offer in offers),
            vetted_until=ints(0 if offer.vetted_until is None else offer.vetted_until.toordinal() for offer in offers),
            provider_verified=bools(offer.provider_verified for offer in offers),
            provider_until=ints(
                FAR_FUTURE if offer.provider_verified_until is None else offer.provider_verified_until.toordinal()
                for offer in offers
            ),
            parties=BitTable.build([offer.organizations | {offer.provider} for offer in offers]),
            smallest=ints(offer.participants_min for offer in offers),
            largest=ints(offer.participants_max for offer in offers),
            duration=ints(calendar_days(offer.hours) for offer in offers),
            lead=ints(offer.lead_time_days for offer in offers),
            currency=one(offer.cost.currency if offer.cost else None for offer in offers),
            per_delivery=ints(to_cents(offer.cost.per_delivery) if offer.cost else 0 for offer in offers),
            per_participant=ints(to_cents(offer.cost.per_participant) if offer.cost else 0 for offer in offers),
            record_mean=record_mean,
            evaluations=evaluations,
            deliveries=ints(offer.record.deliveries for offer in offers),
            form_mean=form_mean,
            form_evaluations=form_evaluations,
        )

    def spliced(self, fresh: "OfferArrays", splice: Splice) -> "OfferArrays":
        """Return the columns that `of` would make of the same offers, put together from two."""
        columns = {
            column.name: spliced(getattr(self, column.name), getattr(fresh, column.name), splice)
            for column in fields(self)
            if column.name not in BY_THEMES | BY_FORM
        }
        themes, theme_start = splice.runs(self.theme_start, fresh.theme_start)
        form_mean, form_evaluations = _evidence_by_form(columns["form"], columns["record_mean"], columns["evaluations"])
        return OfferArrays(
            theme_start=theme_start,
            theme=themes.column(self.theme, fresh.theme),
            form_mean=form_mean,
            form_evaluations=form_evaluations,
            **columns,
        )


# Columns that are not one value of one offer.
BY_THEMES = {"theme_start", "theme"}
BY_FORM = {"form_mean", "form_evaluations"}


def spliced(before: Any, fresh: Any, splice: Splice) -> Any:
    """Put one column, of values or of sets of codes, together from two."""
    return before.spliced(fresh, splice) if isinstance(before, BitTable) else splice.column(before, fresh)


def _evidence_by_form(form: BitTable, mean: Ints, evaluations: Ints) -> tuple[Ints, Ints]:
    """Return for each offer the mean 0..1000 and the number of evaluations of all offers of its form."""
    means, counts = np.zeros_like(mean), np.zeros_like(evaluations)
    for code in form.position:
        rows = form.holders(code)
        weights = evaluations[rows]
        count = int(weights.sum())
        means[rows] = int((weights * mean[rows]).sum()) // count if count else 0
        counts[rows] = count
    return means, counts
