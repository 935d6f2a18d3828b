"""Which form an answer takes: the one that `format=` names, else the one that Accept weighs most (RFC 9110, 12.5.1)."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.utils.mediatypes import _MediaType

FULL = 1.0  # the weight of what has none
KEPT = 256  # answers in a process
Rank = tuple[float, int, int]


class WeighedNegotiation(DefaultContentNegotiation):
    """Heed the weights of Accept, which the framework reads over."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Choose by `format=`, in whose place Accept only decides between forms of one name, else by Accept.

        Of forms with the same weight the one that is named most closely is taken, then the one that is named first, then
        the first of ours. Raises NotAcceptable.
        """
        named = format_suffix or request.query_params.get(self.settings.URL_FORMAT_OVERRIDE)
        forms = self.filter_renderers(renderers, named) if named else list(renderers)
        found = best(tuple(str(form.media_type) for form in forms), tuple(self.get_accept_list(request)))
        if found is None and not named:
            raise exceptions.NotAcceptable(available_renderers=forms)
        chosen = forms[found or 0]
        return chosen, str(chosen.media_type)


@lru_cache(maxsize=KEPT)  # few clients, each of which says the same with every call
def best(media_types: tuple[str, ...], accepted: tuple[str, ...]) -> int | None:
    """Give the place of the media type that is accepted best, None where none is."""
    ranges = [_MediaType(text) for text in accepted]
    ranked = [(rank, -place) for place, one in enumerate(media_types) if (rank := rank_of(one, ranges)) is not None]
    return -max(ranked)[1] if ranked else None


def rank_of(media_type: str, ranges: Sequence[Any]) -> Rank | None:
    """Give weight, closeness and place of the closest of the media ranges that name a form; None where it is not acceptable."""
    form = _MediaType(media_type)
    named = [(one.precedence, -place, one) for place, one in enumerate(ranges) if form.match(one)]
    if not named:
        return None
    closeness, place, closest = max(named, key=lambda found: found[:2])
    weight = weight_of(closest.params.get("q", ""))
    return (weight, closeness, place) if weight else None


def weight_of(text: str) -> float:
    """Read a weight; what is none counts in full, as if it were not there."""
    try:
        weight = float(text)
    except ValueError:
        return FULL
    return weight if 0 <= weight <= 1 else FULL
