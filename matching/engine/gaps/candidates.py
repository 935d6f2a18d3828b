"""Which hypothetical offerings come into question, and which lines each of them would serve."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import product

import numpy as np
from numpy.typing import NDArray

from matching.engine.catalogue import OPEN_ACCESS_FORMS, Bools, Catalogue, build_catalogue
from matching.engine.gaps.results import Assumptions, Hypothetical, UnmetLine
from matching.engine.policy import Policy
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.reference.rates import Rates
from matching.engine.screening.slots import screen
from matching.engine.types import AWARDS, Need, NeedLine, Offer

Matrix = NDArray[np.bool_]

# Forms of the code list `forms` that have only one modality of the list `modalities`.
ONLINE_FORMS = OPEN_ACCESS_FORMS | {"online_tutored", "webinar", "e_discussion"}
MODALITY_OF = {**dict.fromkeys(ONLINE_FORMS, "online"), "blended": "blended"}
USUAL_FORM, USUAL_MODALITY, USUAL_LANGUAGE = "workshop", "in_person", "en"  # where no unmet line names any
NOBODY = "hypothetical"


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


def hypothetical_catalogue(
    offerings: Sequence[Hypothetical],
    lines: Sequence[UnmetLine],
    scheme: ThemeScheme,
    places: PlaceIndex,
    assumed: Assumptions,
) -> Catalogue:
    """Build the catalogue of offerings that nobody makes, with what is assumed of them all."""
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


def closes_of(
    lines: Sequence[UnmetLine],
    offerings: Sequence[Hypothetical],
    catalogue: Catalogue,
    policy: Policy,
    as_of: date,
    rates: Rates,
) -> tuple[Matrix, list[int]]:
    """Return which offering serves which line (offerings x lines), and for each line the mask of the nearest failure."""
    closes = np.zeros((len(offerings), len(lines)), dtype=np.bool_)  # offerings lie in the catalogue as they do here
    nearest = []
    theme = np.array([catalogue.scheme.index(offering.theme) for offering in offerings], dtype=np.int64)
    spoken = np.array([offering.language for offering in offerings])
    for number, entry in enumerate(lines):
        line = entry.need.line(entry.line)
        worth = _in_field(line, catalogue.scheme)[theme]
        if line.language is not None:
            worth &= spoken == line.language
        rows = np.flatnonzero(worth[catalogue.slots.offer])
        found = screen(entry.need, line, catalogue, policy, as_of=as_of, rates=rates, rows=rows)
        closes[found.offer[found.bits == 0], number] = True
        masks = sorted(np.unique(found.bits).tolist(), key=lambda bits: (bits.bit_count(), bits))
        nearest.append(masks[0] if masks else 0)
    return closes, nearest


def _in_field(line: NeedLine, scheme: ThemeScheme) -> Bools:
    """Tell which concepts have anything in common with what a line asks: all others fail it (as other languages do)."""
    asked = [scheme.index(theme) for theme in sorted({line.theme, *line.also_themes})]
    related: Bools = scheme.closeness[asked].max(axis=0) > 0
    return related
