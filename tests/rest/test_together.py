"""Two who change one thing at the same moment: the version that was read decides, and nobody's change is lost."""

import threading
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from marketplace.accounts import operations as accounts
from marketplace.identity import operations as identity
from tests.kit.api import ApiClient
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db(transaction=True)
APP = {
    "client_id": "planner",
    "name": "Planner",
    "organization": "REQ",
    "scopes": ["requests:read"],
    "redirect_uris": ["https://planner.example/callback"],
}
THINGS = [
    ("/service-clients/req-system", accounts, "save_service_client", {"active": False}, {"name": "Renamed"}),
    ("/oauth-applications/planner", identity, "change_app", {"active": False}, {"name": "Renamed"}),
    ("/organizations/PRO", accounts, "save_organization", {"historical": True}, {"crs_channel": "41000"}),
]
Change = dict[str, Any]


class Together:
    """Lets two calls write only when both have read, or when the other cannot come."""

    def __init__(self, room: ModuleType, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.both, self.operation = threading.Barrier(2), getattr(room, name)
        monkeypatch.setattr(room, name, self.write)

    def write(self, *given: Any, **named: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            self.both.wait(1)
        return self.operation(*given, **named)

    def patch(self, officers: list[ApiClient], path: str, tag: str, changes: list[Change]) -> list[int]:
        answers: list[int] = []

        def attempt(officer: ApiClient, change: Change) -> None:
            try:
                answers.append(officer.patch(path, change, If_Match=tag).status_code)
            finally:
                connection.close()

        pairs = zip(officers, changes, strict=True)
        threads = [threading.Thread(target=attempt, args=pair, daemon=True) for pair in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return sorted(answers)


def officers_of(group: SmallGroup) -> list[ApiClient]:
    now = timezone.now()
    officers = [ApiClient.of(group.officer, now), ApiClient.of(group.second_officer, now)]
    assert officers[0].post("/oauth-applications", APP).status_code == 201
    return officers


@pytest.mark.parametrize(("path", "room", "name", "one", "other"), THINGS, ids=["client", "app", "organization"])
def test_of_two_changes_of_one_version_the_second_is_told(
    path: str, room: ModuleType, name: str, one: Change, other: Change, group: SmallGroup, monkeypatch: Any
) -> None:
    officers = officers_of(group)
    before = officers[0].get(path)
    together = Together(room, name, monkeypatch)
    assert together.patch(officers, path, before["ETag"], [one, other]) == [200, 412]
    after = officers[0].get(path).body
    assert after["version"] == before.body["version"] + 1
    changed = {key: after[key] for key in (*one, *other) if after[key] != before.body[key]}
    assert changed in (one, other)


@pytest.mark.parametrize(("path", "room", "name", "one", "other"), THINGS, ids=["client", "app", "organization"])
def test_of_two_changes_of_whatever_version_none_is_lost(
    path: str, room: ModuleType, name: str, one: Change, other: Change, group: SmallGroup, monkeypatch: Any
) -> None:
    officers = officers_of(group)
    together = Together(room, name, monkeypatch)
    assert together.patch(officers, path, "*", [one, other]) == [200, 200]
    after = officers[0].get(path).body
    assert {key: after[key] for key in (*one, *other)} == {**one, **other}
