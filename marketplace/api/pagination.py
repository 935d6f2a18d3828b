"""Cursor pages over any allow-listed ordering: keyset conditions, no offsets, no count unless asked."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import reduce
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DataError
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.parsers import INTEGER_LIMIT
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

if TYPE_CHECKING:
    from rest_framework.views import APIView

    from marketplace.api.views import ThingViewSet

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200

_WRITE: dict[type, tuple[str, Any]] = {
    datetime: ("t", datetime.isoformat),
    date: ("d", date.isoformat),
    Decimal: ("n", str),
    UUID: ("u", str),
}
_READ: dict[str, Any] = {"t": datetime.fromisoformat, "d": date.fromisoformat, "n": Decimal, "u": UUID}


def page_size(request: Request) -> int:
    """Read `page_size`. Raises DomainError(invalid_input) outside 1 to MAX_PAGE_SIZE: a clamp would hide the mistake."""
    text = request.query_params.get("page_size")
    if text is None:
        return PAGE_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE_SIZE):
        detail = gettext_noop("A whole number from 1 to %(limit)s.")
        raise DomainError(
            ErrorCode.INVALID_INPUT,
            errors=[FieldError("?page_size", "invalid", detail, params={"limit": MAX_PAGE_SIZE})],
        )
    return int(text)


def truth(request: Request, name: str) -> bool:
    """Read a yes-or-no parameter. Raises DomainError(invalid_input) for anything but true and false."""
    text = request.query_params.get(name, "false")
    if text not in ("true", "false"):
        raise DomainError(
            ErrorCode.INVALID_INPUT,
            errors=[FieldError(f"?{name}", "invalid", gettext_noop("true or false."), ("true", "false"))],
        )
    return text == "true"


class Keyset:
    """An ordering whose last key is the primary key, and the conditions that continue it; nulls come last.

    ``model`` tells which columns are never null: about these the database hears nothing of nulls, and the first of them bounds
    the rows beyond a cursor, so that an index leads to the ten-thousandth page as fast as to the first.
    """

    def __init__(self, names: Sequence[str], model: type[Model] | None = None) -> None:
        keys = [(name.removeprefix("-"), name.startswith("-")) for name in names]
        if not any(path == "pk" for path, _ in keys):
            keys.append(("pk", keys[0][1] if keys else False))
        self.keys = keys
        self.filled = {path for path, _ in keys if path == "pk" or (model is not None and _never_null(model, path))}

    @property
    def paths(self) -> tuple[str, ...]:
        """The columns of the ordering."""
        return tuple(path for path, _ in self.keys)

    @property
    def name(self) -> str:
        """The ordering as text; a cursor belongs to one ordering."""
        return ",".join(f"-{path}" if falling else path for path, falling in self.keys)

    def order(self, *, backwards: bool) -> list[OrderBy]:
        """Give the order of the rows, or its mirror image."""
        return [
            OrderBy(
                F(path),
                descending=falling != backwards,
                nulls_first=(backwards and path not in self.filled) or None,
                nulls_last=not (backwards or path in self.filled) or None,
            )
            for path, falling in self.keys
        ]

    def beyond(self, values: Sequence[object], *, backwards: bool) -> Q:
        """Make the condition for the rows after the one with ``values`` (before it when ``backwards``)."""
        equal = Q()
        found: list[Q] = []
        (first, falling), bound = self.keys[0], Q()
        if first in self.filled:
            bound = Q(**{f"{first}__{'lte' if falling != backwards else 'gte'}": values[0]})
        for (path, falling), value in zip(self.keys, values, strict=True):
            step = self._step(path, value, falling=falling != backwards, backwards=backwards)
            if step is not None:
                found.append(equal & step)
            equal &= Q(**{f"{path}__isnull": True}) if value is None else Q(**{path: value})
        return bound & reduce(lambda left, right: left | right, found)

    def _step(self, path: str, value: object, *, falling: bool, backwards: bool) -> Q | None:
        if value is None:
            return Q(**{f"{path}__isnull": False}) if backwards else None
        step = Q(**{f"{path}__{'lt' if falling else 'gt'}": value})
        return step if backwards or path in self.filled else step | Q(**{f"{path}__isnull": True})

    def values(self, row: object) -> list[object]:
        """Read the keys of a row (an instance, or a dict of `values()`)."""
        return [_read(row, path) for path, _ in self.keys]


def _never_null(model: type[Model], path: str) -> bool:
    """Tell whether a path leads over columns of ``model`` alone that are never null; annotations are not known."""
    for name in path.split("__"):
        try:
            field: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        if field.null or not field.concrete:
            return False
        model = field.related_model
    return True


def _read(row: object, path: str) -> object:
    if isinstance(row, dict):
        return row[path]
    for name in path.split("__"):
        row = getattr(row, name, None)
    return row


def write_cursor(keyset: Keyset, values: Sequence[object], *, backwards: bool) -> str:
    """Write a cursor: direction, ordering, keys of the row at the edge."""
    packed = [_pack(value) for value in values]
    return base64.urlsafe_b64encode(orjson.dumps([int(backwards), keyset.name, packed])).rstrip(b"=").decode()


def _pack(value: object) -> object:
    mark, write = _WRITE.get(type(value), ("", None))
    return {mark: write(value)} if write else value


def read_cursor(keyset: Keyset, text: str) -> tuple[bool, list[object]]:
    """Read a cursor back into direction and keys. Raises DomainError(invalid_cursor)."""
    try:
        backwards, name, packed = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        values = [_unpack(value) for value in packed]
    except (binascii.Error, ValueError, TypeError, KeyError, InvalidOperation):
        raise DomainError(ErrorCode.INVALID_CURSOR) from None
    if name != keyset.name or len(values) != len(keyset.keys) or backwards not in (0, 1):
        raise DomainError(ErrorCode.INVALID_CURSOR)
    return bool(backwards), values


def _unpack(value: object) -> object:
    if isinstance(value, dict):
        ((mark, text),) = value.items()
        return _READ[mark](text)
    if isinstance(value, list) or (isinstance(value, str) and "\x00" in value):
        raise TypeError("a key is a plain value")
    if isinstance(value, int | float) and abs(value) > INTEGER_LIMIT:
        raise ValueError("no key is that large")
    return value


@dataclass(frozen=True, slots=True)
class Cut:
    """Which rows are read for a page: so many after (before, if ``backwards``) the row with these values of the ordering."""

    keyset: Keyset
    size: int
    values: Sequence[object] | None
    backwards: bool

    def of(self, rows: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Cut them out of all rows."""
        if self.values is not None:
            rows = rows.filter(self.keyset.beyond(self.values, backwards=self.backwards))
        return rows.order_by(*self.keyset.order(backwards=self.backwards))[: self.size]


