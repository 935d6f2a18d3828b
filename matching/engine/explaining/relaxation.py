"""What would have to change: near misses with the smallest change, and smallest relaxations of a line without candidates.

Whatever is stated here flips the result when it is applied: `apply_change` and `relax` are the very functions the
statements are checked with.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

import numpy as np

from matching.engine.catalogue import Catalogue, Ints
from matching.engine.explaining.ceiling import left_of_ceiling
from matching.engine.policy import Policy
from matching.engine.reference.concepts import Relation
from matching.engine.reference.rates import Rates
from matching.engine.results import LineConflict, Relaxation
from matching.engine.scoring import score_line
from matching.engine.screening.constraints import (
    CODES,
    OFF_MARKET,
    RELAXABLE,
    UNMET_REASONS,
    Fail,
    codes_of,
    per_offer,
)
from matching.engine.screening.slots import Screen, screen
from matching.engine.sentences import Param, Sentence
from matching.engine.types import Need, NeedLine, PlaceWish

ANY_TIME = timedelta(days=3650)
ANY_NUMBER = 100_000


@dataclass(frozen=True, slots=True)
class Setting:
    """What every question about one line is asked against."""

    need: Need
    line: NeedLine
    catalogue: Catalogue
    policy: Policy
    as_of: date
    rates: Rates
    others: Ints

    def screened(self, need: Need, line: NeedLine, rows: Ints | None = None) -> Screen:
        """Screen a changed need against the same catalogue."""
        return screen(
            need, line, self.catalogue, self.policy, as_of=self.as_of, rates=self.rates, rows=rows, others=self.others
        )


def with_line(need: Need, line: NeedLine) -> Need:
    """Return the need with this line in the place of the one of the same number."""
    return replace(need, lines=tuple(line if entry.number == line.number else entry for entry in need.lines))


def relax(need: Need, number: int, mask: int, catalogue: Catalogue, *, as_of: date) -> Need:
    """Give up the constraints of a mask altogether, for one line and what it inherits from its request."""
    line = need.line(number)
    for fail in Fail:
        if mask & fail & RELAXABLE:
            line = ON_LINE[fail](line, catalogue) if fail in ON_LINE else line
            need = ON_NEED[fail](need, as_of) if fail in ON_NEED else need
    return with_line(need, line)


ON_LINE: dict[Fail, Callable[[NeedLine, Catalogue], NeedLine]] = {
    Fail.THEME_MISMATCH: lambda line, catalogue: replace(
        line, also_themes=line.also_themes | catalogue.scheme.field_of(line.theme)
    ),
    Fail.LANGUAGE_NOT_DELIVERABLE: lambda line, _: replace(line, language=None),
    Fail.LEVEL_MISMATCH: lambda line, _: replace(line, level=None),
    Fail.CAPACITY_SHORT: lambda line, _: replace(line, minimum=1),
    Fail.GROUP_TOO_SMALL: lambda line, _: replace(line, maximum=max(line.maximum, ANY_NUMBER)),
}

ON_NEED: dict[Fail, Callable[[Need, date], Need]] = {
    Fail.FORM_MISMATCH: lambda need, _: replace(need, forms=frozenset()),
    Fail.MODALITY_MISMATCH: lambda need, _: replace(need, modalities=frozenset(), place=not_only_online(need.place)),
    Fail.PLACE_MISMATCH: lambda need, _: replace(need, place=PlaceWish()),
    Fail.WINDOW_MISSED: lambda need, as_of: replace(
        need, window_start=min(need.window_start, as_of), window_end=max(need.window_end, as_of + ANY_TIME)
    ),
    Fail.COST_OVER_CEILING: lambda need, _: replace(need, budget=replace(need.budget, ceiling=None)),
    Fail.AWARD_UNAVAILABLE: lambda need, _: replace(need, award="none"),
    Fail.EXCLUDED_BY_REQUESTER: lambda need, _: replace(need, excluded=frozenset(), kept_apart=frozenset()),
    Fail.NOT_VISIBLE: lambda need, _: replace(need, visible_to=None),
}


def not_only_online(wish: PlaceWish) -> PlaceWish:
    """Return the wish without "online only"."""
    return PlaceWish() if wish.preference == "online" else wish


def conflict(setting: Setting, found: Screen) -> LineConflict:
    """Explain a line that no offer can serve."""
    relaxations = _relaxations(setting, found)
    line = setting.line
    name = {"line": str(line.number), "theme": line.theme}
    return LineConflict(
        line=line.number,
        reasons=_reasons(setting, found, relaxations),
        failing=_failing(found),
        relaxations=relaxations,
        sentence=Sentence("conflict.opens", name | {"offers": relaxations[0].opens})
        if relaxations
        else Sentence("conflict.closed", name),
    )


def popcount(masks: Ints) -> Ints:
    """Count the bits of each mask."""
    total = np.zeros(len(masks), dtype=np.int64)
    for fail in Fail:
        total += (masks & np.int64(fail)) != 0
    return total


def _relaxations(setting: Setting, found: Screen) -> tuple[Relaxation, ...]:
    """Return the minimal masks of the request's own constraints, each with what it opens; smallest, then widest first."""
    own = (found.bits & ~np.int64(RELAXABLE)) == 0
    masks = sorted({int(mask) for mask in np.unique(found.bits[own])}, key=lambda mask: (mask.bit_count(), mask))
    minimal: list[Relaxation] = []
    for mask in masks:
        # Only what opens something stands for the larger ones: giving one thing up may rule out by another.
        if not any(smaller.mask & mask == smaller.mask for smaller in minimal):
            relaxation = _relaxation(setting, found, mask)
            minimal += [relaxation] if relaxation else []
    return tuple(sorted(minimal, key=lambda r: (r.mask.bit_count(), -r.opens, r.mask))[: setting.policy.relaxations])


