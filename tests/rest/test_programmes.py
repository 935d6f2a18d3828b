"""Programmes and context events in the API."""

from datetime import datetime, timedelta

import pytest

from marketplace.kernel.errors import ErrorCode as C
from tests.factories.accounts import ContextEventFactory, ProgrammeFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "factory"), [("/programmes", ProgrammeFactory), ("/context-events", ContextEventFactory)]
)
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["LATE", "OLD"]),
        ("?updated_since=2026-11-23T08:59:59Z", ["LATE", "OLD"]),
        ("?updated_since=2026-11-23T09:00:01Z", ["LATE"]),
        ("?updated_since=2026-11-24T10:00:00%2B01:00", ["LATE"]),
        ("?updated_since=2026-11-24T09:00:01Z", []),
    ],
)
def test_list_gives_what_changed_at_or_after_a_moment(
    group: SmallGroup,
    at: datetime,
    path: str,
    factory: type[ProgrammeFactory | ContextEventFactory],
    query: str,
    found: list[str],
) -> None:
    factory.create(code="OLD", updated_at=at)
    factory.create(code="LATE", updated_at=at + timedelta(days=1))
    answer = ApiClient.of(group.viewer, at).get(path + query)
    assert answer.status_code == 200, answer.content
    assert [row["code"] for row in answer.body["results"]] == found


@pytest.mark.parametrize("path", ["/programmes", "/context-events"])
def test_moment_that_is_none_is_refused(group: SmallGroup, at: datetime, path: str) -> None:
    problem = check_problem(ApiClient.of(group.viewer, at).get(f"{path}?updated_since=yesterday"), C.INVALID_INPUT)
    assert places(problem) == {"updated_since": "invalid"}
