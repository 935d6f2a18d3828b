"""Texts in workbooks: what the format writes as `_xHHHH_` is read out once, wherever the text stands in the file."""

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from marketplace.api.parsers import FORBIDDEN
from marketplace.api.tables import Table, write_xlsx
from marketplace.bulk.reading import count_rows, read_rows
from marketplace.bulk.workbooks import open_workbook, text_of
from providers.api.serializers import OfferingIn
from providers.models import Offering, Provider
from tests.bulk.files import as_xlsx, counts, imported, rows, told
from tests.factories.providers import OfferingFactory
from tests.kit.api import ApiClient

pytestmark = pytest.mark.django_db
TEXTS = (
    "one\r\ntwo",
    "one\rtwo",
    "one\ntwo\tthree",
    "_x0041_",
    "a _x000D_ b",
    "_x000d__x000A_",
    "_x005F_",
    "_x005F_ x0041_",
    "x005F_ and _x005_ and _x",
    "=1+1",
    "'=1+1",
    "-5",
    "+33",
    "@here",
    '=HYPERLINK("http://x")',
    "\u0645\u0631\u062d\u0628\u0627 é",
)
RICH = ("<r>one</r>", "<r><t>&</t></r></is></c><c><f>1+1</f></c><c><is><r></r>")  # of our own writer's


