"""What files may look like, and what is said of those that cannot be read."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from marketplace.api.parsers import FORBIDDEN
from marketplace.api.tables import Table, write_csv
from marketplace.bulk import reading
from marketplace.bulk.columns import column_at, template_columns
from marketplace.bulk.reading import Row, count_rows, read_rows
from marketplace.bulk.targets import targets
from marketplace.bulk.templates import template_of
from marketplace.kernel.cells import FORMULA_STARTS, neutral_text, plain_text
from marketplace.kernel.errors import DomainError, FieldError
from providers.api.serializers import OfferingIn, TrainingSessionIn
from requests_app.api.serializers import RequestIn
from tests.bulk.files import as_csv, as_jsonl, as_xlsx, rows

pytestmark = pytest.mark.django_db


def read(tmp_path: Path, content: bytes, kind: str = "csv", form: Any = OfferingIn) -> list[Row]:
    path = tmp_path / "file"
    path.write_bytes(content)
    found = list(read_rows(path, format=kind, form=form))
    assert count_rows(path, format=kind) == len(found)
    return found


def refused(tmp_path: Path, content: bytes, kind: str = "csv", form: Any = OfferingIn) -> list[FieldError]:
    with pytest.raises(DomainError) as caught:
        read(tmp_path, content, kind, form)
    return list(caught.value.errors)


# --- what is read -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_in_the_header(tmp_path: Path, delimiter: str) -> None:
    table = rows(1, themes="fair-recruitment")
    (row,) = read(tmp_path, as_csv(table, delimiter=delimiter))
    assert row.values["titles"] == {"en": "Course 0", "fr": "Cours 0"}
    assert row.values["languages"] == ["en", "fr"]


def test_byte_order_mark_and_blank_lines_are_no_part_of_the_table(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfprovider,titles.fr\r\n\r\nPRO,\xc3\x89t\xc3\xa9\r\n,\r\n"
    (row,) = read(tmp_path, content)
    assert (row.line, row.values) == (3, {"provider": "PRO", "titles": {"fr": "Été"}})


def test_line_is_told_where_a_cell_spans_several(tmp_path: Path) -> None:
    found = read(tmp_path, b'provider,titles.en\r\nPRO,"two\nlines"\r\nPRO,one\r\n')
    assert [row.line for row in found] == [2, 4]
    assert found[0].values["titles"]["en"] == "two\nlines"


def test_nested_values_are_named_by_path_or_given_as_json(tmp_path: Path) -> None:
    header = b"external_id,lines.2.theme,lines.1.theme,lines.1.participants.min,kept_apart,title\n"
    content = header + b'n,b,a,5,"[[""A"",""B""]]","{""es"": ""T""}"\n'
    (row,) = read(tmp_path, content, form=RequestIn)
    assert row.values == {
        "external_id": "n",
        "lines": [{"theme": "a", "participants": {"min": "5"}}, {"theme": "b"}],
        "kept_apart": [["A", "B"]],
        "title": {"es": "T"},
    }
    assert row.errors == []


def test_cells_of_a_workbook_are_read_as_one_types_them(tmp_path: Path) -> None:
    from datetime import date, datetime

    header = ("offering", "period.start", "period.end", "seats_total", "city", "languages")
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header)
    sheet.append(["o", date(2027, 3, 8), datetime(2027, 3, 10), 30.0, True, None])  # noqa: DTZ001  cells have no zone
    target = BytesIO()
    book.save(target)
    (row,) = read(tmp_path, target.getvalue(), "xlsx", TrainingSessionIn)
    assert row.values == {
        "offering": "o",
        "period": {"start": "2027-03-08", "end": "2027-03-10"},
        "seats_total": "30",
        "city": "true",
    }


def test_formats_say_the_same(tmp_path: Path) -> None:
    table = rows(3)
    csv, xlsx = read(tmp_path, as_csv(table)), read(tmp_path, as_xlsx(table), "xlsx")
    assert csv == xlsx
    jsonl = read(tmp_path, as_jsonl(row.values for row in csv), "jsonl")
    assert [row.values for row in jsonl] == [row.values for row in csv]


# --- formulas -----------------------------------------------------------------------------------------------------
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: not FORBIDDEN.search(text))
TRICKY = st.builds(
    lambda marks, start, rest: "'" * marks + start + rest, st.integers(0, 3), st.sampled_from(FORMULA_STARTS), TEXTS
)


@given(st.one_of(TEXTS, TRICKY))
def test_text_comes_back_from_a_cell_as_it_went_in_and_is_never_a_formula(text: str) -> None:
    assert plain_text(neutral_text(text)) == text
    assert not neutral_text(text).startswith(FORMULA_STARTS)


@pytest.mark.parametrize("text", ["=1+1", "-5", "+33 1 23", "@here", "'=quoted", "''=twice", "'plain", "it's = fine"])
def test_text_written_to_csv_is_read_back_equal(tmp_path: Path, text: str) -> None:
    content = write_csv(Table("t", ("provider", "titles.en"), [("PRO", text)])).encode()
    (row,) = read(tmp_path, content)
    assert row.values["titles"]["en"] == text


# --- what is refused ----------------------------------------------------------------------------------------------
def test_unknown_and_doubled_columns_are_named_with_those_there_are(tmp_path: Path) -> None:
    unknown, doubled = refused(tmp_path, b"provider,coffee,provider\nPRO,x,PRO\n")
    assert (unknown.pointer, unknown.code) == ("coffee", "unknown_column")
    assert {"provider", "external_id", "titles.en", "themes"} <= set(unknown.allowed)
    assert (doubled.pointer, doubled.code) == ("provider", "doubled_column")


@pytest.mark.parametrize("before", [0, 3, 70_000])
def test_wrong_encoding_is_told_with_its_line(tmp_path: Path, before: int) -> None:
    content = b"provider,titles.fr\n" + b"PRO,un titre\n" * before + "PRO,Été\n".encode("cp1252")
    (error,) = refused(tmp_path, content)
    assert (error.code, error.params["line"]) == ("encoding", before + 2)


def test_letter_cut_off_at_the_end_is_wrong_encoding(tmp_path: Path) -> None:
    (error,) = refused(tmp_path, b"provider,titles.fr\nPRO,\xc3")
    assert (error.code, error.params["line"]) == ("encoding", 2)


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("csv", b"", "empty"),
        ("csv", b'provider,titles.en\nPRO,"open\n', "csv"),
        ("csv", b'provider,titles.en\nPRO,"a"b\n', "csv"),
        ("xlsx", b"no workbook", "xlsx"),
        ("jsonl", b"{" + b" " * 1_000_001 + b"}\n", "too_long"),
    ],
)
def test_file_that_cannot_be_read_is_refused_as_a_whole(tmp_path: Path, kind: str, content: bytes, code: str) -> None:
    assert [error.code for error in refused(tmp_path, content, kind)] == [code]


def test_line_that_cannot_be_read_is_refused_alone(tmp_path: Path) -> None:
    found = read(tmp_path, b"provider,titles.en,places\nPRO,a,{\nPRO,b\x07,\nPRO,c,,d\nPRO,d,\n")
    assert [[(error.pointer, error.code) for error in row.errors] for row in found] == [
        [("/places", "malformed_json")],
        [("/titles/en", "malformed_json")],
        [("", "too_many_cells")],
        [],
    ]


def test_line_of_json_lines_that_is_no_object_is_refused_alone(tmp_path: Path) -> None:
    found = read(tmp_path, b'{"provider": "PRO"}\n\n[1]\n{"a": 1\n{"a": 1, "a": 2}\n', "jsonl")
    codes = [[error.code for error in row.errors] for row in found]
    assert codes == [[], ["not_an_object"], ["malformed_json"], ["malformed_json"]]
    assert [row.line for row in found] == [1, 3, 4, 5]


# --- templates ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["offerings", "organizations", "providers", "requests", "sessions"])
@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_template_is_read_as_the_example_that_it_shows(tmp_path: Path, name: str, kind: str, at: Any) -> None:
    target = targets()[name]
    (row,) = read(tmp_path, template_of(target, kind, at=at), kind, target.form)
    assert not row.errors
    form = target.form(data=row.values)
    assert form.is_valid(), form.errors
    example = target.form(data=dict(target.form.example))
    assert example.is_valid()
    assert form.validated_data == example.validated_data


def test_pointer_leads_to_the_column(tmp_path: Path) -> None:
    assert column_at(RequestIn(), "/lines/0/participants/min") == "lines.1.participants.min"
    assert column_at(OfferingIn(), "/themes/4") == "themes"
    assert column_at(OfferingIn(), "/titles/en") == "titles.en"
    assert column_at(OfferingIn(), "") == ""
    assert "period.start" in template_columns(TrainingSessionIn)


# --- files made to exhaust whoever reads them ------------------------------------------------------------------------
def _sheet_of(rows: str) -> bytes:
    """A workbook whose sheet has these rows, word for word."""
    target, made = BytesIO(), BytesIO(as_xlsx([]))
    with zipfile.ZipFile(made) as before, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for member in before.infolist():
            text = before.read(member)
            if member.filename.startswith("xl/worksheets/"):
                text = (
                    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
                    f"<sheetData>{rows}</sheetData></worksheet>"
                ).encode()
            after.writestr(member.filename, text)
    return target.getvalue()


HEAD = '<row r="1"><c r="A1" t="inlineStr"><is><t>provider</t></is></c></row>'


def test_cell_that_says_it_stands_far_to_the_right_makes_no_row_of_thousands(tmp_path: Path) -> None:
    rows = f'{HEAD}<row r="2"><c r="A2" t="inlineStr"><is><t>PRO</t></is></c><c r="ZZZ2"><v>1</v></c></row>'
    path = tmp_path / "file"
    path.write_bytes(_sheet_of(rows))
    assert list(reading._sheet(path)) == [(1, ["provider"]), (2, ["PRO"])]


@pytest.mark.parametrize(
    "cell", ['<c r="ZZZZZ2"><v>1</v></c>', '<c r="A2" t="s"><v>99</v></c>', '<c r="A2"><v>x</v></c>']
)
def test_cell_that_no_sheet_has_makes_the_workbook_unreadable(tmp_path: Path, cell: str) -> None:
    (error,) = refused(tmp_path, _sheet_of(f'{HEAD}<row r="2">{cell}</row>'), "xlsx")
    assert error.code == "xlsx"


def test_row_that_says_it_is_the_billionth_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SHEET_LINES", 1_000)
    rows = f'{HEAD}<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>'
    (error,) = refused(tmp_path, _sheet_of(rows), "xlsx")
    assert (error.code, error.params["limit"]) == ("too_long", 1_000)


def test_csv_of_one_endless_line_is_refused(tmp_path: Path) -> None:
    (error,) = refused(tmp_path, b"provider" + b"," * (reading.LINE_BYTES + 1))
    assert (error.code, error.params["line"]) == ("too_long", 1)
