"""Gaps: what nobody can serve, and which offerings, if somebody made them, would close most of it.

A hypothetical offering is a combination of theme, language, region, form, modality and level that unmet lines ask for.
Whether it would serve a line is decided by the very constraints of the ranking (`slots.screen` over a catalogue of
hypothetical offers), never by a look-alike. What is assumed of all of them is in `Assumptions`; beyond that they are
made for every audience asked, may be held where the requester wishes, give any award, and their price is not known, so
that no ceiling rules them out.

How many lines one offering closes is exact. Which few close most together is the maximum coverage problem (NP-hard): it
is answered greedily, which with k offerings closes at least 1 - (1 - 1/k)^k > 1 - 1/e of what any k could close
(Nemhauser, Wolsey and Fisher 1978). Each step carries the bound of the same paper, which no choice of as many
can exceed: what is closed after some first steps plus the k largest gains left then. Where both are equal the
step is proven.
"""

from collections.abc import Sequence
from datetime import date

from matching.engine.errors import EngineError
from matching.engine.gaps.candidates import candidates, closes_of, hypothetical_catalogue
from matching.engine.gaps.coverage import GUARANTEE_PERMILLE, Order, choose_together
from matching.engine.gaps.results import (
    Assumptions,
    Closing,
    GapRanking,
    GapStep,
    Hypothetical,
    OutOfReach,
    UnmetLine,
)
from matching.engine.policy import Policy
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.reference.rates import Rates
from matching.engine.screening.constraints import codes_of
from matching.engine.sentences import Sentence

__all__ = [
    "Assumptions",
    "Closing",
    "GapRanking",
    "GapStep",
    "Hypothetical",
    "OutOfReach",
    "UnmetLine",
    "rank_gaps",
]


def rank_gaps(
    unmet: Sequence[UnmetLine],
    scheme: ThemeScheme,
    places: PlaceIndex,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    assumptions: Assumptions | None = None,
    limit: int = 20,
    steps: int = 5,
) -> GapRanking:
    """Rank hypothetical offerings by the unmet lines that they would make servable.

    Order: lines, then lines of the most urgent class, the next ..., participants, lines whose very theme it has, the
    smaller region, name. Of offerings that close the same lines the first stands for all. `limit` of the singles and
    `steps` of the joint choice are given. The order of `unmet` does not matter.
    Raises EngineError(bad_need, unknown_concept, unknown_country, unknown_region).
    """
    lines = sorted(unmet, key=lambda entry: entry.key)
    if len({entry.key for entry in lines}) < len(lines):
        raise EngineError("bad_need", "unmet", "a line is named twice")
    settled = assumptions or Assumptions()
    offerings = candidates(lines, scheme, places, policy)
    catalogue = hypothetical_catalogue(offerings, lines, scheme, places, settled)
    closes, nearest = closes_of(lines, offerings, catalogue, policy, as_of, rates)
    order = Order(lines, offerings, closes, scheme, places)
    distinct = order.distinct()
    together = choose_together(order, distinct, steps)
    closable = int(closes.any(axis=0).sum())
    singles = tuple(order.closing(number) for number in distinct[:limit])
    return GapRanking(
        unmet=len(lines),
        participants=sum(entry.participants for entry in lines),
        closable=closable,
        candidates=len(offerings),
        assumptions=settled,
        singles=singles,
        together=together,
        method="greedy",
        guarantee_permille=GUARANTEE_PERMILLE,
        out_of_reach=tuple(
            OutOfReach(*entry.key, codes_of(nearest[number]))
            for number, entry in enumerate(lines)
            if not closes[:, number].any()
        ),
        sentences=_summary(len(lines), closable, singles, together),
    )


def _summary(
    unmet: int, closable: int, singles: Sequence[Closing], together: Sequence[GapStep]
) -> tuple[Sentence, ...]:
    if not unmet:
        return (Sentence("gap.nothing_unmet"),)
    found = [singles[0].sentence] if singles else []
    if together:
        last = together[-1]
        code = "gap.together_proven" if last.proven else "gap.together"
        counts = {"offerings": len(together), "closed": last.closed, "lines": unmet}
        found.append(Sentence(code, counts if last.proven else {**counts, "bound": last.bound}))
    if closable < unmet:
        found.append(Sentence("gap.out_of_reach", {"lines": unmet - closable}))
    return tuple(found)
