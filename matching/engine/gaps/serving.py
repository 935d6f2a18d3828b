"""Supply by cell: how many offers on the market today treat a theme, in a place, in a language, in a form.

Only these four are asked (by the constraints of the ranking); whether there is a date or a seat is not: an offer that
is sold out is still supply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.engine.bitsets import Mask, mask_of
from matching.engine.catalogue import Catalogue
from matching.engine.policy import Policy
from matching.engine.screening.constraints import OFF_MARKET, Fail, Question, failed_mask
from matching.engine.screening.slots import interpretation_counts, speaks
from matching.engine.types import Need, NeedLine

ASKED = (Fail.THEME_OTHER_FIELD, Fail.THEME_MISMATCH, Fail.COUNTRY_NOT_SERVED, Fail.FORM_MISMATCH)

Place = tuple[str | None, str | None]  # country, or M49 region, or neither: the world


@dataclass(frozen=True, slots=True)
class Cell:
    """What is looked for; `language` None and `forms` empty: any. An offer that serves one of the places counts."""

    theme: str
    places: frozenset[Place]
    language: str | None = None
    forms: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Served:
    """Offers for each cell in the order given, offers that serve any of them, and offers on the market."""

    by_cell: tuple[int, ...]
    any_cell: int
    on_market: int


def serving(cells: Sequence[Cell], catalogue: Catalogue, policy: Policy, *, as_of: date) -> Served:
    """Count the offers that serve each cell, as on a day; each constraint is tested once for all cells that ask alike.

    Raises EngineError(unknown_concept, unknown_country, unknown_region).
    """
    size = len(catalogue.offers)
    off_market = np.zeros(-(-size // 8), dtype=np.uint8)
    for fail in OFF_MARKET:
        off_market |= _failed(fail, _question(Cell("", frozenset()), None, None, policy, as_of), catalogue)
    nobody = ~np.zeros_like(off_market)
    idle = nobody.copy()
    counts = []
    for cell in cells:
        failed = nobody.copy()
        for country, region in sorted(cell.places, key=str):
            there = off_market.copy()
            question = _question(cell, country, region, policy, as_of)
            for fail in ASKED:
                there |= _failed(fail, question, catalogue)
            failed &= there | _mute(question, catalogue)
        idle &= failed
        counts.append(_passing(failed, size))
    return Served(tuple(counts), _passing(idle, size), _passing(off_market, size))


def _question(cell: Cell, country: str | None, region: str | None, policy: Policy, as_of: date) -> Question:
    line = NeedLine(1, cell.theme, "", 1, 1, country=country, region=region, language=cell.language)
    need = Need("cell", "", (line,), window_start=as_of, window_end=as_of, forms=cell.forms)
    return Question(need, line, policy, as_of.toordinal())


def _failed(fail: Fail, question: Question, catalogue: Catalogue) -> Mask:
    mask = failed_mask(fail, question, catalogue)
    return np.zeros(-(-len(catalogue.offers) // 8), dtype=np.uint8) if mask is None else mask


def _mute(question: Question, catalogue: Catalogue) -> Mask:
    """Return the offers that have no delivery in the language asked."""
    language = question.line.language
    if language is None:
        return np.zeros(-(-len(catalogue.offers) // 8), dtype=np.uint8)
    allowed = interpretation_counts(question.need, question.policy)

    def mute() -> Mask:
        spoken = np.zeros(len(catalogue.offers), dtype=np.bool_)
        spoken[catalogue.slots.offer[speaks(language, catalogue, allowed)]] = True
        return mask_of(~spoken)

    return catalogue.memo.get(("mute", language, allowed), mute)


def _passing(failed: Mask, size: int) -> int:
    """Count the offers whose bit is not set."""
    return size - int(np.unpackbits(failed, count=size).sum())
