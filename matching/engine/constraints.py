"""Hard constraints that depend on the offer alone: one bit each, none ever compensated by a good score.

The bits of the delivery (language, dates, place, seats, cost) are set in `slots`; the codes of all are here.
"""

from collections.abc import Set
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from matching.engine.catalogue import UNKNOWN, Bools, Catalogue, Ints, OfferArrays
from matching.engine.concepts import Relation
from matching.engine.policy import Policy
from matching.engine.types import AWARDS, LEVELS, Need, NeedLine


class Fail(IntFlag):
    """What can rule an offer out; the order is the order in which reasons are named."""

    THEME_OTHER_FIELD = 1 << 0
    THEME_MISMATCH = 1 << 1
    LANGUAGE_NOT_DELIVERABLE = 1 << 2
    COUNTRY_NOT_SERVED = 1 << 3
    AUDIENCE_MISMATCH = 1 << 4
    LEVEL_MISMATCH = 1 << 5
    FORM_MISMATCH = 1 << 6
    MODALITY_MISMATCH = 1 << 7
    PLACE_MISMATCH = 1 << 8
    NOT_SCHEDULED = 1 << 9
    WINDOW_MISSED = 1 << 10
    CAPACITY_NONE = 1 << 11
    CAPACITY_SHORT = 1 << 12
    GROUP_TOO_SMALL = 1 << 13
    COST_OVER_CEILING = 1 << 14
    AWARD_UNAVAILABLE = 1 << 15
    OFFERING_NOT_PUBLISHED = 1 << 16
    NOT_BOOKABLE = 1 << 17
    VETTING_EXPIRED = 1 << 18
    PROVIDER_NOT_IN_STANDING = 1 << 19
    EXCLUDED_BY_REQUESTER = 1 << 20
    CONFLICT_OF_INTEREST = 1 << 21
    NOT_VISIBLE = 1 << 22
    TURNED_DOWN = 1 << 23


# Two bits share a code where one of the two can be helped and the other cannot.
CODES: dict[Fail, str] = {fail: (fail.name or "").lower() for fail in Fail} | {
    Fail.THEME_OTHER_FIELD: "theme_mismatch",
    Fail.CAPACITY_NONE: "capacity_short",
}

# What the requester can give up; the rest is for the provider or the secretariat.
RELAXABLE = (
    Fail.THEME_MISMATCH
    | Fail.LANGUAGE_NOT_DELIVERABLE
    | Fail.LEVEL_MISMATCH
    | Fail.FORM_MISMATCH
    | Fail.MODALITY_MISMATCH
    | Fail.PLACE_MISMATCH
    | Fail.WINDOW_MISSED
    | Fail.CAPACITY_SHORT
    | Fail.GROUP_TOO_SMALL
    | Fail.COST_OVER_CEILING
    | Fail.AWARD_UNAVAILABLE
    | Fail.EXCLUDED_BY_REQUESTER
    | Fail.NOT_VISIBLE
)

# Offers that fail one of these are not on the market today, whatever is asked.
OFF_MARKET = Fail.OFFERING_NOT_PUBLISHED | Fail.NOT_BOOKABLE | Fail.VETTING_EXPIRED | Fail.PROVIDER_NOT_IN_STANDING

# Code list `unmet_reasons` of the vocabularies.
UNMET_REASONS: dict[Fail, str] = {
    Fail.THEME_OTHER_FIELD: "no_theme",
    Fail.THEME_MISMATCH: "no_theme",
    Fail.LANGUAGE_NOT_DELIVERABLE: "no_language",
    Fail.COUNTRY_NOT_SERVED: "no_place",
    Fail.PLACE_MISMATCH: "no_place",
    Fail.AUDIENCE_MISMATCH: "no_audience",
    Fail.FORM_MISMATCH: "no_form",
    Fail.MODALITY_MISMATCH: "no_form",
    Fail.NOT_SCHEDULED: "no_time",
    Fail.WINDOW_MISSED: "no_time",
    Fail.CAPACITY_NONE: "no_capacity",
    Fail.CAPACITY_SHORT: "no_capacity",
    Fail.COST_OVER_CEILING: "no_funding",
}


def codes_of(bits: int) -> tuple[str, ...]:
    """Return the codes of a mask, in order, each once."""
    return tuple(dict.fromkeys(CODES[fail] for fail in Fail if bits & fail))


