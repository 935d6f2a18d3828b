"""Supply by cell: how many offers on the market today treat a theme, in a place, in a language, in a form.

Only these four are asked (by the constraints of the ranking); whether there is a date or a seat is not: an offer that
is sold out is still supply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.engine.catalogue import Bools, Catalogue
from matching.engine.constraints import OFF_MARKET, Fail
from matching.engine.policy import Policy
from matching.engine.rates import Rates
from matching.engine.slots import screen
from matching.engine.types import Need, NeedLine

ASKED = (
    OFF_MARKET
    | Fail.THEME_OTHER_FIELD
    | Fail.THEME_MISMATCH
    | Fail.COUNTRY_NOT_SERVED
    | Fail.LANGUAGE_NOT_DELIVERABLE
    | Fail.FORM_MISMATCH
)
NO_RATES = Rates({})  # prices are not asked

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
    """Count the offers that serve each cell, as on a day.

    Raises EngineError(unknown_concept, unknown_country, unknown_region).
    """
    together = np.zeros(len(catalogue.offers), dtype=np.bool_)
    counts = []
    for cell in cells:
        able = np.zeros(len(catalogue.offers), dtype=np.bool_)
        for country, region in sorted(cell.places, key=str):
            line = NeedLine(1, cell.theme, "", 1, 1, country=country, region=region, language=cell.language)
            probe = Need("cell", "", (line,), window_start=as_of, window_end=as_of, forms=cell.forms)
            found = screen(probe, line, catalogue, policy, as_of=as_of, rates=NO_RATES)
            able[found.offer[(found.bits & np.int64(ASKED)) == 0]] = True
        together |= able
        counts.append(int(able.sum()))
    columns, today = catalogue.columns, as_of.toordinal()
    standing: Bools = columns.provider_verified & (columns.provider_until >= today)
    on_market = columns.published & columns.bookable & (columns.vetted_until >= today) & standing
    return Served(tuple(counts), int(together.sum()), int(on_market.sum()))
