"""Giving and ending roles over HTTP."""

from datetime import datetime
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress

from marketplace.accounts.models import Membership, User
from marketplace.accounts.roles import ROLES_OF_PEOPLE
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
from tests.factories.accounts import ProgrammeFactory, UserFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
NEW = {"login": "awa.diallo", "email": "awa.diallo@agency.example", "name": "Awa Diallo"}
DRAFT = {"requesting_organization": "REQ", "title": {"en": "A"}, "language": "en"}


@pytest.fixture(autouse=True)
def _that_day(at: datetime) -> Any:
    with time_machine.travel(at, tick=False):
        yield


def body(**members: Any) -> dict[str, Any]:
    return {**NEW, "organization": "REQ", "role": "focal_point", **members}


def of(person: User, **members: Any) -> dict[str, Any]:
    return {"person": str(person.public_id), "organization": "REQ", "role": "focal_point", **members}


def test_new_person_gets_a_role_works_and_leaves(group: SmallGroup, at: datetime) -> None:
    officer, programme = ApiClient.of(group.officer, at), ProgrammeFactory.create().code
    terms = {"valid_from": "2026-11-23", "valid_to": "2027-06-30", "countries": ["MLI"], "programmes": [programme]}
    made = officer.post("/memberships", body(**terms))
    assert made.status_code == 201, made.body
    assert made["Location"].endswith(f"/api/v1/memberships/{made.body['id']}")
    assert {name: made.body[name] for name in terms} == terms
    assert (made.body["person"]["name"], made.body["organization"]["code"]) == ("Awa Diallo", "REQ")
    user = User.objects.get(username="awa.diallo")
    assert (made.body["person"]["id"], user.email) == (str(user.public_id), NEW["email"])
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user, verified=True).email == NEW["email"]
    again = officer.post("/memberships", body())
    assert (again.status_code, again.body["id"], again.body["valid_to"]) == (200, made.body["id"], None)
    awa = ApiClient.of(user, at)
    draft = awa.post("/requests", DRAFT)
    assert draft.status_code == 201, draft.body
    path = f"/memberships/{made.body['id']}"
    ended = officer.post(f"{path}/end", {"reason": "Has moved."}, If_Match=officer.get(path)["ETag"])
    assert (ended.status_code, ended.body["valid_to"]) == (200, "2026-11-22")
    check_problem(awa.post("/requests", DRAFT), C.PERMISSION_DENIED)
    check_problem(awa.get(f"/requests/{draft.body['id']}"), C.NOT_FOUND)
    check_problem(awa.get(path), C.NOT_FOUND)
    once_more = officer.post(f"{path}/end", {"reason": "Has moved."})
    assert (once_more.status_code, once_more.body["version"]) == (200, ended.body["version"])
    told = OutboxEvent.objects.filter(resource="membership", resource_id=made.body["id"]).order_by("id")
    assert [event.type for event in told] == ["membership.created", "membership.changed", "membership.ended"]
    trail = AuditRecord.objects.filter(resource_id=made.body["id"]).order_by("id")
    assert [(record.action, record.actor_label, record.reason_text) for record in trail] == [
        ("created", str(group.officer), ""),
        ("changed", str(group.officer), ""),
        ("ended", str(group.officer), "Has moved."),
    ]


def test_known_person_gets_a_further_role_by_id_or_by_login_and_address(group: SmallGroup, at: datetime) -> None:
    officer = ApiClient.of(group.officer, at)
    known = UserFactory.create(username="known", email="known@agency.example")
    made = officer.post("/memberships", of(known, role="viewer"))
    assert made.status_code == 201, made.body
    named = {"login": "known", "email": "Known@agency.example"}
    made = officer.post("/memberships", {**named, "organization": "PRO", "role": "provider_staff"})
    assert made.status_code == 201, made.body
    assert set(known.memberships.values_list("organization__code", "role")) == {
        ("REQ", "viewer"),
        ("PRO", "provider_staff"),
    }


def test_call_that_is_repeated_under_its_key_is_answered_alike(group: SmallGroup, at: datetime) -> None:
    officer = ApiClient.of(group.officer, at)
    first, second = (officer.post("/memberships", body(), Idempotency_Key="one-and-the-same") for _ in range(2))
    assert (first.status_code, second.status_code, first.body) == (201, 201, second.body)
    assert Membership.objects.filter(user__username="awa.diallo").count() == 1


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"login": None}, {"/login": "null"}),
        ({"login": "with space"}, {"/login": "invalid"}),
        ({"email": "nobody"}, {"/email": "invalid"}),
        ({"role": "service_client"}, {"/role": "invalid_choice"}),
        ({"valid_to": "tomorrow"}, {"/valid_to": "invalid"}),
    ],
)
def test_body_that_breaks_the_shape_names_the_place(
    members: dict[str, Any], wrong: dict[str, str], group: SmallGroup, at: datetime
) -> None:
    problem = check_problem(ApiClient.of(group.head, at).post("/memberships", body(**members)), C.INVALID_INPUT)
    assert places(problem) == wrong
    if "/role" in wrong:
        assert set(problem["errors"][0]["allowed"]) == set(ROLES_OF_PEOPLE)


