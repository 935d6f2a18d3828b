"""Every cell of the access matrix, called for real: role, route, relation to the thing, scope of the token."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import QuerySet, Value

from marketplace.accounts.roles import ROLES, SCOPES
from marketplace.rest.access import CALLERS, TABLE, Row, rows, without_scope
from requests_app.api.views import RequestViewSet
from requests_app.models import TrainingRequest
from tests.access.walk import Operation, Walker, operations

pytestmark = pytest.mark.django_db

WHOLE = "stranger"  # the column that is walked without scope to the last cell
BY_OPERATION: dict[str, list[Row]] = {}
for row in rows():
    BY_OPERATION.setdefault(row.operation, []).append(row)


def differences(walker: Walker, caller: str, *, only: str = "") -> list[str]:
    """Walk a column of the table, and say where it is answered otherwise than declared."""
    found = []
    for row in rows():
        one, wanted = operations()[row.operation], row.answers[caller]
        if only in (row.operation, "") and (got := walker.kind(one, caller, about=row.about)) != wanted:
            found.append(_told(one, row, caller, got, wanted))
    return found


def without_scope_differences(walker: Walker, caller: str, *, only: str = "") -> list[str]:
    """Walk a column with a token that has no scope.

    Left out is what one with all scopes is refused as well: taking scopes away opens nothing. One column is walked whole,
    to see that the scope is asked before anything is looked up. Where that is so, nothing is written and no state of things
    matters, so that the calls need none of their own; what is answered for another reason is seen all the same.
    """
    found = []
    with transaction.atomic():
        for row in rows():
            one, full = operations()[row.operation], row.answers[caller]
            if row.about or only not in (row.operation, "") or (caller != WHOLE and full in ("403", "404")):
                continue
            wanted = without_scope(one.name, full, is_scoped=bool(one.scopes))
            call = walker.unset if one.scopes else walker.kind
            if (got := call(one, caller, scoped=False)) != wanted:
                found.append(_told(one, row, f"{caller} without scope", got, wanted))
        transaction.set_rollback(True)
    return found


def _told(one: Operation, row: Row, who: str, got: str, wanted: str) -> str:
    about = f" about {row.about}" if row.about else ""
    return f"{one.method.upper()} {one.path}{about} by {who}: {got}, declared {wanted}"


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
    found = without_scope_differences(walker, caller)
    assert not found, "\n".join(found)


def test_each_route_lets_somebody_through() -> None:
    reached = {row.operation for row in rows() if "2xx" in row.answers.values()}
    assert not sorted(BY_OPERATION.keys() - reached), "a route where nobody passes proves nothing"


def test_table_gives_nobody_what_their_role_does_not() -> None:
    for row in rows():
        scopes = operations()[row.operation].scopes
        rights = frozenset().union(*(SCOPES[scope] for scope in scopes))
        for name, caller in CALLERS.items():
            held = ROLES.get(caller.role, frozenset()) | caller.granted
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
    assert without_scope_differences(walker, "officer", only="requests_list")


# --- the table for people to read -----------------------------------------------------------------------------------


def test_exported_table_is_fresh() -> None:
    call_command("access_matrix", "--check", verbosity=0)
