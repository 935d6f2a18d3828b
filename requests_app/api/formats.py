"""Needs in the formats of the field: an Atom feed of those listed in public, with no more of them than their summary."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.utils.translation import gettext, override

from marketplace.formats.feeds import MEDIA_TYPE, Entry, write_feed
from marketplace.formats.registry import Representation, Telling
from marketplace.kernel.text import pick
from marketplace.vocabularies import queries as vocabularies
from requests_app import queries

Shown = Mapping[str, Any]


def write_need_feed(requests: Iterable[Shown], telling: Telling) -> Iterator[bytes]:
    """Write needs as an Atom feed."""
    with override(telling.language):
        title, words = gettext("Training needs"), gettext("Participants: %(count)s. Where: %(places)s.")
    return write_feed((_entry(request, telling, words) for request in requests), telling, title=title)


def _entry(request: Shown, telling: Telling, words: str) -> Entry:
    title, language = pick(request["title"], telling.language)
    places = ", ".join(_place(code, telling.language) for code in request["places"])
    return Entry(
        id=str(request["id"]),
        url=telling.address(f"requests/{request['id']}"),
        title=title or request["reference"],
        title_language=language or telling.language,
        author=request["requesting_organization"]["name"],
        published=request["submitted_at"],
        updated=request["updated_at"],
        summary=words % {"count": request["participants"]["max"], "places": places or "-"},
        summary_language=telling.language,
        categories={code: vocabularies.label("themes", code, telling.language) for code in request["themes"]},
    )


def _place(code: str, language: str) -> str:
    place = vocabularies.country(code) or vocabularies.region(code)
    return pick(place.labels, language)[0] if place else code


NEED_FEED = Representation(
    "atom",
    MEDIA_TYPE,
    "atom",
    "a feed of the open needs that are listed in public (Atom)",
    write_need_feed,
    of=queries.listed_in_public,
    on=frozenset({"list"}),
)