def book_of(*cells: str, shared: bool, head: tuple[str, ...] = ("provider", "titles.en")) -> bytes:
    """Write a row of texts by another writer's ways: into the table of shared strings, or in their places."""
    target = BytesIO()
    options = {"constant_memory": not shared, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((head, cells)):
            for column, text in enumerate(row):
                sheet.write_string(number, column, text)
    return target.getvalue()


def read(tmp_path: Path, content: bytes, **more: Any) -> Any:
    path = tmp_path / "book"
    path.write_bytes(content)
    (row,) = read_rows(path, format="xlsx", form=OfferingIn, **more)
    assert count_rows(path, format="xlsx") == 1
    return row


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("text", TEXTS)
def test_text_of_a_workbook_is_read_as_it_was_written(tmp_path: Path, text: str, shared: bool) -> None:
    assert read(tmp_path, book_of("PRO", text, shared=shared)).values["titles"] == {"en": text}


PLAIN = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
MARKED = st.lists(st.one_of(PLAIN, st.sampled_from(["_x0041_", "_x005F_", "\r", "x005F_", "_"])), min_size=1)
MARK = "_x[0-9a-fA-F]{4}_"


def is_written(text: str) -> bool:
    """Tell whether xlsxwriter writes it so that it can be read: of two marks that share a `_` it escapes the first alone."""
    return not FORBIDDEN.search(text) and len(re.findall(MARK, text)) == len(re.findall(f"(?={MARK})", text))


@given(MARKED.map("".join).filter(is_written), st.booleans())
def test_any_text_comes_back_from_a_workbook(text: str, shared: bool) -> None:
    book = open_workbook(BytesIO(book_of(text, shared=shared)))
    (cell,) = (row[0] for row in book.worksheets[0].iter_rows(min_row=2, max_col=1, values_only=True))
    assert text_of(cell) == text


def test_text_of_our_own_export_is_read_back_equal(tmp_path: Path) -> None:
    for text in (*TEXTS, *RICH):
        content = write_xlsx([Table("t", ("provider", "titles.en"), [("PRO", text)])], at=timezone.now())
        assert read(tmp_path, content).values["titles"] == {"en": text}


def test_offering_with_such_texts_is_exported_and_imported_without_a_change(staff: ApiClient) -> None:
    titles = {"en": "one\r\ntwo _x0041_", "fr": "=1+1 _x000D_", "es": "_x005F_\r\nx0041_"}
    known = OfferingFactory.create(
        provider=Provider.objects.get(code="PRO"), titles=titles, objectives={"en": [*TEXTS, *RICH]}
    )
    answer: Any = staff.client.get("/api/v1/offerings?format=xlsx", headers=staff.headers)
    one = imported(staff, b"".join(answer.streaming_content), format="xlsx", from_export=True)
    assert counts(one) == (0, 0, 1, 0), (told(staff, one), one)
    assert Offering.objects.get(pk=known.pk).titles == titles


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("escaped", ["\x00", "\x07", "\x1f"])
def test_character_that_no_text_may_have_is_refused_with_its_column(tmp_path: Path, escaped: str, shared: bool) -> None:
    (error,) = read(tmp_path, book_of("PRO", f"a{escaped}b", shared=shared)).errors
    assert (error.pointer, error.code) == ("/titles/en", "malformed_json")


@pytest.mark.parametrize("escape", ["_x0000_", "_xD800_"])
def test_header_and_id_that_no_column_holds_are_told_of_all_the_same(staff: ApiClient, escape: str) -> None:
    def unescaped(head: tuple[str, ...], *cells: str) -> bytes:
        """Write it as somebody does who means to: `_` alone is never escaped, so that the mark stays one."""
        return _replaced(book_of(*cells, shared=False, head=head), "MARK", escape)

    one = imported(staff, unescaped(("provider", "coMARKfee"), "PRO", "x"), format="xlsx")
    assert one["status"] == "refused"
    assert [(problem["code"], problem["column"]) for problem in one["problems"]] == [("unknown_column", "co\ufffdfee")]
    head = ("id", "titles.en", "coMARKfee")
    one = imported(staff, unescaped(head, "aMARKb", "x", "y"), format="xlsx", from_export=True, mode="partial")
    assert (one["status"], one["passed_over"], counts(one)) == ("done", ["co\ufffdfee"], (0, 0, 0, 1))
    assert [row["reference"] for row in told(staff, one)] == ["a\ufffdb"]


# --- numbers longer than a spreadsheet holds ----------------------------------------------------------------------------
LONG = 1_234_567_890_123_456_789


@pytest.mark.parametrize("number", [LONG, -LONG, float(LONG), 1e15, 10**15, 1.5e300, 1234567890123456.5])
def test_number_longer_than_a_spreadsheet_holds_is_refused_with_its_column(tmp_path: Path, number: float) -> None:
    found = read(tmp_path, as_xlsx(rows(1, external_id=number)))
    assert [(error.pointer, error.code) for error in found.errors] == [("/external_id", "inexact_number")]
    assert "external_id" not in found.values


@pytest.mark.parametrize("given", [10**15 - 1, float(10**15 - 1), -(10**15 - 1), str(LONG), f" {LONG} "])
def test_number_that_a_spreadsheet_holds_and_any_text_are_taken_as_they_are(tmp_path: Path, given: object) -> None:
    found = read(tmp_path, as_xlsx(rows(1, external_id=given)))
    assert (found.values["external_id"], found.errors) == (str(given).strip().removesuffix(".0"), [])


def test_long_numbers_do_not_become_one_record(staff: ApiClient) -> None:
    """Both are 1.2345678901234568e+18 in a spreadsheet: the second row would change what the first one made."""
    table = [*rows(1, external_id=float(LONG)), *rows(1, external_id=float(LONG + 1)), *rows(1, external_id=str(LONG))]
    one = imported(staff, as_xlsx(table), format="xlsx", mode="partial")
    assert counts(one) == (1, 0, 0, 2)
    refused = told(staff, one)
    assert [(row["line"], row["errors"][0]["code"], row["errors"][0]["column"]) for row in refused] == [
        (2, "inexact_number", "external_id"),
        (3, "inexact_number", "external_id"),
    ]
    assert [offering.external_id for offering in Offering.objects.all()] == [str(LONG)]
    assert counts(imported(staff, as_xlsx(table), format="xlsx")) == (0, 0, 1, 2)


def test_long_number_in_a_nested_column_is_told_of_by_that_column(tmp_path: Path) -> None:
    header = ("provider", "places.2.city", "themes")
    table = as_xlsx([{"provider": "PRO", "places.2.city": float(LONG), "themes": float(LONG)}], header=header)
    found = read(tmp_path, table)
    assert [error.pointer for error in found.errors] == ["/places/1/city", "/themes"]


def test_long_number_in_a_column_that_is_passed_over_does_not_count(staff: ApiClient) -> None:
    known = OfferingFactory.create(provider=Provider.objects.get(code="PRO"))
    header = ("id", "titles.en", "version")
    table = [{"id": str(known.public_id), "titles.en": "Renamed", "version": float(LONG)}]
    one = imported(staff, as_xlsx(table, header=header), format="xlsx", from_export=True)
    assert (counts(one), one["passed_over"]) == ((0, 1, 0, 0), ["version"])


def _replaced(book: bytes, old: str, new: str) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(book)) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            after.writestr(member.filename, before.read(member).replace(old.encode(), new.encode()))
    return target.getvalue()
