"""Cursor pages: every row once, in order, both ways, whatever the ordering; a bad cursor is a 400."""

import base64
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from marketplace.accounts.models import ContextEvent
from marketplace.api.pagination import Keyset, read_cursor, write_cursor
from marketplace.kernel.errors import DomainError
from marketplace.kernel.errors import ErrorCode as C
from tests.factories.accounts import ContextEventFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup, organization

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def walk(keyset: Keyset, size: int) -> tuple[list[int], list[int]]:
    """Read all rows forwards by cursors, and then backwards from the last."""
    rows = ContextEvent.objects.all()
    forwards: list[int] = []
    last: Any = None
    page: list[Any] = list(rows.order_by(*keyset.order(backwards=False))[:size])
    while page:
        forwards += [row.pk for row in page]
        last = page[-1]
        _, values = read_cursor(keyset, write_cursor(keyset, keyset.values(last), backwards=False))
        page = list(rows.filter(keyset.beyond(values, backwards=False)).order_by(*keyset.order(backwards=False))[:size])
    backwards: list[int] = [last.pk] if forwards else []
    while forwards:
        before = keyset.beyond(keyset.values(last), backwards=True)
        page = list(rows.filter(before).order_by(*keyset.order(backwards=True))[:size])
        if not page:
            break
        backwards += [row.pk for row in page]
        last = page[-1]
    return forwards, backwards[::-1]


class KeysetWalk(TestCase):
    """Any ordering over columns with ties and nulls."""

    @given(
        days=st.lists(st.none() | st.integers(0, 3), max_size=8),
        names=st.lists(st.sampled_from(["start_on", "-start_on", "host_country", "-created_at", "end_on"]), max_size=3),
        size=st.integers(1, 4),
    )
    def test_every_row_is_seen_once_in_both_directions(
        self, days: list[int | None], names: list[str], size: int
    ) -> None:
        for number, day in enumerate(days):
            on = None if day is None else (NOON + timedelta(days=day)).date()
            ContextEventFactory.create(
                start_on=on,
                end_on=on,
                host_country=("MLI", "BEL")[number % 2],
                created_at=NOON + timedelta(days=number % 3),
            )
        for keyset in (Keyset(names), Keyset(names, ContextEvent)):  # with and without knowing which are never null
            self._check(keyset, size)

    def _check(self, keyset: Keyset, size: int) -> None:
        forwards, backwards = walk(keyset, size)
        whole = list(ContextEvent.objects.order_by(*keyset.order(backwards=False)).values_list("pk", flat=True))
        assert forwards == whole
        assert backwards == whole


def test_cursor_of_another_ordering_is_refused() -> None:
    cursor = write_cursor(Keyset(["code"]), ["A", 1], backwards=False)
    with pytest.raises(DomainError) as refusal:
        read_cursor(Keyset(["-code"]), cursor)
    assert refusal.value.code is C.INVALID_CURSOR


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "!!!",
        base64.urlsafe_b64encode(b"[]").decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",["A"]]').decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",["A",{"t":"x"}]]').decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",["A","not a number"]]').decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",["A",99999999999999999999]]').decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",["A\\u0000",1]]').decode(),
        base64.urlsafe_b64encode(b'[7,"code,pk",["A",1]]').decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",[["A"],1]]').decode(),
        base64.urlsafe_b64encode(b'[0,"code,pk",[{},1]]').decode(),
    ],
)
def test_made_up_cursors_are_refused(group: SmallGroup, at: datetime, cursor: str) -> None:
    check_problem(ApiClient.of(group.viewer, at).get(f"/organizations?cursor={cursor}"), C.INVALID_CURSOR)


@pytest.mark.django_db
def test_pages_follow_the_chosen_ordering_and_filters(group: SmallGroup, at: datetime) -> None:
    for number in range(7):
        organization(f"AAA{number}", at, "member", kind="university")
    api = ApiClient.of(group.viewer, at)
    page = api.get("/organizations?kind=university&ordering=-code&page_size=3&fields=code&with_count=true").body
    codes: list[str] = []
    assert page["count"] == 7
    while True:
        assert all(set(row) == {"code"} for row in page["results"])
        codes += [row["code"] for row in page["results"]]
        if page["next"] is None:
            break
        assert "kind=university" in page["next"]
        page = api.get(page["next"]).body
        assert "count" not in page
    assert len(codes) == 7
    assert all(left > right for left, right in pairwise(codes))