class CursorPages(BasePagination):
    """`{"results": [...], "next": ..., "previous": ...}`, `count` when asked, and a `Link` header."""

    display_page_controls = False

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        """Read one page. Raises DomainError(invalid_cursor, invalid_input)."""
        keyset = Keyset(cast("ThingViewSet", view).ordering_of(request), queryset.model)
        everything = cast("ThingViewSet", view).everything
        return self.page(
            request, keyset, keyset.values, lambda cut: list(cut.of(queryset)), lambda: everything().count()
        )

    def page(
        self,
        request: Request,
        keyset: Keyset,
        keys: Callable[[Any], Sequence[object]],
        read: Callable[["Cut"], list[Any]],
        count: Callable[[], int],
    ) -> list[Any]:
        """Read one page of any rows; ``keys`` gives the values of the ordering of a row. Raises as above."""
        self.request, self.keys = request, keys
        size = page_size(request)
        self.count = count() if truth(request, "with_count") else None
        cursor = request.query_params.get("cursor")
        backwards, values = read_cursor(keyset, cursor) if cursor else (False, None)
        try:
            page = read(Cut(keyset, size + 1, values, backwards))
        except (ValueError, TypeError, ValidationError, DataError, OverflowError):
            if values is None:  # then it was not the cursor
                raise
            raise DomainError(ErrorCode.INVALID_CURSOR) from None
        more, page = len(page) > size, page[:size]
        if backwards:
            page.reverse()
        self.next = self._link(keyset, page[-1:], backwards=False) if more or backwards else None
        self.previous = (
            self._link(keyset, page[:1], backwards=True) if (more if backwards else values is not None) else None
        )
        return page

    def _link(self, keyset: Keyset, edge: list[Any], *, backwards: bool) -> str | None:
        if not edge:
            return None
        cursor = write_cursor(keyset, self.keys(edge[0]), backwards=backwards)
        query = [(k, v) for k, vs in self.request.query_params.lists() for v in vs if k not in ("cursor", "with_count")]
        return f"{self.request.build_absolute_uri(self.request.path)}?{urlencode([*query, ('cursor', cursor)])}"

    def get_paginated_response(self, data: Any) -> Response:
        """Wrap a page with its links."""
        body: dict[str, object] = {"results": data, "next": self.next, "previous": self.previous}
        if self.count is not None:
            body["count"] = self.count
        links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", self.next), ("prev", self.previous)) if url]
        return Response(body, headers={"Link": ", ".join(links)} if links else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe a page (OpenAPI 3.1: no `nullable`)."""
        link = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["results", "next", "previous"],
            "properties": {
                "results": schema,
                "next": {**link, "description": "The following page; null on the last."},
                "previous": {**link, "description": "The page before; null on the first."},
                "count": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "All that match; only with `with_count=true`.",
                },
            },
        }
