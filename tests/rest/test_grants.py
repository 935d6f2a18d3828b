"""Grants and delegations over HTTP."""

from datetime import datetime

import pytest
import time_machine

from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup, member

pytestmark = pytest.mark.django_db


def test_grant_is_given_listed_and_taken_back(group: SmallGroup, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        focal, outsider = ApiClient.of(group.focal_point, at), ApiClient.of(group.outsider, at)
        body = {
            "person": str(group.outsider.public_id),
            "organization": "REQ",
            "permission": "requests.read",
            "reason": "Joint programme.",
            "expires_at": "2026-12-31T00:00:00Z",
        }
        made = focal.post("/grants", body)
        assert made.status_code == 201, made.body
        assert made.body["given_by"]["name"] == str(group.focal_point)
        assert focal.post("/grants", body).status_code == 200
        for reader in (focal, outsider, ApiClient.of(group.officer, at)):
            assert [row["id"] for row in reader.get("/grants").body["results"]] == [made.body["id"]]
        stranger = ApiClient.of(group.provider_staff, at)
        assert stranger.get("/grants").body["results"] == []
        check_problem(stranger.get(f"/grants/{made.body['id']}"), C.NOT_FOUND)
        check_problem(stranger.post(f"/grants/{made.body['id']}/end"), C.NOT_FOUND)
        ended = focal.post(f"/grants/{made.body['id']}/end", If_Match=focal.get(f"/grants/{made.body['id']}")["ETag"])
        assert ended.body["ended_at"] == "2026-11-23T09:00:00Z"


def test_grant_with_an_unknown_right_names_the_allowed_ones(group: SmallGroup, at: datetime) -> None:
    body = {"person": "x", "organization": "REQ", "permission": "audit.read", "reason": "-"}
    problem = check_problem(ApiClient.of(group.officer, at).post("/grants", body), C.INVALID_INPUT)
    assert "requests.read" in problem["errors"][0]["allowed"]


def test_delegation_is_named_seen_and_ended(group: SmallGroup, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        focal, viewer = ApiClient.of(group.focal_point, at), ApiClient.of(group.viewer, at)
        path = f"/memberships/{group.focal_point.memberships.get().public_id}"
        days = {"start": "2026-11-23", "end": "2026-11-30"}
        named = focal.post(f"{path}/delegate", {"delegate": str(group.viewer.public_id), **days})
        assert named.status_code == 200, named.body
        assert (named.body["delegate"]["name"], named.body["delegated_to"]) == (str(group.viewer), "2026-11-30")
        assert viewer.post("/requests", {"requesting_organization": "REQ", "title": {"en": "A"}}).status_code == 201
        assert viewer.post(f"{path}/end-delegation").body["delegate"] is None
        check_problem(
            viewer.post("/requests", {"requesting_organization": "REQ", "title": {"en": "A"}}), C.PERMISSION_DENIED
        )


def test_delegate_from_elsewhere_is_refused_without_telling_whether_they_exist(group: SmallGroup, at: datetime) -> None:
    with time_machine.travel(at, tick=False):
        path = f"/memberships/{group.focal_point.memberships.get().public_id}/delegate"
        days = {"start": "2026-11-23", "end": "2026-11-30"}
        stranger = member("stranger", "viewer", group.stranger, at)
        for who in (str(stranger.public_id), "nobody"):
            refused = ApiClient.of(group.focal_point, at).post(path, {"delegate": who, **days})
            assert places(check_problem(refused, C.UNKNOWN_REFERENCE)) == {"/delegate": "unknown_reference"}
