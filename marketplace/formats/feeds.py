"""Atom (RFC 4287)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from marketplace.formats.registry import Telling
from marketplace.formats.xml import Element, element, filled, write_within

MEDIA_TYPE = "application/atom+xml"
NAMESPACE = "http://www.w3.org/2005/Atom"
NOT_OF_THE_FEED = frozenset({"cursor", "page_size", "with_count", "format", "fields", "expand"})  # choose no entries


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: ``id`` is the UUID of the thing, ``categories`` are labels by code, moments are of ISO 8601.

    Title and summary each say their own language: one may be there in the reader's and the other not.
    """

    id: str
    url: str
    title: str
    title_language: str
    author: str
    published: str
    updated: str
    summary: str = ""
    summary_language: str = ""
    categories: Mapping[str, str] = field(default_factory=dict)


def write_feed(entries: Iterable[Entry], telling: Telling, *, title: str) -> Iterator[bytes]:
    """Write a feed."""
    head = [
        element("id", _id_of(telling.url)),
        element("title", title),
        element("updated", telling.updated),
        element("link", rel="self", type=MEDIA_TYPE, href=telling.url),
        element("link", rel="next", type=MEDIA_TYPE, href=telling.next_url) if telling.next_url else None,
    ]
    feed = filled("feed", head, xmlns=NAMESPACE, lang=telling.language)
    return write_within(feed, map(_element, entries))


def _id_of(url: str) -> str:
    """Give the id of a feed: its address with the filters, in one order; all pages of a feed have the same."""
    parts = urlsplit(url)
    filters = sorted(pair for pair in parse_qsl(parts.query) if pair[0] not in NOT_OF_THE_FEED)
    return parts._replace(query=urlencode(filters)).geturl()


def _element(entry: Entry) -> Element:
    categories = [element("category", term=code, label=label) for code, label in entry.categories.items()]
    parts = [
        element("id", f"urn:uuid:{entry.id}"),
        element("title", entry.title, lang=entry.title_language),
        element("published", entry.published),
        element("updated", entry.updated),
        filled("author", [element("name", entry.author)]),
        element("link", rel="alternate", type="application/json", href=entry.url),
        *categories,
        element("summary", entry.summary, lang=entry.summary_language or None) if entry.summary else None,
    ]
    return filled("entry", parts)