@pytest.mark.parametrize(
    ("left", "wrong"),
    [((), {"/person"}), (("login",), {"/email"}), (("email",), {"/login"}), (("name",), {"/login", "/email"})],
)
def test_person_who_is_not_named_is_asked_for(
    left: tuple[str, ...], wrong: set[str], group: SmallGroup, at: datetime
) -> None:
    sent = {name: value for name, value in body().items() if name not in NEW or name in left}
    head = ApiClient.of(group.head, at)
    assert places(check_problem(head.post("/memberships", sent), C.RULE_BROKEN)) == dict.fromkeys(wrong, "who")
    both = {**sent, "person": str(group.viewer.public_id)}
    if left:
        told = check_problem(head.post("/memberships", both), C.RULE_BROKEN)
        assert places(told) == {f"/{name}": "either_or" for name in left}


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"organization": "NONE"}, "/organization"),
        ({"countries": ["MLI", "XXX"]}, "/countries/1"),
        ({"programmes": ["NONE"]}, "/programmes/0"),
    ],
)
def test_reference_that_is_not_known_names_the_place_and_nobody_is_invited(
    members: dict[str, Any], place: str, group: SmallGroup, at: datetime
) -> None:
    refused = ApiClient.of(group.officer, at).post("/memberships", body(**members))
    assert places(check_problem(refused, C.UNKNOWN_REFERENCE)) == {place: "unknown_reference"}
    assert not User.objects.filter(username="awa.diallo").exists()


def test_person_who_is_not_known_or_has_left_is_refused(group: SmallGroup, at: datetime) -> None:
    officer, gone = ApiClient.of(group.officer, at), UserFactory.create(is_active=False)
    for who in (str(gone.public_id), "nobody"):
        refused = officer.post("/memberships", {**of(gone), "person": who})
        assert places(check_problem(refused, C.UNKNOWN_REFERENCE)) == {"/person": "unknown_reference"}


def test_rules_name_the_place_and_nothing_is_kept(group: SmallGroup, at: datetime) -> None:
    head = ApiClient.of(group.head, at)
    User.objects.filter(pk=group.viewer.pk).update(email="viewer@agency.example")
    for members, wrong in (
        ({"role": "secretariat_officer"}, {"/role": "not_the_secretariat"}),
        ({"valid_to": "2026-11-22"}, {"/valid_to": "over"}),
        ({"valid_from": "2027-02-01", "valid_to": "2027-01-31"}, {"/valid_to": "order"}),
        ({"login": "viewer"}, {"/login": "taken"}),
        ({"email": "Viewer@Agency.example"}, {"/email": "taken"}),
    ):
        refused = head.post("/memberships", body(**members))
        assert places(check_problem(refused, C.RULE_BROKEN)) == wrong
    assert places(check_problem(head.post("/memberships", of(group.head)), C.RULE_BROKEN)) == {"/person": "oneself"}
    assert not User.objects.filter(username="awa.diallo").exists()
    assert not EmailAddress.objects.exists()


def test_refusals_are_told_in_french(group: SmallGroup, at: datetime) -> None:
    head = ApiClient.of(group.head, at)
    for sent in (body(role="secretariat_head"), of(group.head), body(person="x"), body(login="viewer")):
        english, french = (head.post("/memberships", sent, Accept_Language=language) for language in ("en", "fr"))
        for one, other in zip(english.body["errors"], french.body["errors"], strict=True):
            assert one["detail"] != other["detail"]


@pytest.mark.parametrize("role", ["secretariat_officer", "secretariat_head", "auditor"])
def test_offices_are_filled_and_emptied_by_the_head(role: str, group: SmallGroup, at: datetime) -> None:
    officer, head = ApiClient.of(group.officer, at), ApiClient.of(group.head, at)
    sent = body(organization="SEC", role=role)
    check_problem(officer.post("/memberships", sent), C.PERMISSION_DENIED)
    assert not User.objects.filter(username="awa.diallo").exists()
    made = head.post("/memberships", sent)
    assert made.status_code == 201, made.body
    path = f"/memberships/{made.body['id']}/end"
    check_problem(officer.post(path, {"reason": "-"}), C.PERMISSION_DENIED)
    assert head.post(path, {"reason": "-"}).body["valid_to"] == "2026-11-22"


def test_nobody_ends_a_role_of_their_own_or_without_a_reason(group: SmallGroup, at: datetime) -> None:
    head = ApiClient.of(group.head, at)
    own = f"/memberships/{group.head.memberships.get().public_id}/end"
    problem = check_problem(head.post(own, {"reason": "Leaves."}), C.RULE_BROKEN)
    assert [error["code"] for error in problem["errors"]] == ["oneself"]
    other = f"/memberships/{group.viewer.memberships.get().public_id}/end"
    assert places(check_problem(head.post(other), C.INVALID_INPUT)) == {"/reason": "required"}
    read = head.get(f"/memberships/{group.viewer.memberships.get().public_id}")["ETag"]
    head.post("/memberships", of(group.viewer, role="viewer"))
    check_problem(head.post(other, {"reason": "-"}, If_Match=read), C.PRECONDITION_FAILED)


def test_token_needs_the_scope(group: SmallGroup, at: datetime) -> None:
    narrow = ApiClient.of(group.head, at, "organizations:read")
    check_problem(narrow.post("/memberships", body()), C.INSUFFICIENT_SCOPE)
    check_problem(
        narrow.post(f"/memberships/{group.viewer.memberships.get().public_id}/end", {"reason": "-"}),
        C.INSUFFICIENT_SCOPE,
    )
