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

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product

import numpy as np
from numpy.typing import NDArray

from matching.engine.catalogue import OPEN_ACCESS_FORMS, Catalogue, build_catalogue
from matching.engine.concepts import ThemeScheme
from matching.engine.constraints import codes_of
from matching.engine.errors import EngineError
from matching.engine.places import PlaceIndex
from matching.engine.policy import Policy
from matching.engine.priority import LAST_CLASS
from matching.engine.rates import Rates
from matching.engine.sentences import Sentence
from matching.engine.slots import screen
from matching.engine.types import AWARDS, Need, NeedLine, Offer

# Forms of the code list `forms` that have only one modality of the list `modalities`.
ONLINE_FORMS = OPEN_ACCESS_FORMS | {"online_tutored", "webinar", "e_discussion"}
MODALITY_OF = {**dict.fromkeys(ONLINE_FORMS, "online"), "blended": "blended"}
USUAL_FORM, USUAL_MODALITY, USUAL_LANGUAGE = "workshop", "in_person", "en"  # where no unmet line names any
GUARANTEE_PERMILLE = 632  # 1 - 1/e, rounded down
NOBODY = "hypothetical"

Key = tuple[str, int]  # need id, line number
Matrix = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class UnmetLine:
    """A line that nobody serves, with the participants who wait; class 1 is the most urgent."""

    need: Need
    line: int
    participants: int
    priority_class: int = LAST_CLASS

    @property
    def key(self) -> Key:
        """Need and line."""
        return (self.need.id, self.line)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What every hypothetical offering is taken to be: its length, how soon it can begin, how many it takes at once."""

    hours: int = 12
    lead_time_days: int = 30
    participants_min: int = 1
    participants_max: int = 1000


@dataclass(frozen=True, slots=True, order=True)
class Hypothetical:
    """An offering that does not exist. `region` M49; `level` None: where no unmet line names one."""

    theme: str
    language: str
    region: str
    form: str
    modality: str
    level: str | None

    @property
    def code(self) -> str:
        """The combination as one word."""
        return "|".join((self.theme, self.language, self.region, self.form, self.modality, self.level or "any"))


@dataclass(frozen=True, slots=True)
class Closing:
    """What one more offering would close: exact. `audiences` are those it has to be made for to do so."""

    offering: Hypothetical
    audiences: tuple[str, ...]
    lines: tuple[Key, ...]
    needs: int
    participants: int
    by_class: Mapping[int, int]
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class GapStep:
    """One more offering of the joint choice: what it adds, what all so far close, and what as many could close at most."""

    adds: Closing
    closed: int
    closed_participants: int
    bound: int
    proven: bool


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """A line that no such offering can serve, and which constraints stand in the way of the nearest one."""

    need: str
    line: int
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GapRanking:
    """Hypothetical offerings, best first alone (`singles`) and best together (`together`, greedy)."""

    unmet: int
    participants: int
    closable: int
    candidates: int
    assumptions: Assumptions
    singles: tuple[Closing, ...]
    together: tuple[GapStep, ...]
    method: str
    guarantee_permille: int
    out_of_reach: tuple[OutOfReach, ...]
    sentences: tuple[Sentence, ...]


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
    catalogue = _catalogue(offerings, lines, scheme, places, settled)
    closes, nearest = _closes(lines, offerings, catalogue, policy, as_of, rates)
    order = _Order(lines, offerings, closes, scheme, places)
    distinct = order.distinct()
    together = _together(order, distinct, steps)
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


# --- which offerings ----------------------------------------------------------------------------------------------
def candidates(
    lines: Sequence[UnmetLine], scheme: ThemeScheme, places: PlaceIndex, policy: Policy
) -> tuple[Hypothetical, ...]:
    """Return the combinations that the lines ask for, sorted.

    Themes: the one asked and, where the policy accepts it, its parent, which may serve several at once. Region: the one
    asked, or the nearest around the country. A wish that a line leaves open takes what most of the others ask.
    """
    usual = _Usual(lines)
    found: set[Hypothetical] = set()
    for entry in lines:
        line = entry.need.line(entry.line)
        parent = scheme.parent(line.theme) if policy.accept_broader_theme else None
        region = places.chain_of(country=line.country, region=line.region)[0]
        found |= {
            Hypothetical(theme, language, region, form, modality, line.level or usual.level)
            for theme in (line.theme, parent)
            if theme is not None
            for language in usual.languages(entry.need, line)
            for form, modality in usual.ways(entry.need)
        }
    return tuple(sorted(found, key=lambda offering: offering.code))


class _Usual:
    """What most lines ask, for those that leave it open."""

    def __init__(self, lines: Iterable[UnmetLine]) -> None:
        entries = [(entry.need, entry.need.line(entry.line)) for entry in lines]
        self.language = _most([line.language for _, line in entries]) or USUAL_LANGUAGE
        self.form = _most([form for need, _ in entries for form in need.forms]) or USUAL_FORM
        self.level = _most([line.level for _, line in entries])

    def languages(self, need: Need, line: NeedLine) -> tuple[str, ...]:
        return (line.language,) if line.language else tuple(sorted(need.languages_may)) or (self.language,)

    def ways(self, need: Need) -> Iterator[tuple[str, str]]:
        """Give forms with modalities; a form that has only one is given with it, be it asked or not."""
        wanted = ("online",) if need.place.preference == "online" else tuple(sorted(need.modalities))
        for form, modality in product(sorted(need.forms) or (self.form,), wanted or (USUAL_MODALITY,)):
            yield form, MODALITY_OF.get(form, modality)


def _most(values: Sequence[str | None]) -> str | None:
    """Return the value named most often, the first by name where several are."""
    counts = Counter(value for value in values if value)
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None


def _catalogue(
    offerings: Sequence[Hypothetical],
    lines: Sequence[UnmetLine],
    scheme: ThemeScheme,
    places: PlaceIndex,
    assumed: Assumptions,
) -> Catalogue:
    audiences = frozenset(entry.need.line(entry.line).audience for entry in lines)
    wishes = (entry.need.place for entry in lines)
    venues = frozenset((wish.country, wish.city) for wish in wishes if wish.country is not None)
    offers = [
        Offer(
            id=offering.code,
            provider=NOBODY,
            themes=frozenset({offering.theme}),
            form=offering.form,
            modality=offering.modality,
            languages=frozenset({offering.language}),
            audiences=audiences,
            hours=assumed.hours,
            participants_min=assumed.participants_min,
            participants_max=assumed.participants_max,
            vetted_until=date.max,
            level=offering.level,
            regions=frozenset({offering.region}),
            places=venues,
            on_request=True,
            in_country_on_request=True,
            lead_time_days=assumed.lead_time_days,
            award=AWARDS[-1],
        )
        for offering in offerings
    ]
    return build_catalogue(offers, scheme, places)


def _closes(
    lines: Sequence[UnmetLine],
    offerings: Sequence[Hypothetical],
    catalogue: Catalogue,
    policy: Policy,
    as_of: date,
    rates: Rates,
) -> tuple[Matrix, list[int]]:
    """Return which offering serves which line (offerings x lines), and for each line the mask of the nearest failure."""
    closes = np.zeros((len(offerings), len(lines)), dtype=np.bool_)
    nearest = []
    row_of = np.array([catalogue.index(offering.code) for offering in offerings], dtype=np.int64)
    for number, entry in enumerate(lines):
        found = screen(entry.need, entry.need.line(entry.line), catalogue, policy, as_of=as_of, rates=rates)
        able = np.zeros(len(offerings), dtype=np.bool_)
        able[found.offer[found.bits == 0]] = True
        closes[:, number] = able[row_of]
        masks = sorted({int(bits) for bits in found.bits}, key=lambda bits: (bits.bit_count(), bits))
        nearest.append(masks[0] if masks else 0)
    return closes, nearest


# --- which is best ------------------------------------------------------------------------------------------------
class _Order:
    """The documented, total order of offerings by what they close."""

    def __init__(
        self,
        lines: Sequence[UnmetLine],
        offerings: Sequence[Hypothetical],
        closes: Matrix,
        scheme: ThemeScheme,
        places: PlaceIndex,
    ) -> None:
        self.lines, self.offerings, self.closes = lines, offerings, closes
        self.participants = np.array([entry.participants for entry in lines], dtype=np.int64)
        classes = np.array([entry.priority_class for entry in lines], dtype=np.int64)
        self.classes = sorted({entry.priority_class for entry in lines})
        self.of_class = [classes == number for number in self.classes]
        themes = np.array([scheme.index(entry.need.line(entry.line).theme) for entry in lines], dtype=np.int64)
        self.exact = np.array([scheme.index(o.theme) for o in offerings], dtype=np.int64)[:, None] == themes
        self.sizes = [len(places.members[offering.region]) for offering in offerings]

    def key(self, number: int, within: Matrix) -> tuple[object, ...]:
        """Return the sort key of an offering among the lines that count."""
        closed = self.closes[number] & within
        return (
            -int(closed.sum()),
            tuple(-int((closed & part).sum()) for part in self.of_class),
            -int(self.participants[closed].sum()),
            -int((closed & self.exact[number]).sum()),
            self.sizes[number],
            self.offerings[number].code,
        )

    def distinct(self) -> list[int]:
        """Return the offerings that close anything, best first, one for each set of lines."""
        everything = np.ones(len(self.lines), dtype=np.bool_)
        useful = np.flatnonzero(self.closes.any(axis=1)).tolist()
        first: dict[bytes, int] = {}
        for number in sorted(useful, key=lambda entry: self.key(entry, everything)):
            first.setdefault(np.packbits(self.closes[number]).tobytes(), number)
        return list(first.values())

    def closing(self, number: int, within: Matrix | None = None) -> Closing:
        """Return what an offering closes among the lines that count."""
        closed = self.closes[number] if within is None else self.closes[number] & within
        entries = [self.lines[position] for position in np.flatnonzero(closed).tolist()]
        offering = self.offerings[number]
        counts = Counter(entry.priority_class for entry in entries)
        participants = sum(entry.participants for entry in entries)
        return Closing(
            offering=offering,
            audiences=tuple(sorted({entry.need.line(entry.line).audience for entry in entries})),
            lines=tuple(entry.key for entry in entries),
            needs=len({entry.need.id for entry in entries}),
            participants=participants,
            by_class={number: counts[number] for number in sorted(counts)},
            sentence=_would_close(offering, len(entries), participants),
        )


def _together(order: _Order, distinct: Sequence[int], steps: int) -> tuple[GapStep, ...]:
    """Choose greedily; the bound of a step is the least over all earlier states (see the head of the module)."""
    if not distinct:
        return ()
    table = order.closes[distinct]
    closable = int(table.any(axis=0).sum())
    left = np.ones(len(order.lines), dtype=np.bool_)
    bounds = [closable] * steps
    found: list[GapStep] = []
    for position in range(min(steps, len(distinct))):
        gains = table[:, left].sum(axis=1)
        closed = int((~left).sum())
        reach = np.cumsum(np.sort(gains)[::-1])
        for size in range(position, steps):
            bounds[size] = min(bounds[size], closed + int(reach[min(size, len(reach) - 1)]))
        if not gains.max():
            break
        best = np.flatnonzero(gains == gains.max()).tolist()
        number = min((distinct[entry] for entry in best), key=lambda entry: order.key(entry, left))
        adds = order.closing(number, left)
        left = left & ~order.closes[number]
        closed = int((~left).sum())
        found.append(
            GapStep(
                adds=adds,
                closed=closed,
                closed_participants=int(order.participants[~left].sum()),
                bound=bounds[position],
                proven=closed == bounds[position],
            )
        )
    return tuple(found)


# --- words --------------------------------------------------------------------------------------------------------
def _would_close(offering: Hypothetical, lines: int, participants: int) -> Sentence:
    params: dict[str, str | int] = {
        "theme": offering.theme,
        "language": offering.language,
        "region": offering.region,
        "form": offering.form,
        "lines": lines,
        "participants": participants,
    }
    if offering.level is None:
        return Sentence("gap.would_close", params)
    return Sentence("gap.would_close_at_level", {**params, "level": offering.level})


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
