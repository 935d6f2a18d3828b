"""Whole lists as files: every list in CSV, XLSX and JSON Lines, with its filters and its visibility (docs/bulk.md).

A file is written from what the JSON of the list shows, page by page under a keyset: memory does not grow with it, each page takes the
queries of a page, and no form can tell what the JSON does not. Nothing is locked meanwhile: each page is as of its own moment.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, cast

import orjson
from django.http import StreamingHttpResponse
from django.utils import translation
from rest_framework import serializers

from marketplace.api.choosing import paths_of
from marketplace.api.filters import chosen_names, search_text
from marketplace.api.flat import cell_of
from marketplace.api.pagination import Cut, Keyset
from marketplace.api.renderers import dump
from marketplace.api.serializers import LinksField
from marketplace.api.tables import BYTE_ORDER_MARK, XlsxRenderer, csv_lines, long_workbook
from marketplace.formats.registry import Representation, Telling
from marketplace.records.fields import LanguageMapField

PAGE = 1_000  # things that are read at once
CHUNK = 1 << 16  # bytes of a finished workbook that are sent at once
LANGUAGES = ("en", "fr")  # those that have columns of their own; the others are in one, as JSON
Page = list[dict[str, Any]]
Cells = Callable[[Mapping[str, Any]], list[Any]]


# --- the forms ----------------------------------------------------------------------------------------------------
def _nothing(things: Iterable[Any], telling: Telling) -> Iterator[bytes]:
    raise LookupError("a file is written from pages, not from things")


def _form(code: str, media_type: str, words: str, *, text: bool = True) -> Representation:
    return Representation(code, media_type, code, words, _nothing, on=frozenset({"list"}), text=text, as_asked=True)


CSV = _form("csv", "text/csv", "all that match, as a table")
XLSX = _form("xlsx", XlsxRenderer.media_type, "all that match, as a workbook", text=False)
JSON_LINES = _form("jsonl", "application/jsonl", "all that match, one to a line")
EXPORTS = (CSV, XLSX, JSON_LINES)


def exported(view: Any, form: Representation) -> StreamingHttpResponse:
    """Answer a list with a file of all that match. Raises what the list itself raises: nothing was sent by then."""
    pages = _pages(view)
    first = next(pages, [])  # what is wrong with the call shows here
    language = view.request.language

    def content() -> Iterator[bytes]:
        with translation.override(language):
            yield from WRITERS[form.code](view, chain([first], pages))

    sent = iter(()) if view.request.method == "HEAD" else content()
    headers = {"Content-Disposition": f'attachment; filename="{view.resource}.{form.suffix}"'}
    return StreamingHttpResponse(sent, content_type=form.content_type, headers=headers)


def _pages(view: Any) -> Iterator[Page]:
    """Yield the things that match as the JSON shows them, a page at a time."""
    if view.whole_pages is not None:
        yield from (cast("Page", orjson.loads(dump(page))) for page in view.whole_pages(PAGE))
        return
    request = view.request
    ordered = "ordering" in request.query_params or not search_text(request)
    keyset = Keyset(view.ordering_of(request) if ordered else ["pk"], view.visible().model)
    plan = view.plan([path for path, _ in keyset.keys])
    view.counts_all = True  # all that a search finds, not the newest that it ranks
    things = view.listed() if ordered else view.everything()
    context, values = view.shape_context(), None
    while True:
        cut = Cut(keyset, PAGE, values, backwards=False)
        found = list(cut.of(view.prepare(things) if plan is None else plan.of(things)))
        shown = view.reads(found, many=True, context=context).data if plan is None else plan.show(found, context)
        yield cast("Page", orjson.loads(dump(view.narrow(shown))))
        if len(found) < PAGE:
            return
        values = keyset.values(found[-1]) if plan is None else plan.keys(found[-1])


# --- columns ------------------------------------------------------------------------------------------------------
def columns_of(view: Any) -> list[str]:
    """Give the columns of a list: names of fields, of nested ones with dots; of texts by language, one for each of LANGUAGES and
    one for the others.
    """
    chosen = chosen_names(view.request, "fields", paths_of(view.reads))
    fields = {
        name: field
        for name, field in view.reads().fields.items()
        if not isinstance(field, LinksField) and (name not in view.reads.expandable or name in view.expand)
    }
    maps = _maps(view.visible().model)
    columns = [column for name, field in fields.items() for column in _columns(field, name, maps)]
    return [column for column in columns if chosen is None or _is_chosen(column, (*chosen, *view.expand))]


def _is_chosen(column: str, chosen: Sequence[str]) -> bool:
    return any(f"{column}.".startswith(f"{one}.") or one.startswith(f"{column}.") for one in chosen)


def _maps(model: Any) -> set[str]:
    return {one.name for one in model._meta.concrete_fields if isinstance(one, LanguageMapField)}


def _columns(field: Any, name: str, maps: set[str]) -> Iterator[str]:
    if isinstance(field, serializers.Serializer):
        for inner, one in field.fields.items():
            yield from _columns(one, f"{name}.{inner}", set())
    elif field.source in maps:
        yield from (f"{name}.{language}" for language in LANGUAGES)
        yield name
    else:
        yield name


def _at(thing: Mapping[str, Any], path: Sequence[str], *, others: bool) -> Any:
    value: Any = thing
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if others and isinstance(value, Mapping):
        return {language: text for language, text in value.items() if language not in LANGUAGES} or None
    return value


def cells_of(columns: Sequence[str]) -> Cells:
    """Give what makes the values of a row."""
    places = [(name.split("."), f"{name}.{LANGUAGES[0]}" in columns) for name in columns]
    return lambda thing: [_at(thing, path, others=others) for path, others in places]


# --- writers ------------------------------------------------------------------------------------------------------
def write_csv(view: Any, pages: Iterable[Page]) -> Iterator[bytes]:
    """Write a table; texts that begin like formulas are neutral, and an import reads them back as they were."""
    columns = columns_of(view)
    cells = cells_of(columns)
    yield f"{BYTE_ORDER_MARK}{csv_lines([columns])}".encode()
    for page in pages:
        yield csv_lines([cell_of(value) for value in cells(thing)] for thing in page).encode()


def write_json_lines(view: Any, pages: Iterable[Page]) -> Iterator[bytes]:
    """Write each thing as the JSON of the list has it, one to a line."""
    for page in pages:
        yield b"".join(dump(thing) + b"\n" for thing in page)


def write_xlsx(view: Any, pages: Iterable[Page]) -> Iterator[bytes]:
    """Write a workbook beside memory, then send it; meanwhile nothing is sent, many times, so that the server knows that it is alive."""
    columns = columns_of(view)
    cells = cells_of(columns)
    with tempfile.TemporaryFile() as target:
        with long_workbook(target, name=view.resource, headers=columns, at=view.request.at) as sheets:
            for page in pages:
                for thing in page:
                    sheets.write([_value(one) for one in cells(thing)])
                yield b""
        target.seek(0)
        while chunk := target.read(CHUNK):
            yield chunk


def _value(value: Any) -> str | int | float:
    """Leave numbers as they are, and write whatever else there is as text."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else cell_of(value)


WRITERS: Mapping[str, Callable[[Any, Iterable[Page]], Iterator[bytes]]] = {
    CSV.code: write_csv,
    XLSX.code: write_xlsx,
    JSON_LINES.code: write_json_lines,
}
