"""A sheet gives back the figures that were laid into it, whatever their width."""

import numpy as np
import pytest

from matching.engine.sheet import Sheet


@pytest.mark.parametrize(("largest", "width"), [(2**31 - 1, 4), (2**31, 8), (-(2**31) - 1, 8)])
def test_sheet_is_as_wide_as_its_figures_need(largest: int, width: int) -> None:
    figures, marks = np.array([7, largest, -1], dtype=np.int64), np.array([True, False, True])
    sheet = Sheet.of([figures, marks])
    assert sheet.table.itemsize == width
    assert sheet.take(np.array([1, 2, 1])).tolist() == [[largest, -1, largest], [0, 1, 0]]


def test_sheet_without_rows_has_columns_of_no_length() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert Sheet.of([nothing, nothing]).take(nothing).shape == (2, 0)
