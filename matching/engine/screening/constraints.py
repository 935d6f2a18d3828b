"""Hard constraints that depend on the offer alone: one bit each, none ever compensated by a good score.

The bits of the delivery (language, dates, place, seats, cost) are set in `slots`; the codes of all are here.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import IntFlag
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from matching.engine.bitsets import Mask, mask_of, masks_by_code
from matching.engine.catalogue import UNKNOWN, Bools, Catalogue, Ints
from matching.engine.policy import Policy
from matching.engine.reference.concepts import Relation
from matching.engine.types import AWARDS, LEVELS, Need, NeedLine

Column = TypeVar("Column", Ints, Bools, NDArray[np.int8])


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
    Fail.LEVEL_MISMATCH: "no_level",
    Fail.AWARD_UNAVAILABLE: "no_award",
    Fail.NOT_SCHEDULED: "no_time",
    Fail.WINDOW_MISSED: "no_time",
    Fail.CAPACITY_NONE: "no_capacity",
    Fail.CAPACITY_SHORT: "no_capacity",
    Fail.GROUP_TOO_SMALL: "group_too_small",
    Fail.COST_OVER_CEILING: "no_funding",
}


def codes_of(bits: int) -> tuple[str, ...]:
    """Return the codes of a mask, in order, each once."""
    return tuple(dict.fromkeys(CODES[fail] for fail in Fail if bits & fail))


@dataclass(frozen=True, slots=True)
class Question:
    """What one line asks of every offer. `today` is an ordinal day."""

    need: Need
    line: NeedLine
    policy: Policy
    today: int


@dataclass(frozen=True, slots=True)
class Check:
    """One constraint on offers.

    `depends_on` gives all of the question that the answer hangs on (None: nothing is asked, so no offer fails);
    `failed` tests the rows given, or all of them; `mask` does the latter faster where there are masks to read it from.
    """

    depends_on: Callable[[Question], Hashable | None]
    failed: Callable[[Question, Catalogue, Ints | None], Bools]
    mask: Callable[[Question, Catalogue], Mask] | None = None


def offer_bits(question: Question, catalogue: Catalogue, offers: Ints | None = None) -> Ints:
    """Return for each offer (or each of the rows given) the mask of what it fails by itself."""
    bits = np.zeros(len(catalogue.offers) if offers is None else len(offers), dtype=np.int64)
    for fail, check in CHECKS.items():
        if check.depends_on(question) is not None:
            bits |= np.where(check.failed(question, catalogue, offers), np.int64(fail), 0)
    return bits


def failed_mask(fail: Fail, question: Question, catalogue: Catalogue) -> Mask | None:
    """Return the offers that fail one constraint, one bit each; None where it asks nothing.

    Kept with the catalogue: what many requests ask alike is tested once.
    """
    check = CHECKS[fail]
    depends_on = check.depends_on(question)
    if depends_on is None:
        return None

    def made() -> Mask:
        return check.mask(question, catalogue) if check.mask else mask_of(check.failed(question, catalogue, None))

    return catalogue.memo.get((fail, depends_on), made)


def off_market_mask(today: int, catalogue: Catalogue) -> Mask:
    """Return the offers that are not on the market on a day, whatever is asked; kept with the catalogue."""

    def made() -> Mask:
        failed = ~catalogue.columns.published | ~catalogue.columns.bookable
        failed |= _expired(today, catalogue, None) | _without_standing(today, catalogue, None)
        return mask_of(failed)

    return catalogue.memo.get(("off market", today), made)


def off_theme_mask(question: Question, catalogue: Catalogue) -> Mask:
    """Return the offers that do not treat what the line asks for, be it of its field or of another; kept with the catalogue."""

    def made() -> Mask:
        holders, start = _holders_of(catalogue)
        masks = catalogue.memo.get("masks of themes", lambda: masks_by_code(start, holders, len(catalogue.offers)))
        met: Mask = np.bitwise_or.reduce(masks[_meeting(question, catalogue)], axis=0)
        return ~met

    return catalogue.memo.get(("off theme", _theme_asked(question)), made)


def per_offer(catalogue: Catalogue, by_concept: NDArray[np.int64], offers: Ints | None = None) -> Ints:
    """Return for each offer the largest of the values its themes have in a table by concept."""
    theme, start = catalogue.columns.themes_of(offers)
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    best: Ints = np.maximum.reduceat(by_concept[theme], start)
    return best


def coverage_steps(line: NeedLine, catalogue: Catalogue, offers: Ints | None = None) -> Ints:
    """Return how far the declared coverage is from the beneficiary, for each offer.

    0: the country (or the region asked) itself; 1, 2 ...: the nearest region around it, the next ...; the largest:
    worldwide; -1: not served. A region is served when it lies wholly in what is declared.
    """
    chain = catalogue.places.chain_of(country=line.country, region=line.region)
    around = steps_around(chain, catalogue)
    steps: Ints = (around if offers is None else around.take(offers)).astype(np.int64)
    if line.country is None:
        return steps
    steps += steps != UNKNOWN  # the country itself is nearer than any region
    steps[catalogue.columns.countries.has(line.country, offers)] = 0
    return steps


def steps_around(chain: tuple[str, ...], catalogue: Catalogue) -> NDArray[np.int8]:
    """Return for all offers the first of these regions, nearest first, that they cover; -1: none. Kept with the catalogue."""

    def made() -> NDArray[np.int8]:
        columns = catalogue.columns
        steps = np.where(columns.worldwide, np.int8(len(chain) - 1), np.int8(UNKNOWN))
        for step, region in reversed(list(enumerate(chain))):
            steps[columns.regions.holders(region)] = step
        return steps

    return catalogue.memo.get(("steps around", chain), made)


def _of(column: Column, offers: Ints | None) -> Column:
    return column if offers is None else column[offers]


def _expired(today: int, catalogue: Catalogue, offers: Ints | None) -> Bools:
    expired: Bools = _of(catalogue.columns.vetted_until, offers) < today
    return expired


def _without_standing(today: int, catalogue: Catalogue, offers: Ints | None) -> Bools:
    columns = catalogue.columns
    ended: Bools = _of(columns.provider_until, offers) < today
    return ~_of(columns.provider_verified, offers) | ended


def _modality(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    wanted, modality = question.need.modalities, catalogue.columns.modality
    online = modality.has("online", offers)
    failed = np.zeros(len(online), dtype=np.bool_)
    if question.need.place.preference == "online":
        failed |= ~online
    if wanted:
        failed |= ~modality.has_any(wanted, offers)
    return failed


def _audience(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    columns = catalogue.columns
    return ~columns.audiences.has(question.line.audience, offers) & ~_of(columns.customisable, offers)


def _level(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    columns, wanted = catalogue.columns, question.line.level
    if wanted is None:
        return np.zeros(len(_of(columns.level, offers)), dtype=np.bool_)
    level = _of(columns.level, offers)
    mismatch: Bools = (level != UNKNOWN) & (np.abs(level - LEVELS.index(wanted)) > question.policy.level_tolerance)
    return mismatch & ~_of(columns.customisable, offers)


def _country(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    line = question.line
    chain = catalogue.places.chain_of(country=line.country, region=line.region)
    failed: Bools = _of(steps_around(chain, catalogue), offers) == UNKNOWN
    if line.country is not None and offers is None:
        failed[catalogue.columns.countries.holders(line.country)] = False
    elif line.country is not None:
        failed &= ~catalogue.columns.countries.has(line.country, offers)
    return failed


def _country_mask(question: Question, catalogue: Catalogue) -> Mask:
    line, table = question.line, catalogue.columns.countries
    chain = catalogue.places.chain_of(country=line.country, region=line.region)
    around = catalogue.memo.get(("mask around", chain), lambda: mask_of(steps_around(chain, catalogue) == UNKNOWN))
    number = table.position.get(line.country or "")
    if number is None:
        return around
    masks = catalogue.memo.get(
        "masks of countries", lambda: masks_by_code(table.start, table.row_by_code, len(catalogue.offers))
    )
    named: Mask = masks[number]
    return around & ~named


def _award(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    award = _of(catalogue.columns.award, offers)
    lower: Bools = (award != UNKNOWN) & (award < AWARDS.index(question.need.award))
    return lower


def _invisible(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    return ~catalogue.columns.parties.has_any(question.need.visible_to or frozenset(), offers)


def _turned_down(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    refused = np.zeros(len(catalogue.offers), dtype=np.bool_)
    refused[[row for name in question.need.turned_down_by if (row := catalogue.find(name)) is not None]] = True
    return _of(refused, offers)


def _other_field(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    return ~_holds_any(_same_field(question, catalogue), catalogue, offers)


def _near_theme(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    met = _holds_any(_meeting(question, catalogue), catalogue, offers)
    return _holds_any(_same_field(question, catalogue), catalogue, offers) & ~met


def _meeting(question: Question, catalogue: Catalogue) -> Bools:
    """Tell which concepts are what the line asks for."""
    line, scheme = question.line, catalogue.scheme
    relations = scheme.relations(line.theme)
    meets = relations[Relation.EQUAL] | relations[Relation.NARROWER]
    if question.policy.accept_broader_theme:
        meets = meets | relations[Relation.BROADER]
    for theme in line.also_themes:
        meets[scheme.index(theme)] = True
    return meets


def _same_field(question: Question, catalogue: Catalogue) -> Bools:
    """Tell which concepts are what the line asks for or near it: its parent is, even when the policy does not accept it."""
    relations = catalogue.scheme.relations(question.line.theme)
    return _meeting(question, catalogue) | relations[Relation.SAME_FIELD] | relations[Relation.BROADER]


def _holds_any(concepts: Bools, catalogue: Catalogue, offers: Ints | None) -> Bools:
    """Tell for each offer (or each of the rows given) whether one of its themes is among the concepts."""
    if offers is not None:
        return per_offer(catalogue, concepts.astype(np.int64), offers) > 0

    return catalogue.memo.get(("holds any", concepts.tobytes()), lambda: _held_by(concepts, catalogue))


def _held_by(concepts: Bools, catalogue: Catalogue) -> Bools:
    """Tell for all offers whether one of their themes is among the concepts."""
    holders, start = _holders_of(catalogue)
    held = np.zeros(len(catalogue.offers), dtype=np.bool_)
    for concept in concepts.nonzero()[0].tolist():
        held[holders[start[concept] : start[concept + 1]]] = True
    return held


def _holders_of(catalogue: Catalogue) -> tuple[Ints, Ints]:
    """Return the offers of each concept, concept by concept, and where those of each begin (and the last ones end).

    Kept with the catalogue.
    """

    def made() -> tuple[Ints, Ints]:
        columns, size = catalogue.columns, len(catalogue.scheme.concepts)
        offer = np.repeat(np.arange(len(columns.theme_count)), columns.theme_count)
        counts = np.bincount(columns.theme, minlength=size)
        return offer[np.argsort(columns.theme, kind="stable")], np.concatenate(([0], np.cumsum(counts)))

    return catalogue.memo.get("holders of themes", made)


def _theme_asked(question: Question) -> Hashable:
    return question.line.theme, question.line.also_themes, question.policy.accept_broader_theme


def _modalities_asked(question: Question) -> Hashable | None:
    online = question.need.place.preference == "online"
    return (question.need.modalities, online) if online or question.need.modalities else None


def _exclusions_asked(question: Question) -> Hashable | None:
    need = question.need
    return (need.excluded, need.kept_apart) if need.excluded or need.kept_apart else None


def _excluded(question: Question, catalogue: Catalogue, offers: Ints | None) -> Bools:
    """Tell which offers have a party that is ruled out, or unite two that must be kept apart."""
    parties = catalogue.columns.parties
    failed = parties.has_any(question.need.excluded, offers)
    for first, second in question.need.kept_apart:
        failed |= parties.has(first, offers) & parties.has(second, offers)
    return failed


CHECKS: dict[Fail, Check] = {
    Fail.OFFERING_NOT_PUBLISHED: Check(lambda _: (), lambda _, catalogue, o: ~_of(catalogue.columns.published, o)),
    Fail.NOT_BOOKABLE: Check(lambda _: (), lambda _, catalogue, o: ~_of(catalogue.columns.bookable, o)),
    Fail.VETTING_EXPIRED: Check(lambda q: q.today, lambda q, catalogue, o: _expired(q.today, catalogue, o)),
    Fail.PROVIDER_NOT_IN_STANDING: Check(
        lambda q: q.today, lambda q, catalogue, o: _without_standing(q.today, catalogue, o)
    ),
    Fail.THEME_OTHER_FIELD: Check(_theme_asked, _other_field),
    Fail.THEME_MISMATCH: Check(_theme_asked, _near_theme),
    Fail.FORM_MISMATCH: Check(
        lambda q: q.need.forms or None, lambda q, catalogue, o: ~catalogue.columns.form.has_any(q.need.forms, o)
    ),
    Fail.MODALITY_MISMATCH: Check(_modalities_asked, _modality),
    Fail.AUDIENCE_MISMATCH: Check(lambda q: q.line.audience, _audience),
    Fail.LEVEL_MISMATCH: Check(lambda q: (q.line.level, q.policy.level_tolerance) if q.line.level else None, _level),
    Fail.COUNTRY_NOT_SERVED: Check(lambda q: (q.line.country, q.line.region), _country, _country_mask),
    Fail.AWARD_UNAVAILABLE: Check(lambda q: q.need.award if AWARDS.index(q.need.award) else None, _award),
    Fail.EXCLUDED_BY_REQUESTER: Check(_exclusions_asked, _excluded),
    Fail.CONFLICT_OF_INTEREST: Check(
        lambda q: q.need.conflicts or None,
        lambda q, catalogue, o: catalogue.columns.parties.has_any(q.need.conflicts, o),
    ),
    Fail.NOT_VISIBLE: Check(lambda q: None if q.need.visible_to is None else (q.need.visible_to,), _invisible),
    Fail.TURNED_DOWN: Check(lambda q: q.need.turned_down_by or None, _turned_down),
}
