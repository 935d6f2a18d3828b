"""Which lines of different requests are alike enough to be taught together, and the joint need they make.

Alike: the same theme or one a direct part of the other (the scheme decides, not words), the same audience, no two
different languages, levels or places, and windows that overlap. The place is the country, else the nearest M49 region.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from matching.engine.reference.concepts import Relation, ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.types import AWARDS, Budget, Need, NeedLine, PlaceWish

CLOSE = (Relation.EQUAL, Relation.BROADER)


@dataclass(frozen=True, slots=True)
class Wish:
    """One line of one request, with all that its request says."""

    need: Need
    line: NeedLine

    @property
    def key(self) -> tuple[str, int]:
        """Return what it is known by."""
        return self.need.id, self.line.number


@dataclass(frozen=True, slots=True)
class JointNeed:
    """The need that some wishes make together: theme the narrowest of them, window what all share."""

    wishes: tuple[Wish, ...]
    need: Need

    @property
    def line(self) -> NeedLine:
        """Return its only line."""
        return self.need.lines[0]


def join(wishes: Sequence[Wish], scheme: ThemeScheme, places: PlaceIndex) -> JointNeed | None:
    """Return the joint need of wishes of different requests, None where they do not go together."""
    ordered = tuple(sorted(wishes, key=lambda wish: wish.key))
    theme = _theme(ordered, scheme)
    window = _window(ordered)
    place = _place(ordered, places)
    same = (
        len({wish.need.id for wish in ordered}) == len(ordered)
        and len({wish.line.audience for wish in ordered}) == 1
        and len(_given(wish.line.language for wish in ordered)) < 2
        and len(_given(wish.line.level for wish in ordered)) < 2
        and len(_fixed(ordered)) < 2
    )
    forms = _common([wish.need.forms for wish in ordered])
    modalities = _common([wish.need.modalities for wish in ordered])
    if not same or theme is None or window is None or place is None or forms is None or modalities is None:
        return None
    return JointNeed(ordered, _need(ordered, theme, window, place, forms, modalities))


def _need(
    wishes: tuple[Wish, ...],
    theme: str,
    window: tuple[date, date],
    place: tuple[str | None, str | None],
    forms: frozenset[str],
    modalities: frozenset[str],
) -> Need:
    lines, needs = [wish.line for wish in wishes], [wish.need for wish in wishes]
    levels = _given(line.governance_level for line in lines)
    line = NeedLine(
        number=1,
        theme=theme,
        audience=lines[0].audience,
        minimum=sum(line.minimum for line in lines),
        maximum=sum(line.maximum for line in lines),
        country=place[0],
        region=place[1],
        language=next(iter(_given(line.language for line in lines)), None),
        level=next(iter(_given(line.level for line in lines)), None),
        governance_level=next(iter(levels)) if len(levels) == 1 else None,
    )
    texts: dict[str, str] = {}
    for need in needs:
        for language, text in sorted(need.texts.items()):
            texts[language] = f"{texts[language]} {text}" if language in texts else text
    wanted = [need.place for need in needs if need.place.preference == "fixed"]
    online = [need.place for need in needs if need.place.preference == "online"]
    return replace(
        needs[0],
        id=" + ".join(f"{wish.need.id}/{wish.line.number}" for wish in wishes),
        co_requesters=frozenset().union(*(need.co_requesters | {need.requester} for need in needs[1:]))
        | needs[0].co_requesters,
        lines=(line,),
        window_start=window[0],
        window_end=window[1],
        texts=texts,
        languages_may=frozenset().union(*(need.languages_may for need in needs)),
        forms=forms,
        modalities=modalities,
        place=next(iter([*online, *wanted]), PlaceWish()),
        budget=Budget(),
        award=max((need.award for need in needs), key=AWARDS.index),
        interpretation_allowed=all(need.interpretation_allowed for need in needs),
        excluded=frozenset().union(*(need.excluded for need in needs)),
        conflicts=frozenset().union(*(need.conflicts for need in needs)),
        visible_to=None,  # each request's own rule is tested for each of its candidates
        turned_down_by=frozenset().union(*(need.turned_down_by for need in needs)),
    )


def _given(values: Iterator[str | None]) -> set[str]:
    return {value for value in values if value is not None}


def _fixed(wishes: tuple[Wish, ...]) -> set[PlaceWish]:
    return {wish.need.place for wish in wishes if wish.need.place.preference == "fixed"}


def _common(sets: list[frozenset[str]]) -> frozenset[str] | None:
    """Return what all of them accept (empty: anything); None where they have nothing in common."""
    stated = [entry for entry in sets if entry]
    if not stated:
        return frozenset()
    shared = stated[0].intersection(*stated[1:])
    return shared or None


def _theme(wishes: tuple[Wish, ...], scheme: ThemeScheme) -> str | None:
    """Return the narrowest theme if every other one is the same or its direct parent."""
    themes = sorted(
        {wish.line.theme for wish in wishes}, key=lambda code: (-len(scheme.ancestry[scheme.index(code)]), code)
    )
    narrowest = scheme.index(themes[0])
    close = all(scheme.relation(asked=narrowest, offered=scheme.index(theme)) in CLOSE for theme in themes)
    return themes[0] if close else None


def _window(wishes: tuple[Wish, ...]) -> tuple[date, date] | None:
    start = max(wish.need.window_start for wish in wishes)
    end = min(wish.need.window_end for wish in wishes)
    return (start, end) if start <= end else None


def _place(wishes: tuple[Wish, ...], places: PlaceIndex) -> tuple[str | None, str | None] | None:
    """Return (country, None), (None, region) or (None, None) for anywhere; None where the places differ."""
    found = {(wish.line.country, wish.line.region) for wish in wishes}
    if len(found) == 1:
        [only] = found
        return only
    regions = {places.chain_of(country=country, region=region)[0] for country, region in found}
    if len(regions) == 1:
        return None, next(iter(regions))
    return None
