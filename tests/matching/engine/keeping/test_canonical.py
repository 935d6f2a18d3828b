"""Canonical JSON is what the standard library would write with sorted keys and no white space."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.engine import canonical, plain
from tests.matching.engine import world

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.dates() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4) | st.frozensets(words),
    max_leaves=12,
)


@given(values)
def test_canonical_bytes_are_those_of_the_standard_library(value: object) -> None:
    expected = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    assert canonical(value) == expected


@given(st.frozensets(words))
def test_sets_stand_in_the_order_of_their_json_text(found: frozenset[str]) -> None:
    assert plain(found) == sorted(found, key=json.dumps)


def test_plain_days_amounts_and_records_become_json() -> None:
    assert plain((date(2027, 1, 4), Decimal("1.50"), {3: "x"})) == ["2027-01-04", "1.50", {"3": "x"}]
    assert plain(world.window()) == {
        "code": "C",
        "start": "2027-01-01",
        "end": "2027-12-31",
        "total": 40,
        "free": 20,
        "unit": "trainer_days",
    }


def test_plain_of_what_has_no_place_in_a_snapshot_is_refused() -> None:
    with pytest.raises(TypeError):
        plain(object())
