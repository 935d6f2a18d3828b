"""Tables put together from two are those that would be built of their rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matching.engine.bitsets import BitTable
from matching.engine.splicing import NOWHERE, Splice

rows = st.lists(st.frozensets(st.sampled_from("abcdefgh"), max_size=4), max_size=8)


@st.composite
def splices(draw: st.DrawFn, before: int, fresh: int) -> Splice:
    order = draw(st.permutations(range(before + fresh)))
    kept = draw(st.integers(0, before + fresh))
    return Splice(np.array(order[:kept], dtype=np.int64), before, fresh)


@given(rows, rows, st.data())
def test_sets_of_codes(before: list[frozenset[str]], fresh: list[frozenset[str]], data: st.DataObject) -> None:
    splice = data.draw(splices(len(before), len(fresh)))
    both = [*before, *fresh]
    wanted = BitTable.build([both[row] for row in splice.source.tolist()])
    found = BitTable.build(before).spliced(BitTable.build(fresh), splice)
    assert found.position == wanted.position
    assert found.words.tolist() == wanted.words.tolist()
    assert (found.start.tolist(), found.row_by_code.tolist()) == (wanted.start.tolist(), wanted.row_by_code.tolist())


def test_columns_runs_and_places() -> None:
    splice = Splice(np.array([2, 0, 3]), 2, 2)
    assert splice.column(np.array([10, 11]), np.array([20, 21])).tolist() == [20, 10, 21]
    assert splice.places().tolist() == [1, NOWHERE, 0, 2]
    two_and_one, none_and_two = np.array([0, 2, 3]), np.array([0, 0, 2])
    entries, start = splice.runs(two_and_one, none_and_two)
    assert entries.column(np.array([1, 2, 3]), np.array([4, 5])).tolist() == [1, 2, 4, 5]
    assert start.tolist() == [0, 0, 2, 4]
