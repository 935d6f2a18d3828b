"""Files read row by row: CSV, the first sheet of a workbook, JSON Lines. Memory does not grow with the file."""

import codecs
import csv
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from defusedxml.common import DefusedXmlException
from openpyxl.utils.exceptions import InvalidFileException

from marketplace.api.parsers import FORBIDDEN, load
from marketplace.api.problems import invalid_input
from marketplace.api.serializers import StrictSerializer
from marketplace.bulk.columns import MOST_COLUMNS, Column, columns_of, shown_columns_of, values_of
from marketplace.bulk.shown import written_and_rest
from marketplace.bulk.workbooks import InexactNumber, open_workbook, text_of
from marketplace.kernel.cells import plain_text
from marketplace.kernel.errors import DomainError, FieldError
from marketplace.kernel.text import gettext_noop as _

FORMATS = ("csv", "xlsx", "jsonl")
DELIMITERS = (",", ";", "\t", "|")
ID = "id"  # of the thing, in what lists show
LINE_BYTES = 1_000_000
CHUNK = 1 << 20
SHEET_LINES = 1_048_576  # as many as a spreadsheet has
SHEET_COLUMNS = MOST_COLUMNS + 1  # that are read: the last one only shows that there are too many
UNREADABLE = (InvalidFileException, zipfile.BadZipFile, LookupError, TypeError, ValueError, DefusedXmlException)
csv.field_size_limit(LINE_BYTES)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file (the first is 1), its values as a body would have them, and what cannot be read of it.

    Of a table also which places of the values are others in the file (see `given_at`), of an export the id that it was given
    with, and the columns that a write does not take.
    """

    line: int
    values: dict[str, Any]
    errors: Sequence[FieldError] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    passed_over: tuple[str, ...] = ()


def read_rows(
    path: Path,
    *,
    format: str,  # noqa: A002  as callers say it
    form: type[StrictSerializer],
    is_export: bool = False,
) -> Iterator[Row]:
    """Read the rows of a file; columns are those of ``form``, of an export also those that a list shows besides.

    Raises DomainError(invalid_input) for what makes the whole file unreadable, with the line or the column.
    """
    return {"csv": _csv_rows, "xlsx": _xlsx_rows, "jsonl": _json_rows}[format](path, form, is_export)


def count_rows(path: Path, *, format: str) -> int:  # noqa: A002
    """Look through a file once: how many rows it has. Raises DomainError(invalid_input) for wrong encoding or syntax."""
    if format == "csv":
        return max(0, sum(1 for _, cells in _csv_lines(path) if any(cells)) - 1)
    if format == "xlsx":
        return max(0, sum(1 for _, cells in _sheet(path) if any(cells)) - 1)
    _check_encoding(path)
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())


def refuse_file(code: str, detail: str, **params: object) -> DomainError:
    """Make the refusal of a file as a whole."""
    return invalid_input([FieldError("", code, detail, params=params)])


# --- CSV ----------------------------------------------------------------------------------------------------------
def _csv_rows(path: Path, form: type[StrictSerializer], is_export: bool) -> Iterator[Row]:
    lines = ((line, [plain_text(cell) for cell in cells]) for line, cells in _csv_lines(path))
    return _table(lines, form, is_export)


def _csv_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a CSV with the number at which each begins; a quoted cell may span several."""
    _check_encoding(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        delimiter = _delimiter(file.readline(LINE_BYTES))
        file.seek(0)
        reader = csv.reader(_short_lines(file), delimiter=delimiter, strict=True)
        before = 0
        try:
            for cells in reader:
                yield before + 1, cells
                before = reader.line_num
        except csv.Error:
            raise refuse_file(
                "csv", _("Line %(line)s is no CSV: look at its quotation marks."), line=before + 1
            ) from None


def _short_lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a text. Raises DomainError(invalid_input) for one that is too long to be a row."""
    number = 0
    while line := file.readline(LINE_BYTES + 1):
        number += 1
        if len(line) > LINE_BYTES:
            raise _too_long(number)
        yield line


def _too_long(line: int) -> DomainError:
    detail = _("Line %(line)s is longer than %(limit)s bytes.")
    return refuse_file("too_long", detail, line=line, limit=LINE_BYTES)


def _delimiter(header: str) -> str:
    """Find what stands between the names of the columns, which have none of these characters."""
    return max(DELIMITERS, key=header.count)


def _check_encoding(path: Path) -> None:
    """Find the first line that is not UTF-8. Raises DomainError(invalid_input)."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                bad = line + chunk[: max(0, error.start)].count(b"\n")
                raise refuse_file(
                    "encoding", _("Line %(line)s is not UTF-8. Save the file as UTF-8."), line=bad
                ) from None
            line += chunk.count(b"\n")
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise refuse_file("encoding", _("Line %(line)s is not UTF-8. Save the file as UTF-8."), line=line) from None


# --- XLSX ---------------------------------------------------------------------------------------------------------
def _xlsx_rows(path: Path, form: type[StrictSerializer], is_export: bool) -> Iterator[Row]:
    return _table(_sheet(path), form, is_export)


def _sheet(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of the first sheet that have anything in them; formulas give the value that was stored with them."""
    with path.open("rb") as file:  # by its name it would be refused: ours have no ends
        try:
            book = open_workbook(file)
        except UNREADABLE:
            raise _no_workbook() from None
        try:
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its size may be wrong
            # Without a bound, one cell that says it stands in column ZZZZZZ makes a row of hundreds of millions.
            for line, values in enumerate(sheet.iter_rows(max_col=SHEET_COLUMNS, values_only=True), start=1):
                if line > SHEET_LINES:  # rows that are left out are made up one by one
                    raise refuse_file("too_long", _("The sheet goes beyond line %(limit)s."), limit=SHEET_LINES)
                cells = [text_of(value) for value in _filled(values)]
                if any(cells):
                    yield line, cells
        except UNREADABLE:  # of a cell: a column that no sheet has, a number that is none
            raise _no_workbook() from None
        finally:
            book.close()


def _no_workbook() -> DomainError:
    return refuse_file("xlsx", _("This is no workbook (.xlsx) that can be read."))


def _filled(values: Sequence[object]) -> Sequence[object]:
    """Give a row up to its last cell with something in it."""
    width = len(values)
    while width and values[width - 1] is None:
        width -= 1
    return values[:width]


# --- tables -------------------------------------------------------------------------------------------------------
def _table(lines: Iterable[tuple[int, list[str]]], form: type[StrictSerializer], is_export: bool) -> Iterator[Row]:
    waiting = iter(lines)
    _line, header = next(waiting, (0, []))
    names = [_storable(name).strip() for name in header]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise refuse_file("empty", _("The file has no header with the names of its columns."))
    columns: Sequence[Column | None]
    columns, passed_over = shown_columns_of(form, names) if is_export else (columns_of(form, names), ())
    reader, place = form(), names.index(ID) if is_export and ID in names else len(names)
    for line, cells in waiting:
        if any(cells):
            row = _row(line, [_stripped(cell) for cell in cells], columns)
            yield _as_written(row, reader, "".join(cells[place : place + 1]), passed_over) if is_export else row


def _stripped(cell: str) -> str:
    return cell if isinstance(cell, InexactNumber) else cell.strip()  # which would make any text of it


def _storable(text: str) -> str:
    """Take out of a header or an id what no column holds: problems repeat them, and a cell of a workbook may have it escaped."""
    return FORBIDDEN.sub("\ufffd", text)


def _as_written(
    row: Row,
    form: StrictSerializer,
    id: str,  # noqa: A002  as lists call it
    passed_over: Sequence[str] | None = None,
) -> Row:
    values, rest = written_and_rest(form, row.values)
    others = tuple(name for name in (rest if passed_over is None else passed_over) if name != ID)
    return replace(row, values=values, id=_storable(id).strip(), passed_over=others)


def _row(line: int, cells: list[str], columns: Sequence[Column | None]) -> Row:
    values, errors, moved = values_of(columns, cells)
    if any(cells[len(columns) :]):
        detail = _("The line has %(cells)s cells, the header %(columns)s.")
        params = {"cells": len(cells), "columns": len(columns)}
        errors.append(FieldError("", "too_many_cells", detail, params=params))
    return Row(line, values, errors, moved)


# --- JSON Lines ---------------------------------------------------------------------------------------------------
def _json_rows(path: Path, form: type[StrictSerializer], is_export: bool) -> Iterator[Row]:
    reader = form()
    with path.open("rb") as file:
        line = 0
        while raw := file.readline(LINE_BYTES + 1):
            line += 1
            if len(raw) > LINE_BYTES:
                raise _too_long(line)
            if line == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if raw.strip():
                row = _json_row(line, raw)
                yield _as_written(row, reader, str(row.values.get(ID) or "")) if is_export else row


def _json_row(line: int, raw: bytes) -> Row:
    try:
        values = load(raw)
    except DomainError as error:
        return Row(line, {}, [FieldError("", error.code.value, error.kind.detail, params=dict(error.params))])
    if not isinstance(values, dict):
        return Row(line, {}, [FieldError("", "not_an_object", _("A line of JSON Lines is an object."))])
    return Row(line, values)
