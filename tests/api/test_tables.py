"""Tables and pictures: nothing in a table becomes a formula, figures stay figures, and colours can be read."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.api.charts import LETTER, LONGEST_NAME, MARGIN, SIZE, STEPS, HeatMap, SvgRenderer, heat_map, shade
from marketplace.api.tables import (
    CsvRenderer,
    Table,
    Tables,
    Value,
    XlsxRenderer,
    long_workbook,
    write_csv,
    write_xlsx,
)
from marketplace.kernel.cells import FORMULA_STARTS
from tests.guards import house

AT = datetime(2026, 11, 23, tzinfo=UTC)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
SVG = "{http://www.w3.org/2000/svg}"


def read_csv(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def sheet(content: bytes, number: int = 1) -> ET.Element:
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        return ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))


# --- tables -------------------------------------------------------------------------------------------------------


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\n=1",
    "\uff1d1+1",
    '=HYPERLINK("http://x")',
    "=cmd|'/C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_text_that_looks_like_a_formula_is_none_in_csv(text: str) -> None:
    [_head, [cell]] = read_csv(write_csv(Table("t", ["h"], [[text]])))
    assert cell == f"'{text}"


# What xlsxwriter would take for rich text of its own, and write into the file as it is.
RICH = ["<r>one</r>", "<r>&</r>", '<r><t>1</t></r></is></c><c r="B2"><f>1+1</f></c><c t="inlineStr"><is><r></r>']


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "http://example.org", "12", *RICH])
def test_text_stays_a_text_in_xlsx(text: str) -> None:
    cells = list(sheet(write_xlsx([Table("t", ["h"], [[text]])], at=AT)).iter(f"{SHEET}c"))
    assert [cell.get("t") for cell in cells] == ["inlineStr", "inlineStr"]
    assert not list(sheet(write_xlsx([Table("t", ["h"], [[text]])], at=AT)).iter(f"{SHEET}f"))
    assert "".join(cells[1].itertext()) == text


@pytest.mark.parametrize("text", RICH)
def test_text_stays_a_text_in_a_long_workbook(text: str) -> None:
    target = io.BytesIO()
    with long_workbook(target, name="t", headers=["h"], at=AT) as sheets:
        sheets.write([text, 1])
    cells = list(sheet(target.getvalue()).iter(f"{SHEET}c"))
    assert ["".join(cell.itertext()) for cell in cells] == ["h", text, "1"]
    assert not list(sheet(target.getvalue()).iter(f"{SHEET}f"))


def test_no_table_is_written_anywhere_else() -> None:
    """Every export goes through the one writer that makes texts harmless."""
    writers = ("csv.writer", "csv.DictWriter", "xlsxwriter.Workbook")
    found = {source.path for source in house.sources(*house.PACKAGES) if any(word in source.text for word in writers)}
    # The access matrix is a document of ours, made of our own words and of nothing that anybody sent.
    assert found == {"marketplace/api/tables.py", "marketplace/rest/management/commands/access_matrix.py"}


def test_negative_number_is_a_number_in_both() -> None:
    table = Table("t", ["h"], [[-5], [Decimal("-2.50")]])
    assert read_csv(write_csv(table))[1:] == [["-5"], ["-2.50"]]
    values = [value.text for value in sheet(write_xlsx([table], at=AT)).iter(f"{SHEET}v")]
    assert values == ["-5", "-2.50"]


def test_day_is_a_day_and_nothing_is_empty() -> None:
    table = Table("t", ["a", "b"], [[date(2026, 11, 23), None]])
    assert read_csv(write_csv(table))[1] == ["2026-11-23", ""]
    cells = [cell.get("r") for cell in sheet(write_xlsx([table], at=AT)).iter(f"{SHEET}c")]
    assert cells == ["A1", "B1", "A2"]


def test_header_is_made_harmless_as_well() -> None:
    assert read_csv(write_csv(Table("t", ["=h"], []))) == [["'=h"]]


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('=+-@\t\r\n",;'), max_size=12)


@given(st.lists(st.tuples(texts, st.none() | st.integers()), max_size=5))
def test_csv_gives_back_what_went_in_and_no_cell_is_a_formula(rows: list[tuple[Value, Value]]) -> None:
    back = read_csv(write_csv(Table("t", ["text", "number"], rows)))[1:]
    assert len(back) == len(rows)
    for (text, number), (shown, figure) in zip(rows, back, strict=True):
        assert shown.removeprefix("'") == str(text).removeprefix("'")
        assert not shown.startswith(FORMULA_STARTS)
        assert figure == ("" if number is None else str(number))


def test_workbook_has_a_sheet_for_each_table_and_is_the_same_for_the_same_content() -> None:
    tables = Tables(Table("First", ["h"], [[1]]), (Table("A name that is much too long for a sheet", ["h"], []),), AT)
    content = XlsxRenderer().render(tables)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [entry.get("name") for entry in ET.fromstring(book.read("xl/workbook.xml")).iter(f"{SHEET}sheet")]
    assert names == ["First", "A name that is much too long fo"]
    assert XlsxRenderer().render(tables) == content


@pytest.mark.parametrize("renderer", [CsvRenderer(), XlsxRenderer(), SvgRenderer()])
def test_renderer_takes_nothing_else(renderer: CsvRenderer | XlsxRenderer | SvgRenderer) -> None:
    with pytest.raises(TypeError):
        renderer.render({"rows": []})


# --- pictures -----------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("fill", "ink"), STEPS)
def test_figure_can_be_read_on_its_colour(fill: str, ink: str) -> None:
    bright, dark = sorted((luminance(fill), luminance(ink)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


@given(st.integers(1, 500), st.integers(0, 500))
def test_shade_is_darker_for_more_and_lightest_for_none_only(largest: int, value: int) -> None:
    value = min(value, largest)
    assert (shade(value, largest) == STEPS[0]) == (value == 0)
    assert shade(largest, largest) == STEPS[-1]
    assert STEPS.index(shade(value, largest)) <= STEPS.index(shade(min(value + 1, largest), largest))


def test_picture_has_title_description_a_text_for_each_cell_and_sums() -> None:
    picture = HeatMap(
        title="Needs <unmet>",
        description="Two & more",
        language="en",
        rows=["Theme A", "A theme whose name is so long that it does not fit beside the picture"],
        columns=["Here", "There"],
        values=[[1, 0], [2, 3]],
        cell_text="%(row)s, %(column)s: %(value)s unmet",
        total="Total",
    )
    tree = ET.fromstring(heat_map(picture))
    assert (tree.get("role"), tree.get("lang"), tree.get("aria-labelledby")) == ("img", "en", "title desc")
    assert (tree.findtext(f"{SVG}title"), tree.findtext(f"{SVG}desc")) == ("Needs <unmet>", "Two & more")
    cells = [group.findtext(f"{SVG}title") for group in tree.iter(f"{SVG}g")]
    assert cells[0] == "Theme A, Here: 1 unmet"
    assert len(cells) == 4
    words = [entry.text or entry[0].tail for entry in tree.iter(f"{SVG}text")]
    assert words[-3:] == ["3", "3", "6"]
    assert "A theme whose name is so long that it doe…" in words
    titles = [entry.findtext(f"{SVG}title") for entry in tree.iter(f"{SVG}text")]
    assert picture.rows[1] in titles


def test_longest_row_name_has_room_at_the_left() -> None:
    name = "Gender-responsive migration governance and data"
    picture = HeatMap("T", "D", "en", [name * 2], ["Here"], [[1]], "%(row)s %(column)s %(value)s", "Total")
    tree = ET.fromstring(heat_map(picture))
    ends = [entry for entry in tree.iter(f"{SVG}text") if entry.get("text-anchor") == "end"]
    shown = [entry.text or entry[0].tail or "" for entry in ends]
    assert max(len(words) for words in shown) == LONGEST_NAME
    for entry, words in zip(ends, shown, strict=True):
        assert float(entry.get("x", "0")) - SIZE * LETTER * len(words) >= MARGIN
