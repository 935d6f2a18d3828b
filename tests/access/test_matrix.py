"""Every cell of the access matrix, called for real: role, route, relation to the thing, scope of the token."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import QuerySet, Value

from marketplace.accounts.roles import ROLES, SCOPES
from marketplace.rest.access import CALLERS, TABLE, Row, rows, without_scope
from requests_app.api.views import RequestViewSet
from requests_app.models import TrainingRequest
from tests.access.walk import Operation, Walker, operations

pytestmark = pytest.mark.django_db

# Nobody gets through here, each for a reason; whoever makes one reachable strikes it out.
NOT_REACHED = {
    "engagement_documents_content": "needs a file that was sent: tests/files/test_uploads.py",
    "request_documents_content": "needs a file that was sent: tests/files/test_uploads.py",
    "uploads_create": "needs the bytes of a file: tests/files/test_uploads.py",
    "health_ready": "no worker runs beside the tests",
    "imports_create": "needs a file that was sent: tests/bulk/test_imports.py",
    "match_runs_publish": "needs a plan that was computed: tests/matching/test_publication.py",
    "match_runs_why_not": "needs a plan that was computed: tests/matching/test_explanations_api.py",
    "own_sessions_destroy": "needs the session of a browser: tests/identity/test_sessions.py",
    "own_sessions_read": "needs the session of a browser: tests/identity/test_sessions.py",
    "proposals_go_on_without": "needs a lost part beside another one: tests/matching/test_replacing.py",
    "session_sign_in": "needs a password: tests/rest/test_account.py",
}
BY_OPERATION: dict[str, list[Row]] = {}
for row in rows():
    BY_OPERATION.setdefault(row.operation, []).append(row)


def differences(walker: Walker, caller: str, *, scoped: bool = True, only: str = "") -> list[str]:
    """Walk a column of the table, and say where it is answered otherwise than declared."""
    found = []
    for row in rows():
        one = operations()[row.operation]
        if only not in (row.operation, "") or (not scoped and row.about):
            continue
        wanted = row.answers[caller]
        if not scoped:
            wanted = without_scope(one.name, wanted, is_scoped=bool(one.scopes))
        got = walker.kind(one, caller, about=row.about, scoped=scoped)
        if got != wanted:
            token = "" if scoped else " without scope"
            about = f" about {row.about}" if row.about else ""
            found.append(f"{one.method.upper()} {one.path}{about} by {caller}{token}: {got}, declared {wanted}")
    return found


def line_for(walker: Walker, one: Operation) -> str:
    """Write the line of the table that tells what the code does now."""
    return ",".join([one.name, "", *(walker.kind(one, caller) for caller in CALLERS)])


def test_every_route_has_its_line(walker: Walker) -> None:
    missing = sorted(operations().keys() - BY_OPERATION.keys())
    lines = "\n".join(line_for(walker, operations()[name]) for name in missing)
    assert not missing, (
        f"These routes are not declared in {TABLE.name}. This is what they answer now; read each answer, then add the "
        f"lines to {TABLE} and run `make schema`:\n{lines}"
    )


def test_every_line_has_its_route() -> None:
    assert not sorted(BY_OPERATION.keys() - operations().keys())
    assert len({(row.operation, row.about) for row in rows()}) == len(rows())


@pytest.mark.parametrize("caller", CALLERS)
def test_each_cell_is_answered_as_declared(walker: Walker, caller: str) -> None:
    found = differences(walker, caller)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("caller", [name for name in CALLERS if name != "anonymous"])
def test_token_without_scope_is_answered_as_declared(walker: Walker, caller: str) -> None:
    found = differences(walker, caller, scoped=False)
    assert not found, "\n".join(found)


def test_each_route_lets_somebody_through() -> None:
    reached = {row.operation for row in rows() if "2xx" in row.answers.values()}
    assert BY_OPERATION.keys() - reached == NOT_REACHED.keys(), "a route where nobody passes proves nothing"


def test_table_gives_nobody_what_their_role_does_not() -> None:
    for row in rows():
        scopes = operations()[row.operation].scopes
        rights = frozenset().union(*(SCOPES[scope] for scope in scopes))
        for name, caller in CALLERS.items():
            held = ROLES.get(caller.role, frozenset())
            if scopes and not rights & held:
                assert row.answers[name] in ("401", "403", "404"), (row.operation, name)


# --- the walk itself is shown to catch holes ----------------------------------------------------------------------


def test_route_that_forgets_who_may_see_is_caught(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    def everything(self: Any) -> QuerySet[TrainingRequest]:
        return TrainingRequest.objects.annotate(reads_body=Value(True))

    monkeypatch.setattr(RequestViewSet, "visible", everything)
    assert differences(walker, "stranger", only="requests_read") == [
        "GET /api/v1/requests/{id} by stranger: 2xx, declared 404",
        "GET /api/v1/requests/{id} about draft by stranger: 2xx, declared 404",
    ]


def test_route_that_forgets_the_role_is_caught(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests_app.operations.locking.permissions.check", lambda *_, **__: None)
    monkeypatch.setattr("marketplace.api.views.check_role", lambda *_, **__: None)
    assert differences(walker, "viewer", only="requests_withdraw")


def test_route_that_forgets_the_scope_is_caught(walker: Walker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketplace.api.permissions.check_scope", lambda *_: None)
    monkeypatch.setattr("marketplace.api.permissions.in_scope", lambda *_: True)
    assert differences(walker, "officer", scoped=False, only="requests_list")


# --- the table for people to read -----------------------------------------------------------------------------------


def test_exported_table_is_fresh() -> None:
    call_command("access_matrix", "--check", verbosity=0)