def _relaxation(setting: Setting, found: Screen, mask: int) -> Relaxation | None:
    rows = found.rows[(found.bits & ~np.int64(mask)) == 0]
    need = relax(setting.need, setting.line.number, mask, setting.catalogue, as_of=setting.as_of)
    line = need.line(setting.line.number)
    scored = score_line(need, line, setting.catalogue, setting.policy, setting.screened(need, line, rows))
    if not scored.best:
        return None
    top = scored.best[0]
    codes = codes_of(mask)
    params = {"theme": setting.line.theme, "language": setting.line.language or ""}
    return Relaxation(
        codes=codes,
        mask=mask,
        opens=len(scored.best),
        best_offer=setting.catalogue.offers[int(scored.found.offer[top])].id,
        best_score=int(scored.score[top]),
        sentences=tuple(_given_up(code, params, left_of_ceiling(setting.need, setting.policy)) for code in codes),
    )


def _given_up(code: str, params: Mapping[str, Param], left: Mapping[str, Param]) -> Sentence:
    """Word what would be given up; of a ceiling also what is left of it."""
    if left and code == CODES[Fail.COST_OVER_CEILING]:
        return Sentence("relax.cost_over_left", left)
    return Sentence(f"relax.{code}", params)


def _best_masks(found: Screen) -> tuple[Ints, Ints]:
    """Return the offers on the market, and for each the mask of its slot that fails least.

    Of slots that fail alike, the one that the requester can help comes first: a date that takes no smaller group says more
    than that there is no other date.
    """
    helpless = popcount(found.bits & ~np.int64(RELAXABLE))
    order = np.lexsort((found.bits, helpless, popcount(found.bits)))
    offers, first = np.unique(found.offer[order], return_index=True)
    masks = found.bits[order][first]
    on_market = (masks & np.int64(OFF_MARKET)) == 0
    return offers[on_market], masks[on_market]


def _failing(found: Screen) -> dict[str, int]:
    _, masks = _best_masks(found)
    bits: dict[str, int] = {}
    for fail, code in CODES.items():
        bits[code] = bits.get(code, 0) | fail
    counts = {code: int(((masks & np.int64(mask)) != 0).sum()) for code, mask in bits.items()}
    return dict(sorted(((c, n) for c, n in counts.items() if n), key=lambda entry: (-entry[1], entry[0])))


def _reasons(setting: Setting, found: Screen, relaxations: Iterable[Relaxation]) -> tuple[str, ...]:
    """Return the reasons, the main one first.

    No theme: nothing on the market treats the theme itself or a part of it. No language: nothing on the market is
    given in it without interpretation. Then what every offer on the theme fails; else what the first relaxation names:
    the smallest that opens most.
    """
    market, masks = _best_masks(found)
    on_market = np.isin(found.offer, market)
    relations = setting.catalogue.scheme.relations(setting.line.theme)
    proper = (relations[Relation.EQUAL] | relations[Relation.NARROWER]).astype(np.int64)
    on_theme = per_offer(setting.catalogue, proper)[found.offer] > 0
    reasons: list[str] = []
    if not (on_market & on_theme).any():
        reasons.append("no_theme")
    if setting.line.language is not None and not (on_market & found.native).any():
        reasons.append("no_language")
    themed = masks[(masks & np.int64(Fail.THEME_MISMATCH | Fail.THEME_OTHER_FIELD)) == 0]
    for fail, reason in UNMET_REASONS.items():
        if len(themed) and ((themed & np.int64(fail)) != 0).all():
            reasons.append(reason)
    if not reasons:
        codes = {code for entry in islice(relaxations, 1) for code in entry.codes}
        reasons = [reason for fail, reason in UNMET_REASONS.items() if CODES[fail] in codes]
    return tuple(dict.fromkeys(reasons)) or ("other",)
