"""JSON out."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer

OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC


def plain(value: object) -> object:
    """Turn what orjson does not know into what it knows. Raises TypeError."""
    if isinstance(value, (Decimal, Promise)):  # no union, which would be made anew for each amount of a page
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, str):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dump(value: object) -> bytes:
    """Write ``value`` as JSON; instants are UTC with a `Z`."""
    return orjson.dumps(value, default=plain, option=OPTIONS)


class OrjsonRenderer(BaseRenderer):
    """application/json."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> bytes:
        """Write the answer; nothing for an empty one."""
        return b"" if data is None else dump(data)


class ProblemRenderer(OrjsonRenderer):
    """application/problem+json (RFC 9457)."""

    media_type = "application/problem+json"
    format = "problem"


class PageRenderer(BaseRenderer):
    """text/html that the view has rendered already."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> str:
        """Give the page."""
        return str(data)
