"""What a representation is: the one mechanism by which things are given in another form than our JSON."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Thing = Any  # what the shape of the route shows of a thing, as a mapping
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)  # when nothing is told, nothing has changed since


@dataclass(frozen=True, slots=True)
class Telling:
    """What a writer knows of the call: ``url`` is the address of what is told, ``root`` that of the installation."""

    root: str
    url: str
    language: str = "en"
    single: bool = False  # one thing is told, not a list
    next_url: str | None = None
    updated: str = OLDEST.isoformat()  # when the youngest of the things changed

    def address(self, path: str) -> str:
        """Give the address of a path below the API."""
        return f"{self.root}/api/v1/{path}"


Writer = Callable[[Iterable[Thing], Telling], Iterator[bytes]]


@dataclass(frozen=True)
class Representation:
    """A form in which things of a route are given.

    ``write`` is handed what the JSON of the route shows (with ``expand``), so that no form can tell what the JSON does not.
    ``of`` leaves those of the visible things that exist in this form.
    """

    code: str  # the value of `format=`
    media_type: str
    suffix: str  # of files
    words: str  # for the documentation
    write: Writer
    expand: tuple[str, ...] = ()
    of: Callable[[Any], Any] | None = None
    on: frozenset[str] = field(default=frozenset({"list", "retrieve"}))
    text: bool = True  # is UTF-8 text
    as_asked: bool = False  # holds what the JSON holds, with `fields` and `expand` as the caller says

    @property
    def content_type(self) -> str:
        """The header `Content-Type`."""
        return (
            f"{self.media_type}; charset=utf-8"
            if self.text and self.media_type.startswith("text/")
            else self.media_type
        )


def youngest(things: Sequence[Mapping[str, Any]]) -> str:
    """Give the moment when the youngest of the things changed, as text of ISO 8601."""
    return max((str(thing["updated_at"]) for thing in things if thing.get("updated_at")), default=OLDEST.isoformat())
