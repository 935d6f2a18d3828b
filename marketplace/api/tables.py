"""Tables for people: CSV (RFC 4180) and XLSX from the same rows, safe to open in a spreadsheet.

A text that begins like a formula is given an apostrophe in front in CSV, where a spreadsheet would otherwise reckon it
out (OWASP, "CSV Injection"); in XLSX texts are stored as texts and can never be formulas.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import IO

import xlsxwriter
from rest_framework.renderers import BaseRenderer
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from marketplace.kernel.cells import neutral_text

Value = str | int | Decimal | date | None
BYTE_ORDER_MARK = "\ufeff"  # without it spreadsheets take UTF-8 for something else
SHEET_NAME_LENGTH = 31  # of the format
CELL_LENGTH, SHEET_ROWS = 32_767, 1_048_576  # of the format; after a full sheet comes another one
WIDEST_COLUMN = 60  # characters


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, its headers in the reader's language, its rows."""

    name: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Value]]


@dataclass(frozen=True, slots=True)
class Tables:
    """What a report gives as tables: `first` is the CSV, all are the sheets of the XLSX; `at` dates the workbook."""

    first: Table
    others: tuple[Table, ...]
    at: datetime


def neutral(value: Value) -> str:
    """Write a value so that no spreadsheet takes it for a formula; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, str):
        return neutral_text(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def write_csv(table: Table) -> str:
    """Write a table as CSV with a byte order mark."""
    return BYTE_ORDER_MARK + csv_lines([table.headers, *table.rows])


def csv_lines(rows: Iterable[Sequence[Value]]) -> str:
    """Write lines of a CSV, each text of them harmless."""
    target = StringIO()
    csv.writer(target).writerows([neutral(value) for value in row] for row in rows)
    return target.getvalue()


def write_xlsx(tables: Sequence[Table], *, at: datetime) -> bytes:
    """Write tables as the sheets of a workbook, row by row, so that memory does not grow with them."""
    target = BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"created": at.replace(tzinfo=None)})  # the format knows no time zones: UTC
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        day, plain = book.add_format({"num_format": "yyyy-mm-dd"}), book.add_format()
        for table in tables:
            sheet = book.add_worksheet(table.name[:SHEET_NAME_LENGTH])
            sheet.freeze_panes(1, 0)
            for column, header in enumerate(table.headers):
                sheet.set_column(column, column, _width(table, column))
                sheet.write_string(0, column, header, head)
            for number, row in enumerate(table.rows, start=1):
                for column, value in enumerate(row):
                    _write(sheet, number, column, value, day, plain)
    return target.getvalue()


@contextmanager
def long_workbook(target: IO[bytes], *, name: str, headers: Sequence[str], at: datetime) -> Iterator["Sheets"]:
    """Give the sheets of a workbook that is written row by row, however many there are, and is whole after the block."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"created": at.replace(tzinfo=None)})  # the format knows no time zones: UTC
        yield Sheets(book, name, headers)


class Sheets:
    """The sheets of a long workbook, of which the last one is being written."""

    def __init__(self, book: xlsxwriter.Workbook, name: str, headers: Sequence[str]) -> None:
        self.book, self.name, self.headers = book, name, headers
        self.head, self.plain = book.add_format({"bold": True}), book.add_format()
        self.count = 0
        self._begin()

    def _begin(self) -> None:
        self.count += 1
        self.sheet = self.book.add_worksheet(f"{self.name[: SHEET_NAME_LENGTH - 4]} {self.count}")
        self.sheet.freeze_panes(1, 0)
        self.row = 1
        for column, header in enumerate(self.headers):
            self.sheet.write_string(0, column, header, self.head)

    def write(self, values: Sequence[str | int | float]) -> None:
        """Write a row: texts as texts, numbers as numbers; a text that no cell can hold is cut and ends in `…`."""
        if self.row == SHEET_ROWS:
            self._begin()
        for column, value in enumerate(values):
            if not isinstance(value, str):
                self.sheet.write_number(self.row, column, value)
            elif value:
                text = value if len(value) <= CELL_LENGTH else f"{value[: CELL_LENGTH - 1]}…"
                _write_text(self.sheet, self.row, column, text, self.plain)
        self.row += 1


def _width(table: Table, column: int) -> int:
    longest = max((len(str(row[column])) for row in table.rows[:200]), default=0)
    return min(WIDEST_COLUMN, max(longest, len(table.headers[column]) // 2, 8) + 2)


def _write_text(sheet: Worksheet, row: int, column: int, text: str, plain: Format) -> None:
    """Write a text. One that looks like a rich text of the format's own the library would put into the file as it is, with
    whatever cells and formulas it brings: such a text is given to it as two pieces, which it writes as texts.
    """
    if text.startswith("<r>") and text.endswith("</r>"):
        sheet.write_rich_string(row, column, text[:1], plain, text[1:])
    else:
        sheet.write_string(row, column, text)


def _write(sheet: Worksheet, row: int, column: int, value: Value, day: Format, plain: Format) -> None:
    if value is None:
        return
    if isinstance(value, str):
        _write_text(sheet, row, column, value, plain)
    elif isinstance(value, date):
        sheet.write_datetime(row, column, datetime(value.year, value.month, value.day), day)  # noqa: DTZ001  a day
    else:
        sheet.write_number(row, column, value)


class TableRenderer(BaseRenderer):
    """What the two forms share: views hand over `Tables`."""

    charset: str | None
    render_style = "binary"

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> bytes:
        """Write the tables. Raises TypeError for anything else."""
        if not isinstance(data, Tables):
            raise TypeError(f"{type(data).__name__} is no table")
        return self.write(data)

    def write(self, tables: Tables) -> bytes:
        """Write the tables in the form of this renderer."""
        raise LookupError(f"{type(self).__name__} writes nothing")


class CsvRenderer(TableRenderer):
    """text/csv: the first table."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def write(self, tables: Tables) -> bytes:
        """Write the first table."""
        return write_csv(tables.first).encode()


class XlsxRenderer(TableRenderer):
    """A workbook: one sheet for each table."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"
    charset = None

    def write(self, tables: Tables) -> bytes:
        """Write all tables."""
        return write_xlsx((tables.first, *tables.others), at=tables.at)
