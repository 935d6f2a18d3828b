"""What leaves is announced before: on the answers by `Deprecation` (RFC 9745) and `Sunset` (RFC 8594), and in the description.

A view or a contract says ``deprecated = Deprecation(...)``; a shape says it of its members, in or out, by name. The
entry in the changelog of the API that says what to use instead is named by the anchor of its heading, which is the same
in all languages because it is the name of what leaves: "### `GET /old-things`" is `get-old-things`.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

from django.urls import reverse
from django.utils.http import http_date

HEADERS = ("Deprecation", "Link", "Sunset")


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Something leaves: ``since`` when one should no longer use it, ``sunset`` the day from which it may be gone."""

    since: date
    entry: str  # anchor of the entry in the changelog
    sunset: date | None = None

    def __post_init__(self) -> None:
        """Refuse an end before the beginning. Raises ValueError."""
        if self.sunset is not None and self.sunset < self.since:
            raise ValueError("what leaves is deprecated before it is gone")


def headers_of(found: Sequence[Deprecation], language: str, root: str) -> dict[str, str]:
    """Give the headers of an answer: the earliest of the dates, and a link for each entry; none where nothing leaves.

    ``root`` is the address of this installation, without a slash at the end.
    """
    if not found:
        return {}
    page = reverse("manual-page", kwargs={"language": language, "name": "changelog"})
    entries = dict.fromkeys(one.entry for one in found)
    links = [f'<{root}{page}#{entry}>; rel="deprecation"; type="text/html"' for entry in entries]
    sunsets = [one.sunset for one in found if one.sunset is not None]
    headers = {"Deprecation": f"@{_seconds(min(one.since for one in found))}", "Link": ", ".join(links)}
    return {**headers, "Sunset": http_date(_seconds(min(sunsets)))} if sunsets else headers


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def in_schema(deprecation: Deprecation) -> dict[str, Any]:
    """Give what the description says of an operation or a member that leaves."""
    ends = {"x-sunset": deprecation.sunset.isoformat()} if deprecation.sunset else {}
    return {"deprecated": True, **ends}


def leaving(shape: Any) -> tuple[tuple[str, Deprecation], ...]:
    """Give the members of a shape, a class of serializers or None, that leave; nested ones with dots."""
    return members_of(shape)


@cache  # asked at every call
def members_of(shape: Hashable) -> tuple[tuple[str, Deprecation], ...]:
    """Find what ``leaving`` gives."""
    deprecated: Mapping[str, Deprecation] = getattr(shape, "deprecated", {})
    fields: Mapping[str, Any] = getattr(shape, "_declared_fields", {})
    nested = ((name, type(getattr(field, "child", field))) for name, field in fields.items())
    return (*deprecated.items(), *((f"{name}.{path}", one) for name, inner in nested for path, one in leaving(inner)))


def shown_by(shape: Any, chosen: Iterable[str] | None, expand: Iterable[str] = ()) -> list[Deprecation]:
    """Give what leaves of what an answer shows: ``chosen`` by `fields` (None: all), and what was expanded."""
    left_out = set(getattr(shape, "expandable", ())) - set(expand)
    names = None if chosen is None else (*chosen, *expand)
    return [
        one
        for path, one in leaving(shape)
        if path.partition(".")[0] not in left_out and (names is None or any(_is_within(path, name) for name in names))
    ]


def sent_in(shape: Any, body: Any) -> list[Deprecation]:
    """Give what leaves of what a body names."""
    return [one for path, one in leaving(shape) if _names(body, path.split("."))] if isinstance(body, Mapping) else []


def _is_within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}.") or name.startswith(f"{path}.")


def _names(body: Any, path: Sequence[str]) -> bool:
    if not path:
        return True
    if isinstance(body, list):
        return any(_names(one, path) for one in body)
    return isinstance(body, Mapping) and path[0] in body and _names(body[path[0]], path[1:])
