from datetime import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup, organization

pytestmark = pytest.mark.django_db


def test_list_pages_both_ways_in_order(group: SmallGroup, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        api = ApiClient.of(group.viewer, at)
        first = api.get("/organizations?page_size=3&with_count=true")
        assert first.status_code == 200, first.content
        assert [row["code"] for row in first.body["results"]] == ["PRO", "REQ", "SEC"]
        assert first.body["count"] == 4
        assert first.body["previous"] is None
        second = api.get(first.body["next"])
        assert [row["code"] for row in second.body["results"]] == ["STR"]
        assert second.body["next"] is None
        assert 'rel="prev"' in second["Link"]
        back = api.get(second.body["previous"])
        assert [row["code"] for row in back.body["results"]] == ["PRO", "REQ", "SEC"]


NEW = {"code": "CIFAL", "names": {"en": "CIFAL Antwerp"}, "kind": "cifal_centre", "parent": "PRO", "country": "BEL"}


def test_creation_answers_with_location_and_tag(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    made = api.post("/organizations", NEW)
    assert made.status_code == 201, made.content
    assert made.body["parent"] == "PRO"
    assert made.body["aliases"] == []
    again = api.get(made["Location"])
    assert again.body == made.body
    assert again["ETag"] == made["ETag"]
    assert made["ETag"].startswith('"1.')


def test_change_needs_the_version_that_was_read(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    tag = api.get("/organizations/PRO")["ETag"]
    check_problem(api.patch("/organizations/PRO", {"aliases": ["Pro"]}), C.PRECONDITION_REQUIRED)
    changed = api.patch("/organizations/PRO", {"aliases": ["Pro"]}, If_Match=tag)
    assert changed.status_code == 200, changed.content
    assert changed.body["aliases"] == ["Pro"]
    assert changed.body["roles"], "what was not sent stays"
    stale = check_problem(api.patch("/organizations/PRO", {"aliases": []}, If_Match=tag), C.PRECONDITION_FAILED)
    assert "1" in stale["detail"]
    merge = api.call(
        "PATCH",
        "/organizations/PRO",
        {"country": None},
        headers={"If-Match": changed["ETag"]},
        content_type="application/merge-patch+json",
    )
    assert merge.status_code == 200, merge.content


def test_wrong_role_is_refused_after_the_lookup(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.focal_point, at)
    check_problem(api.patch("/organizations/PRO", {"aliases": []}, If_Match='"1"'), C.PERMISSION_DENIED)
    check_problem(api.patch("/organizations/NONE", {"aliases": []}, If_Match='"1"'), C.NOT_FOUND)
    check_problem(api.post("/organizations", NEW), C.PERMISSION_DENIED)
    narrow = ApiClient.of(group.officer, at, "requests:read")
    check_problem(narrow.post("/organizations", NEW), C.INSUFFICIENT_SCOPE)
    check_problem(narrow.get("/organizations/PRO"), C.INSUFFICIENT_SCOPE)


def test_wrong_fields_are_named_with_what_is_allowed(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    body = check_problem(api.post("/organizations", {**NEW, "kind": 7, "colour": 1, "roles": [{}]}), C.INVALID_INPUT)
    assert places(body)["/colour"] == "unknown_field"
    assert places(body)["/roles/0/role"] == "required"
    assert "aliases" in next(error["allowed"] for error in body["errors"] if error["pointer"] == "/colour")
    unknown = check_problem(api.post("/organizations", {**NEW, "kind": "nonsense"}), C.UNKNOWN_REFERENCE)
    assert places(unknown) == {"/kind": "unknown_reference"}
    assert "member_agency" in unknown["errors"][0]["allowed"]
    parent = check_problem(api.post("/organizations", {**NEW, "parent": "NONE"}), C.UNKNOWN_REFERENCE)
    assert places(parent) == {"/parent": "unknown_reference"}
    check_problem(api.post("/organizations", {**NEW, "code": "PRO"}), C.DUPLICATE)


@pytest.mark.parametrize(
    "path",
    ["/organizations", "/memberships", "/service-clients", "/programmes", "/context-events", "/organizations/PRO"],
)
def test_strangers_are_asked_to_sign_in(path: str) -> None:
    answer = ApiClient().get(path)
    check_problem(answer, C.NOT_AUTHENTICATED)
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_memberships_of_others_are_not_shown(group: SmallGroup, at: datetime) -> None:
    mine = ApiClient.of(group.focal_point, at).get("/memberships")
    assert {row["organization"]["code"] for row in mine.body["results"]} == {"REQ"}
    everyone = ApiClient.of(group.officer, at).get("/memberships")
    assert {row["organization"]["code"] for row in everyone.body["results"]} == {"REQ", "PRO", "STR", "SEC"}
    other = next(row for row in everyone.body["results"] if row["organization"]["code"] == "STR")
    check_problem(ApiClient.of(group.focal_point, at).get(f"/memberships/{other['id']}"), C.NOT_FOUND)


def test_service_clients_belong_to_the_secretariat(group: SmallGroup, at: datetime) -> None:
    officer = ApiClient.of(group.officer, at)
    made = officer.post(
        "/service-clients",
        {"client_id": "pro-system", "name": "Catalogue", "organization": "PRO", "scopes": ["catalogue:write"]},
    )
    assert made.status_code == 201, made.content
    ended = officer.patch("/service-clients/pro-system", {"active": False}, If_Match=made["ETag"])
    assert ended.body["active"] is False
    assert ended.body["scopes"] == ["catalogue:write"]
    check_problem(ApiClient.of(group.focal_point, at).get("/service-clients"), C.PERMISSION_DENIED)
    check_problem(ApiClient.of(group.focal_point, at).get("/service-clients/pro-system"), C.NOT_FOUND)


def test_lists_take_the_same_queries_for_one_and_for_many(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    api.get("/organizations")
    with CaptureQueriesContext(connection) as few:
        api.get("/organizations?page_size=1")
    for number in range(40):
        organization(f"MORE{number}", at, "member")
    with CaptureQueriesContext(connection) as many:
        answer = api.get("/organizations")
    assert len(answer.body["results"]) > 40
    assert len(many) == len(few)


def test_patch_merges_names_language_by_language(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    read = api.get("/organizations/PRO")
    merged = api.patch("/organizations/PRO", {"names": {"fr": "Un centre"}}, If_Match=read["ETag"])
    assert merged.status_code == 200, merged.content
    assert merged.body["names"] == {**read.body["names"], "fr": "Un centre"}
    without = api.patch("/organizations/PRO", {"names": {"fr": None}}, If_Match=merged["ETag"])
    assert without.status_code == 200, without.content
    assert "fr" not in without.body["names"]
    assert without.body["names"]
