"""A person is given what is theirs: of records of work which ones, of others nothing, and to themselves alone."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import people
from marketplace.accounts.models import Membership, User
from marketplace.api.models import IdempotencyKey
from marketplace.kernel.errors import ErrorCode
from marketplace.privacy.export import export_for
from marketplace.work.context import Origin, originating
from requests_app import operations as requests
from requests_app.models import TrainingRequest
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, member
from tests.factories.requests import draft
from tests.kit.api import ApiClient, check_problem
from tests.kit.oauth import App, browser_of
from tests.kit.people import SYSTEM, SmallGroup

pytestmark = pytest.mark.django_db
HERS, THEIRS, WHY, ADDRESS = "203.0.113.5", "A word of a colleague", "Internal: was not reliable", "203.0.113.77"
HOUR = timedelta(hours=1)


@pytest.fixture
def leaver() -> User:
    """Somebody whose role an officer ended after she drafted a request, which a colleague has edited since."""
    agency = OrganizationFactory.create(roles=["member", "requester"])
    focal, colleague = member(agency), member(agency)
    assert focal.user is not None
    with originating(Origin(request_id="hers", client_address=HERS)):
        request = draft(agency, actor=focal)
        requests.edit_request(actor=focal, at=AT, request_id=request.pk, changes={"title": {"en": "A word of hers"}})
    TrainingRequest.objects.filter(pk=request.pk).update(drafted_by=focal.user)
    requests.edit_request(
        actor=colleague, at=AT + HOUR, request_id=request.pk, changes={"need_statement": {"en": THEIRS}}
    )
    with originating(Origin(request_id="theirs", client_address=ADDRESS)):
        people.end_membership(actor=SYSTEM, at=AT, membership_id=Membership.objects.get(user=focal.user).pk, reason=WHY)
    return focal.user


def told(person: User) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(export_for(person, at=AT), default=str))
    return found


def test_of_a_record_of_work_is_told_which_it_is_and_not_what_it_says(leaver: User) -> None:
    request = TrainingRequest.objects.get()
    [found] = told(leaver)["held"]["requests_app.TrainingRequest"]
    assert found["leads_by"] == ["drafted_by"]
    assert found["row"] == {
        "resource": "training_request",
        "public_id": str(request.public_id),
        "reference": request.reference,
        "created_at": str(request.created_at),
    }
    text = json.dumps(told(leaver))
    assert THEIRS not in text
    assert "A word of hers" not in text


def test_what_others_did_is_told_without_who_from_where_and_why(leaver: User) -> None:
    found = told(leaver)
    ended = next(act for act in found["acts_about"] if act["action"] == "ended")
    assert not {"client_address", "reason_text", "actor_label", "acting_for", "actor_id"} & ended.keys()
    assert ended["changes"]
    text = json.dumps(found)
    assert ADDRESS not in text
    assert WHY not in text
    assert {act["client_address"] for act in found["acts"]} == {HERS}
    assert all(act["actor_label"] == str(leaver) and "changes" not in act for act in found["acts"])


def test_what_is_theirs_is_told_whole(leaver: User) -> None:
    [membership] = told(leaver)["held"]["accounts.Membership"]
    assert membership["row"]["role"] == "focal_point"
    assert told(leaver)["held"]["accounts.User"][0]["row"]["email"] == leaver.email


def test_role_that_was_lent_is_the_lenders(leaver: User) -> None:
    lent = MembershipFactory.create(delegate=leaver, delegated_from=AT.date(), delegated_to=AT.date())
    rows = [one["row"] for one in told(leaver)["held"]["accounts.Membership"] if one["leads_by"] == ["delegate"]]
    assert [row["public_id"] for row in rows] == [str(lent.public_id)]
    assert "user_id" not in rows[0]


def test_kept_answers_are_copies_and_stay_out(leaver: User) -> None:
    key = {"route": "/api/v1/requests", "key": "k", "body_hash": "0" * 64, "status": 201, "created_at": AT}
    IdempotencyKey.objects.create(actor=f"user:{leaver.public_id}", body=THEIRS.encode(), headers={"x": THEIRS}, **key)
    [found] = told(leaver)["held"]["api.IdempotencyKey"]
    assert found["row"]["route"] == "/api/v1/requests"
    assert THEIRS not in json.dumps(found)


def test_command_gives_the_secretariat_all_of_it(leaver: User, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("export_person", leaver.username)
    text = capsys.readouterr().out
    assert all(words in text for words in (THEIRS, WHY, ADDRESS, HERS))


def test_number_of_queries_does_not_grow_with_the_acts() -> None:
    agency = OrganizationFactory.create(roles=["member", "requester"])
    focal = member(agency)
    assert focal.user is not None
    counts = []
    for number in (1, 12):
        for _ in range(number):
            draft(agency, actor=focal)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            export_for(focal.user, at=AT)
        counts.append(len(seen))
    assert counts[0] == counts[1]


# --- to whom ------------------------------------------------------------------------------------------------------------


def test_session_and_token_of_all_scopes_are_the_person(group: SmallGroup, at: Any) -> None:
    browser = Client()
    browser.force_login(group.focal_point)
    assert browser.get("/api/v1/me/export").status_code == 200
    assert ApiClient.of(group.focal_point, at).get("/me/export").status_code == 200


def test_token_of_few_scopes_is_not_the_person(group: SmallGroup, at: Any) -> None:
    api = ApiClient.of(group.focal_point, at, "catalogue:read")
    check_problem(api.get("/me/export"), ErrorCode.PERMISSION_DENIED)
    check_problem(api.patch("/me", {"name": "matching"}), ErrorCode.PERMISSION_DENIED)
    group.focal_point.refresh_from_db()
    assert group.focal_point.name != "matching"


def test_application_is_not_the_person(group: SmallGroup, at: Any) -> None:
    app = App(ApiClient.of(group.officer, at), "requests:read")
    api = ApiClient(app.swap(app.code(browser_of("focal"), "requests:read")).body["access_token"])
    check_problem(api.get("/me/export"), ErrorCode.PERMISSION_DENIED)
    check_problem(api.patch("/me", {"name": "matching"}), ErrorCode.PERMISSION_DENIED)
