"""What the cells of a workbook say, as one would type it.

The format has no place for some characters, and writes each of them as `_xHHHH_`; a text in which that stands by itself
gets `_x005F_` for the first `_` (ISO/IEC 29500-1, 22.4.2.4). openpyxl leaves that to its callers, except that it takes
`x005F_` out of shared strings, wherever it stands: after that nobody can tell `_x0041_` from `A`. So shared strings are
read here as they are in the file, and whatever is a text is read out once, in `text_of`.
"""

from datetime import date, datetime
from typing import IO

from openpyxl import Workbook
from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.utils.escape import unescape
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS
from openpyxl.xml.functions import iterparse

SHARED = f"{{{SHEET_MAIN_NS}}}si"
EXACT = 10**15  # from here on a number has more digits than the 15 that spreadsheets keep


class InexactNumber(str):
    """What stands in a cell for a number that is longer than a spreadsheet holds exactly: another one may have been typed."""

    __slots__ = ()


class _Reader(ExcelReader):  # type: ignore[misc]  # it has no types
    """`load_workbook`, except for the shared strings."""

    def read_strings(self) -> None:
        """Read the shared strings, word for word."""
        part = self.package.find(SHARED_STRINGS)
        if part is None:
            return
        with self.archive.open(part.PartName[1:]) as file:
            for _event, node in iterparse(file):
                if node.tag == SHARED:
                    self.shared_strings.append(Text.from_tree(node).content)
                    node.clear()


def open_workbook(file: IO[bytes]) -> Workbook:
    """Open a workbook to read its sheets row by row; of formulas it gives the value that was stored with them."""
    reader = _Reader(file, read_only=True, data_only=True)
    reader.read()
    return reader.wb


def text_of(value: object) -> str:
    """Write what a spreadsheet made of a cell as one would type it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return str(unescape(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return value.isoformat() if isinstance(value, date) else str(value)


def _number(value: float) -> str:
    if abs(value) >= EXACT:
        return InexactNumber(value)
    return str(int(value)) if float(value).is_integer() else str(value)
