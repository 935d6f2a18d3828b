"""Documentation of parameters and headers; what is shared is a component, referred to."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import django_filters
from drf_spectacular.utils import OpenApiParameter

from marketplace.api.choosing import paths_of
from marketplace.api.contracts import Contract, IfMatch
from marketplace.api.deprecations import Deprecation
from marketplace.api.filters import CODE_LENGTH, CODES, MOST, CodesFilter, CountFilter, IdsFilter
from marketplace.api.idempotency import HEADER as IDEMPOTENCY_HEADER
from marketplace.api.pagination import MAX_PAGE_SIZE, PAGE_SIZE, CursorPages
from marketplace.api.permissions import Public

if TYPE_CHECKING:
    from marketplace.api.base import ApiView

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
ONE_TAG = r'(W/)?"[!#-~]*"'
TAGS: Schema = {"type": "string", "pattern": rf"^(\*|{ONE_TAG}(, ?{ONE_TAG})*)$"}
TRUTH: Schema = {"type": "boolean"}

# Answer headers, by the name of their component.
HEADERS: dict[str, Schema] = {
    "ETag": {"description": "Strong tag: version and rendering. Send it in If-Match or If-None-Match.", "schema": TEXT},
    "Link": {
        "description": "`next` and `prev` pages (RFC 8288); `deprecation`: the changelog, where something leaves.",
        "schema": TEXT,
    },
    "Location": {"description": "Where the made or started thing is.", "schema": {"type": "string", "format": "uri"}},
    "Retry-After": {"description": "Seconds to wait before looking again.", "schema": {"type": "integer"}},
    "Content-Language": {
        "description": "Language of labels and details.",
        "schema": {"type": "string", "enum": ["en", "fr"]},
    },
    "RateLimit": {
        "description": "What the caller has left: calls `r`, seconds `t` until it is the quota again "
        "(draft-ietf-httpapi-ratelimit-headers-10).",
        "schema": TEXT,
        "example": '"person";r=598;t=41',
    },
    "RateLimit-Policy": {
        "description": "What the caller may do: calls `q` in `w` seconds.",
        "schema": TEXT,
        "example": '"person";q=600;w=60',
    },
    "Deprecation": {
        "description": "Since when what this answer comes from, or shows, should no longer be used: `@` and seconds since "
        "1970 (RFC 9745). `Link` leads to the changelog.",
        "schema": TEXT,
        "example": "@1767225600",
    },
    "Sunset": {"description": "When it may be gone (RFC 8594).", "schema": TEXT},
    "Test-Mode": {
        "description": "`true` on every answer to a service client in test mode; else it is not there.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "X-Request-ID": {"description": "Names this call in our logs.", "schema": TEXT},
}
# What a header can hold of it: the visible characters of ASCII, perhaps in quotes; the printable ones of Latin-1.
KEY = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r'^"?[!#-~][!-~]*$'}
PRINTABLE = {"type": "string", "maxLength": 200, "pattern": r"^[ -~\u00a1-\u00ac\u00ae-\u00ff]*$"}
CODE: Schema = {"type": "string", "maxLength": CODE_LENGTH, "pattern": "^[^,]*$"}  # of several with commas between
ID: Schema = {"type": "string", "format": "uuid"}
RATE_HEADERS = ("RateLimit", "RateLimit-Policy")
WAITING = (429, 503)  # statuses that come with Retry-After


def query(name: str, description: str, schema: Schema, *, required: bool = False) -> OpenApiParameter:
    """Describe a query parameter."""
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, required=required, description=description)


def header(name: str, description: str, schema: Schema, *, required: bool = False) -> OpenApiParameter:
    """Describe a request header."""
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, required=required, description=description)


def default_paginator() -> CursorPages:
    """Give the paginator of every list."""
    return CursorPages()


def of_operation(view: "ApiView", contract: Contract, method: str) -> list[OpenApiParameter]:
    """Describe everything an operation reads beside path and body."""
    found = [*contract.parameters, *_headers(contract, method)]
    if contract.representations:
        found.append(_format(contract))
    if hasattr(view, "reads"):
        found += _shape(view)
    if contract.pages and getattr(view, "action", "") == "list":
        found += _list(view)
    return sorted(found, key=lambda one: (one.location != OpenApiParameter.QUERY, one.name))


def _format(contract: Contract) -> OpenApiParameter:
    forms = "; ".join(f"`{form.code}`: {form.words}" for form in contract.representations)
    words = (
        f"In place of the header Accept: {forms}. `fields` and `expand` are of the JSON, of CSV, XLSX and JSON Lines."
    )
    return query("format", words, {**TEXT, "enum": ["json", *(form.code for form in contract.representations)]})


def _headers(contract: Contract, method: str) -> list[OpenApiParameter]:
    found = [header("Accept-Language", "Language of labels and details; else the person's own, else English.", TEXT)]
    if method == "GET":
        found.append(header("If-None-Match", "ETag that the caller knows; unchanged is 304.", TEXT))
    if method == "POST":
        text = "Makes the call safe to repeat for 24 hours: the same key gives the same answer and does nothing again."
        found.append(header(IDEMPOTENCY_HEADER, text, KEY))
    if contract.if_match is not IfMatch.NONE:
        required = contract.if_match is IfMatch.REQUIRED
        found.append(header("If-Match", "ETag as read; only its version is compared.", TAGS, required=required))
    if method in ("POST", "PATCH", "PUT", "DELETE") and not isinstance(contract.access, Public):
        text = "Service clients: the person or office for whom the call is made."
        found.append(header("Acting-For", text, PRINTABLE))
    return found


def _names(values: list[str]) -> Schema:
    return {"type": "array", "items": {"type": "string", "enum": values}}


def _comma(name: str, description: str, schema: Schema) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.QUERY, description=description, style="form", explode=False)


def _shape(view: Any) -> list[OpenApiParameter]:
    names = sorted(paths_of(view.reads))
    found = [_comma("fields", "Only these members, nested ones with dots; no other is required then.", _names(names))]
    if view.reads.expandable:
        found.append(_comma("expand", "Show these members too.", _names(sorted(view.reads.expandable))))
    return found


def _list(view: Any) -> list[OpenApiParameter]:
    sizes = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": PAGE_SIZE}
    found = [
        query("cursor", "From `next` or `previous` of a page.", {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}),
        query("page_size", "Things on a page.", sizes),
        query("with_count", "Count all that match (slower).", {**TRUTH, "default": False}),
    ]
    if view.ordering_fields:
        names = [sign + name for name in view.ordering_fields for sign in ("", "-")]
        found.append(_comma("ordering", "Order; a minus turns it round.", {**_names(names), "maxItems": 3}))
    if view.searchable:
        found.append(query("q", "Full-text search; at most 10 terms.", {"type": "string", "maxLength": 200}))
    if view.facets:
        found.append(_comma("facets", "Count all that match by these.", _names(sorted(view.facets))))
    if view.highlighted:
        found.append(query("highlights", "Say where the words of `q` stand.", {**TRUTH, "default": False}))
    filters = view.filterset_class.base_filters if view.filterset_class else {}
    return found + [_filter(name, one) for name, one in filters.items()]


def _filter(name: str, one: Any) -> OpenApiParameter:
    description = str(one.extra.get("help_text", "")) or f"Only those with this `{name}`."
    if isinstance(one, CodesFilter):
        codes = (
            _names(list(one.allowed))
            if one.allowed
            else {"type": "array", "items": ID if isinstance(one, IdsFilter) else CODE}
        )
        return _comma(name, f"{description} Several with commas.", {**codes, "maxItems": CODES})
    return query(name, description, dict(_by_kind(one)))


def _by_kind(one: Any) -> Schema:
    kinds: tuple[tuple[type, Schema], ...] = (
        (django_filters.BooleanFilter, TRUTH),
        (django_filters.IsoDateTimeFilter, {"type": "string", "format": "date-time"}),
        (django_filters.DateFilter, {"type": "string", "format": "date"}),
        (django_filters.UUIDFilter, {"type": "string", "format": "uuid"}),
        (CountFilter, {"type": "integer", "minimum": 0, "maximum": MOST}),
    )
    return next((schema for kind, schema in kinds if isinstance(one, kind)), TEXT)


def of_path(view: Any, name: str) -> Schema:
    """Describe a part of the path."""
    described: dict[str, Any] = getattr(view, "path_parameters", {})
    default = "Public id, or the human reference where the thing has one."
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": described.get(name, default),
        "schema": {"type": "string", "maxLength": 100},
    }


def answer_headers(
    contract: Contract, method: str, status: int, leaves: Iterable[Deprecation] = (), *, in_test_mode: bool = False
) -> Schema:
    """Refer to the headers of a good answer; ``leaves`` is what it announces."""
    names = {"Content-Language", "X-Request-ID", *(RATE_HEADERS if contract.counted else ()), *contract.headers}
    if status != 204 and (method == "GET" or contract.if_match is not IfMatch.NONE or status == 201):
        names.add("ETag")
    if in_test_mode:
        names.add("Test-Mode")
    if contract.pages:
        names.add("Link")
    if status == 303 or (status in (201, 202) and not contract.file):  # an upload is read as part of a document
        names.add("Location")
    if status == 202:
        names.add("Retry-After")
    leaves = list(leaves)
    if leaves:
        names |= {"Deprecation", "Link"}
    if any(one.sunset for one in leaves):
        names.add("Sunset")
    return _refer(names)


def refusal_headers(contract: Contract, status: int) -> Schema:
    """Refer to the headers of a refusal."""
    names = {"Content-Language", "X-Request-ID", *(RATE_HEADERS if contract.counted else ())}
    return _refer(names | ({"Retry-After"} if status in WAITING else set()))


def _refer(names: Iterable[str]) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(names)}
