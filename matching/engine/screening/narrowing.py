"""Which offers are worth a closer look, found by masks before any slot is tested one by one.

All of it is a shortcut and none of it decides: an offer left out fails, by the very tests of `constraints` and `slots`,
what the question asks for; an offer let through is tested in full.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import numpy as np

from matching.engine.bitsets import Bools, Ints, Mask, in_more_than, mask_of, rows_outside
from matching.engine.catalogue import Catalogue
from matching.engine.catalogue.ways import Day
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates
from matching.engine.screening.constraints import (
    CHECKS,
    OFF_MARKET,
    Fail,
    Question,
    failed_mask,
    off_market_mask,
    off_theme_mask,
)
from matching.engine.screening.slots import Screen, interpretation_counts, screen, speaks
from matching.engine.text.terms import runs
from matching.engine.types import Need, NeedLine

# What is left to test of offers that are on the market and on the theme.
ASKED = tuple(fail for fail in CHECKS if not fail & (OFF_MARKET | Fail.THEME_OTHER_FIELD | Fail.THEME_MISMATCH))


def slots_of(catalogue: Catalogue, offers: Ints) -> Ints:
    """Return the slots (rows) of offers (rows, ascending), ascending."""
    return runs(catalogue.slots.first, offers)


def screen_able(
    need: Need,
    line: NeedLine,
    catalogue: Catalogue,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    others: Ints | None = None,
) -> Screen:
    """Test one line against the slots of those offers only that fail nothing by themselves; see `slots.screen`."""
    rows = slots_of(catalogue, able(Question(need, line, policy, as_of.toordinal()), catalogue))
    return screen(need, line, catalogue, policy, as_of=as_of, rates=rates, rows=rows, others=others, able=True)


def able(question: Question, catalogue: Catalogue) -> Ints:
    """Return the offers that fail nothing by themselves and have a slot in the language asked and with a date to come."""
    failed = off_market_mask(question.today, catalogue) | off_theme_mask(question, catalogue)
    for _, mask in _masks(question, catalogue, ASKED):
        failed |= mask
    return rows_outside(failed, len(catalogue.offers))


def company(need: Need, line: NeedLine, screens: Mapping[int, Screen], catalogue: Catalogue) -> Ints:
    """Count for each offer the participants of the other lines that it could serve, group size aside."""
    total = np.zeros(len(catalogue.offers), dtype=np.int64)
    for other in need.lines:
        if other.number != line.number and other.number in screens:
            found = screens[other.number]
            able = np.zeros(len(catalogue.offers), dtype=np.bool_)
            able[found.offer[(found.bits & ~np.int64(Fail.GROUP_TOO_SMALL)) == 0]] = True
            total += np.where(able, other.maximum, 0)
    return total


def nearly_able(question: Question, catalogue: Catalogue, *, most: int, never: Fail) -> Ints:
    """Return the offers of which a slot may fail at most so many constraints, and none of those that must `never` fail.

    A constraint that all slots of an offer fail counts once, as it does for each of them.
    """
    size = len(catalogue.offers)
    masks = list(_masks(question, catalogue, CHECKS))
    failed = in_more_than(most, [mask for _, mask in masks], size)
    for fail, mask in masks:
        if fail & never:
            failed |= mask
    return rows_outside(failed, size)


def _masks(question: Question, catalogue: Catalogue, checks: Iterable[Fail]) -> Iterator[tuple[Fail, Mask]]:
    """Give for each of the constraints on offers, and for dates and language, the offers of which every slot fails it."""
    for fail in checks:
        mask = failed_mask(fail, question, catalogue)
        if mask is not None:
            yield fail, mask
    yield (
        Fail.NOT_SCHEDULED,
        catalogue.memo.get(
            (Fail.NOT_SCHEDULED, question.today),
            lambda: _of_every_slot(catalogue, Day.of(catalogue, question.today).undated),
        ),
    )
    language = question.line.language
    if language is not None:
        allowed = interpretation_counts(question.need, question.policy)
        yield (
            Fail.LANGUAGE_NOT_DELIVERABLE,
            catalogue.memo.get(
                (Fail.LANGUAGE_NOT_DELIVERABLE, language, allowed),
                lambda: _of_every_slot(catalogue, ~speaks(language, catalogue, allowed)),
            ),
        )


def _of_every_slot(catalogue: Catalogue, failed: Bools) -> Mask:
    """Return the offers all of whose slots fail; every offer has a slot."""
    if not len(catalogue.offers):
        return mask_of(failed)
    return mask_of(np.logical_and.reduceat(failed, catalogue.slots.first[:-1]))