def offer_bits(need: Need, line: NeedLine, catalogue: Catalogue, policy: Policy, *, today: int) -> Ints:
    """Return for each offer the mask of what it fails by itself. `today` is an ordinal day."""
    columns = catalogue.columns
    bits = np.zeros(len(catalogue.offers), dtype=np.int64)
    for fail, failed in (
        (Fail.OFFERING_NOT_PUBLISHED, ~columns.published),
        (Fail.NOT_BOOKABLE, ~columns.bookable),
        (Fail.VETTING_EXPIRED, columns.vetted_until < today),
        (Fail.PROVIDER_NOT_IN_STANDING, ~columns.provider_verified | (columns.provider_until < today)),
        (Fail.FORM_MISMATCH, _not_among(columns.form.has_any(need.forms), need.forms)),
        (Fail.MODALITY_MISMATCH, _modality_mismatch(need, columns)),
        (Fail.AUDIENCE_MISMATCH, ~columns.audiences.has(line.audience) & ~columns.customisable),
        (Fail.LEVEL_MISMATCH, _level_mismatch(line, columns, policy)),
        (Fail.COUNTRY_NOT_SERVED, coverage_steps(line, catalogue) == UNKNOWN),
        (Fail.AWARD_UNAVAILABLE, (columns.award != UNKNOWN) & (columns.award < AWARDS.index(need.award))),
        (Fail.EXCLUDED_BY_REQUESTER, columns.parties.has_any(need.excluded)),
        (Fail.CONFLICT_OF_INTEREST, columns.parties.has_any(need.conflicts)),
        (Fail.NOT_VISIBLE, _not_visible(need, columns)),
        (Fail.TURNED_DOWN, _turned_down(need, catalogue)),
    ):
        bits |= np.where(failed, np.int64(fail), 0)
    return bits | _theme_bits(line, catalogue, policy)


def per_offer(catalogue: Catalogue, by_concept: NDArray[np.int64]) -> Ints:
    """Return for each offer the largest of the values its themes have in a table by concept."""
    columns = catalogue.columns
    if not len(catalogue.offers):
        return np.zeros(0, dtype=np.int64)
    best: Ints = np.maximum.reduceat(by_concept[columns.theme], columns.theme_start[:-1])
    return best


def coverage_steps(line: NeedLine, catalogue: Catalogue) -> Ints:
    """Return how far the declared coverage is from the beneficiary, for each offer.

    0: the country (or the region asked) itself; 1, 2 ...: the nearest region around it, the next ...; the largest:
    worldwide; -1: not served. A region is served when it lies wholly in what is declared.
    """
    columns, places = catalogue.columns, catalogue.places
    chain = places.chain_of(country=line.country, region=line.region)
    first = 1 if line.country is not None else 0
    steps = np.where(columns.worldwide, first + len(chain) - 1, UNKNOWN).astype(np.int64)
    for step, region in reversed(list(enumerate(chain, start=first))):
        steps[columns.regions.has(region)] = step
    if line.country is not None:
        steps[columns.countries.has(line.country)] = 0
    return steps


def _theme_bits(line: NeedLine, catalogue: Catalogue, policy: Policy) -> Ints:
    relations = catalogue.scheme.relations(line.theme)
    meets = relations[Relation.EQUAL] | relations[Relation.NARROWER]
    if policy.accept_broader_theme:
        meets = meets | relations[Relation.BROADER]
    for theme in line.also_themes:
        meets[catalogue.scheme.index(theme)] = True
    # The parent of a concept is in the same field even when the policy does not accept it.
    same_field = meets | relations[Relation.SAME_FIELD] | relations[Relation.BROADER]
    best = per_offer(catalogue, np.where(meets, 2, np.where(same_field, 1, 0)).astype(np.int64))
    return np.select(
        [best == 2, best == 1], [np.int64(0), np.int64(Fail.THEME_MISMATCH)], default=np.int64(Fail.THEME_OTHER_FIELD)
    ).astype(np.int64)


def _not_among(held: Bools, wanted: Set[str]) -> Bools:
    return ~held if wanted else np.zeros(len(held), dtype=np.bool_)


def _modality_mismatch(need: Need, columns: OfferArrays) -> Bools:
    mismatch = _not_among(columns.modality.has_any(need.modalities), need.modalities)
    if need.place.preference == "online":
        mismatch = mismatch | ~columns.modality.has("online")
    return mismatch


def _level_mismatch(line: NeedLine, columns: OfferArrays, policy: Policy) -> Bools:
    if line.level is None:
        return np.zeros(len(columns.level), dtype=np.bool_)
    apart = np.abs(columns.level - LEVELS.index(line.level))
    mismatch: Bools = (columns.level != UNKNOWN) & (apart > policy.level_tolerance) & ~columns.customisable
    return mismatch


def _not_visible(need: Need, columns: OfferArrays) -> Bools:
    if need.visible_to is None:
        return np.zeros(len(columns.level), dtype=np.bool_)
    return ~columns.parties.has_any(need.visible_to)


def _turned_down(need: Need, catalogue: Catalogue) -> Bools:
    refused = (offer.id in need.turned_down_by for offer in catalogue.offers)
    return np.fromiter(refused, dtype=np.bool_, count=len(catalogue.offers))
