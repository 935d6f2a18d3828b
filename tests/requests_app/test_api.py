"""Requests over HTTP: the way of a need, refusals word for word, shapes, filters and what stays hidden."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import operations as accounts
from marketplace.accounts.models import ServiceClient, User
from marketplace.kernel.errors import ErrorCode
from requests_app import operations
from requests_app.models import TrainingRequest
from tests.factories.accounts import OrganizationFactory, ProgrammeFactory
from tests.factories.requests import SYSTEM, draft, line, listed, opened, submitted
from tests.kit.api import Answer, ApiClient, check_problem, places
from tests.kit.people import SmallGroup, member, small_group

pytestmark = pytest.mark.django_db

NEED: dict[str, Any] = {
    "title": {"en": "Mainstreaming migration", "fr": "Intégrer la migration"},
    "need_statement": {"en": "Three ministries need training."},
    "lines": [
        {
            "theme": "mainstreaming",
            "audience": "national_government",
            "country": "MLI",
            "language": "fr",
            "participants": {"min": 15, "max": 30},
        }
    ],
    "languages": {"must": ["fr"]},
    "forms": ["workshop"],
    "window": {"start": "2027-03-01", "end": "2027-06-30", "precision": "month"},
    "place": {"preference": "in_country", "country": "MLI"},
    "budget": {"ceiling": "45000.00", "currency": "USD", "funding_state": "sought"},
    "visibility": "group",
}


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


@pytest.fixture(autouse=True)
def now(at: datetime) -> Iterator[None]:
    with time_machine.travel(at, tick=False):
        yield


def speak(owner: User | ServiceClient, at: datetime, *scopes: str) -> ApiClient:
    return ApiClient.of(owner, at, *scopes)


def drafted(client: ApiClient, **changes: object) -> Any:
    answer = client.post("/requests", {**NEED, **changes})
    assert answer.status_code == 201, answer.body
    return answer.body


# --- the way ------------------------------------------------------------------------------------------------------


def test_need_goes_from_draft_to_open(group: SmallGroup, at: datetime) -> None:
    focal, officer = speak(group.focal_point, at), speak(group.officer, at)
    made = focal.post("/requests", NEED)
    assert made.status_code == 201, made.body
    assert made["Location"].endswith(f"/api/v1/requests/{made.body['id']}")
    assert made.body["requesting_organization"]["code"] == "REQ"
    assert made.body["allowed_actions"] == ["change", "submit", "withdraw"]
    sent = focal.post(f"/requests/{made.body['id']}/submit")
    assert sent.status_code == 200, sent.body
    assert sent.body["reference"] == "GMG-MLI-2026-0001"
    assert (sent.body["waiting_for"], sent.body["step"]) == ("secretariat", "request.screen")
    path = f"/requests/{sent.body['reference']}"
    asked = officer.post(f"{path}/return", {"question": "Which ministries?", "reason_code": "unclear_need"})
    assert asked.body["state"] == "returned"
    answered = focal.post(f"{path}/answer", {"answer": "Planning, Interior, Labour."})
    assert answered.body["state"] == "submitted"
    opened_ = officer.post(f"{path}/open")
    assert (opened_.body["state"], opened_.body["step"]) == ("open", "request.match")
    questions = focal.get(f"{path}/clarifications").body["results"]
    assert [(one["question"], one["answer"]) for one in questions] == [
        ("Which ministries?", "Planning, Interior, Labour.")
    ]
    story = [
        one["to_state"]
        for one in focal.get(f"{path}/timeline").body["results"]
        if one["resource"] == "training_request"
    ]
    assert story == ["draft", "submitted", "returned", "submitted", "open"]


def test_shape_of_a_request_is_the_documented_one(group: SmallGroup, at: datetime) -> None:
    body = drafted(speak(group.focal_point, at))
    shown = {name: body[name] for name in NEED if name not in ("lines", "languages", "place", "budget")}
    assert shown == {name: NEED[name] for name in shown}
    assert body["languages"] == {"must": ["fr"], "may": []}
    assert body["place"] == {"preference": "in_country", "country": "MLI", "city": ""}
    assert body["budget"] == {"ceiling": "45000.00", "currency": "USD", "funding_state": "sought", "funder": None}
    assert (body["themes"], body["places"]) == (["mainstreaming"], ["MLI"])
    assert body["participants"] == {"min": 15, "max": 30, "placed": 0, "free": 30}
    assert "lines" not in body
    expanded = speak(group.focal_point, at).get(f"/requests/{body['id']}?expand=lines,endorsements").body
    assert expanded["lines"][0]["theme_label"]
    assert expanded["endorsements"] == []
    narrow = speak(group.focal_point, at).get(f"/requests/{body['id']}?fields=reference,state").body
    assert narrow == {"reference": None, "state": "draft"}


def test_labels_speak_the_callers_language(group: SmallGroup, at: datetime) -> None:
    body = drafted(speak(group.focal_point, at))
    client = speak(group.focal_point, at)
    path = f"/requests/{body['id']}/lines"
    english = client.get(path, Accept_Language="en").body["results"][0]["audience_label"]
    french = client.get(path, Accept_Language="fr").body["results"][0]["audience_label"]
    assert (english, french) == ("National government officials", "Agents de l\u2019\u00c9tat")


# --- refusals -----------------------------------------------------------------------------------------------------


def test_nobody_without_a_token(group: SmallGroup) -> None:
    check_problem(ApiClient().get("/requests"), ErrorCode.NOT_AUTHENTICATED)
    check_problem(ApiClient().post("/requests", NEED), ErrorCode.NOT_AUTHENTICATED)


def test_stranger_gets_404_for_a_draft_as_for_what_never_was(group: SmallGroup, at: datetime) -> None:
    hidden = drafted(speak(group.focal_point, at))["id"]
    for who in (group.outsider, group.officer, group.head, group.provider_staff):
        client = speak(who, at)
        for path in (f"/requests/{hidden}", f"/requests/{hidden}/lines", f"/requests/{hidden}/timeline"):
            unseen = check_problem(client.get(path), ErrorCode.NOT_FOUND)
            absent = check_problem(
                client.get(path.replace(hidden, "0198c0de-0000-7000-8000-00000000dead")), ErrorCode.NOT_FOUND
            )
            assert {**unseen, "request_id": "", "instance": ""} == {**absent, "request_id": "", "instance": ""}
        check_problem(client.post(f"/requests/{hidden}/submit"), ErrorCode.NOT_FOUND)
        assert client.get("/requests?with_count=true").body["count"] == 0


def test_wrong_role_gets_403(group: SmallGroup, at: datetime) -> None:
    request = submitted(group.requester)
    for who, verb in ((group.focal_point, "open"), (group.viewer, "withdraw"), (group.officer, "withdraw")):
        answer = speak(who, at).post(f"/requests/{request.reference}/{verb}")
        check_problem(answer, ErrorCode.PERMISSION_DENIED)
    check_problem(speak(group.viewer, at).post("/requests", NEED), ErrorCode.PERMISSION_DENIED)


def test_token_without_the_scope_gets_403(group: SmallGroup, at: datetime) -> None:
    answer = speak(group.focal_point, at, "requests:read").post("/requests", NEED)
    assert check_problem(answer, ErrorCode.INSUFFICIENT_SCOPE)


def test_wrong_state_names_the_open_actions(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester)
    body = check_problem(speak(group.officer, at).post(f"/requests/{request.reference}/open"), ErrorCode.WRONG_STATE)
    assert "mark-unmet" not in body["detail"]  # a call for offers has to end first
    shown = speak(group.officer, at).get(f"/requests/{request.reference}").body
    assert body["allowed_actions"] == shown["allowed_actions"]
    own = check_problem(
        speak(group.focal_point, at).post(f"/requests/{request.reference}/submit"), ErrorCode.WRONG_STATE
    )
    assert "withdraw" in own["allowed_actions"]
    assert "withdraw" in own["detail"]
    assert "cancel" not in own["allowed_actions"]  # the secretariat's


def test_incomplete_submission_names_every_gap(group: SmallGroup, at: datetime) -> None:
    client = speak(group.focal_point, at)
    body = client.post("/requests", {"title": {"en": "Something"}}).body
    problem = check_problem(client.post(f"/requests/{body['id']}/submit"), ErrorCode.RULE_BROKEN)
    assert places(problem) == {"/need_statement": "missing", "/window": "missing", "/lines": "missing"}


def test_unknown_codes_are_422_with_the_allowed_ones(group: SmallGroup, at: datetime) -> None:
    wrong = {**NEED, "forms": ["lecture"], "lines": [{**NEED["lines"][0], "theme": "astrology"}]}
    problem = check_problem(speak(group.focal_point, at).post("/requests", wrong), ErrorCode.UNKNOWN_REFERENCE)
    assert places(problem) == {"/forms/0": "unknown_reference", "/lines/0/theme": "unknown_reference"}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"titel": {"en": "x"}}, "/titel"),
        ({"title": "x"}, "/title"),
        ({"lines": [{"participants": {"min": 0, "max": 3}}]}, "/lines/0/participants/min"),
        ({"window": {"start": "2027-06-30", "end": "2027-03-01"}}, "/window/end"),
        ({"window": {"start": "soon", "end": "2027-03-01"}}, "/window/start"),
        ({"budget": {"ceiling": "-1", "currency": "USD"}}, "/budget/ceiling"),
        ({"lines": [{"colour": "red"}]}, "/lines/0/colour"),
    ],
)
def test_broken_shapes_are_400_and_name_the_place(
    group: SmallGroup, at: datetime, wrong: dict[str, object], place: str
) -> None:
    problem = check_problem(speak(group.focal_point, at).post("/requests", wrong), ErrorCode.INVALID_INPUT)
    assert list(places(problem)) == [place]


# --- changes ------------------------------------------------------------------------------------------------------


def test_patch_needs_the_version_that_was_read(group: SmallGroup, at: datetime) -> None:
    client = speak(group.focal_point, at)
    path = f"/requests/{drafted(client)['id']}"
    tag = client.get(path)["ETag"]
    check_problem(client.patch(path, {"award": "completion"}), ErrorCode.PRECONDITION_REQUIRED)
    changed = client.patch(path, {"award": "completion"}, If_Match=tag)
    assert changed.body["award"] == "completion"
    check_problem(client.patch(path, {"award": "none"}, If_Match=tag), ErrorCode.PRECONDITION_FAILED)


def change(client: ApiClient, path: str, body: dict[str, object]) -> Answer:
    return client.patch(path, body, If_Match=client.get(path)["ETag"])


def test_patch_merges_objects_and_replaces_lists(group: SmallGroup, at: datetime) -> None:
    client = speak(group.focal_point, at)
    path = f"/requests/{drafted(client)['id']}"
    body = change(
        client,
        path,
        {
            "title": {"en": None, "fr": "Nouveau titre"},
            "budget": {"funding_state": "secured"},
            "window": {"end": "2027-07-31"},
            "languages": {"may": ["en"]},
            "place": {"country": None, "preference": "any"},
            "forms": ["course", "workshop"],
        },
    ).body
    assert body["title"] == {"fr": "Nouveau titre"}
    assert body["budget"] == {"ceiling": "45000.00", "currency": "USD", "funding_state": "secured", "funder": None}
    assert body["window"] == {"start": "2027-03-01", "end": "2027-07-31", "precision": "month"}
    assert body["languages"] == {"must": ["fr"], "may": ["en"]}
    assert body["place"] == {"preference": "any", "country": "", "city": ""}
    assert body["forms"] == ["course", "workshop"]
    assert body["participants"]["max"] == 30


def test_patch_refuses_what_it_cannot_merge(group: SmallGroup, at: datetime) -> None:
    client = speak(group.focal_point, at)
    path = f"/requests/{drafted(client)['id']}"
    order = check_problem(change(client, path, {"window": {"end": "2027-01-31"}}), ErrorCode.RULE_BROKEN)
    assert places(order) == {"/window/end": "order"}
    check_problem(change(client, path, {"requesting_organization": "STR"}), ErrorCode.INVALID_INPUT)


def test_patch_of_an_open_request_keeps_a_revision(group: SmallGroup, at: datetime) -> None:
    client, request = speak(group.focal_point, at), opened(group.requester)
    path = f"/requests/{request.reference}"
    lines = [{**NEED["lines"][0], "number": 1, "participants": {"min": 15, "max": 40}}]
    assert change(client, path, {"lines": lines}).body["content_version"] == 2
    former = client.get(f"{path}/revisions").body["results"]
    assert [one["content"]["lines"][0]["participants_max"] for one in former] == [30]


def test_known_external_id_changes_what_it_names(group: SmallGroup, at: datetime) -> None:
    client = speak(group.client, at)
    first = client.post("/requests", {**NEED, "external_id": "HR-1"})
    second = client.post("/requests", {**NEED, "external_id": "HR-1", "award": "completion"})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.body["id"] == second.body["id"]
    assert (second.body["award"], second.body["channel"]) == ("completion", "api")
    assert [one["id"] for one in client.get("/requests?external_id=HR-1").body["results"]] == [first.body["id"]]


def test_idempotency_key_drafts_once(group: SmallGroup, at: datetime) -> None:
    client = speak(group.focal_point, at)
    first = client.post("/requests", NEED, Idempotency_Key="draft-1")
    again = client.post("/requests", NEED, Idempotency_Key="draft-1")
    assert first.body["id"] == again.body["id"]
    assert TrainingRequest.objects.count() == 1


# --- lists --------------------------------------------------------------------------------------------------------


def found(client: ApiClient, query: str) -> list[str]:
    answer = client.get(f"/requests?{query}")
    assert answer.status_code == 200, answer.body
    return sorted(one["reference"] for one in answer.body["results"])


def test_filters_find_what_they_say(group: SmallGroup, at: datetime) -> None:
    client, programme = speak(group.officer, at), ProgrammeFactory.create()
    mali = submitted(group.requester, programme=programme.code)
    kenya = opened(
        group.stranger,
        at=at + timedelta(hours=1),
        lines=(line(country="KEN", theme="diaspora", audience="civil_society", language="en"),),
        forms=("course",),
        visibility="agency",
    )
    first, second = str(mali.reference), str(kenya.reference)
    cases = {
        "": [second, first],
        "state=submitted": [first],
        "state=submitted,open": [second, first],
        "requesting_organization=STR": [second],
        "country=MLI": [first],
        "region=014": [second],
        "region=202": [second, first],
        "theme=diaspora": [second],
        "audience=national_government": [first],
        "language=en": [second],
        "form=course": [second],
        f"programme={programme.code}": [first],
        "waiting_for=secretariat": [first],
        "step=request.match": [second],
        "visibility=agency": [second],
        "line_state=open": [second, first],
        "window_from=2027-06-30&window_to=2027-03-01": [second, first],
        "window_from=2027-07-01": [],
        "due_before=2026-11-25T00:00:00Z": [second],
        "updated_since=2026-11-23T09:30:00Z": [second],
        "q=kenya": [second],
        "q=planification": [second, first],
        "q=nothing of the kind": [],
        "ordering=reference": [second, first],
    }
    for query, expected in cases.items():
        assert found(client, query) == sorted(expected), query


def test_unknown_filters_and_orderings_are_refused(group: SmallGroup, at: datetime) -> None:
    client = speak(group.officer, at)
    check_problem(client.get("/requests?colour=red"), ErrorCode.UNKNOWN_PARAMETER)
    for query in ("ordering=title", "state=lost", "expand=everything", "fields=secret", "due_before=soon"):
        check_problem(client.get(f"/requests?{query}"), ErrorCode.INVALID_INPUT)


def test_list_takes_the_same_queries_for_one_and_for_many(group: SmallGroup, at: datetime) -> None:
    client = speak(group.officer, at)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get("/requests?expand=lines,endorsements").status_code == 200
        return len(captured)

    def another() -> None:
        request = submitted(group.stranger, lines=(line(), line(theme="diaspora")))
        operations.request_endorsement(actor=SYSTEM, at=at, request_id=request.pk, authority="PRO")

    another()
    queries()  # fills the caches
    one = queries()
    for _ in range(8):
        another()
    assert queries() == one


def test_public_summary_hides_the_body(group: SmallGroup, at: datetime) -> None:
    request = listed(group.requester)
    stranger = User.objects.create_user("nobody", password="a long password")
    client = speak(stranger, at)
    check_problem(client.get("/requests"), ErrorCode.PERMISSION_DENIED)
    accounts.save_membership(
        actor=SYSTEM, at=at, user=stranger, organization=OrganizationFactory.create(), role="viewer"
    )
    body = client.get(f"/requests/{request.reference}").body
    assert body["summary_only"] is True
    assert body["title"] == request.title
    assert body["themes"] == ["mainstreaming"]
    for name in ("need_statement", "budget", "co_requesters", "external_id", "excluded_organizations"):
        assert body[name] is None, name
    assert client.get(f"/requests/{request.reference}?expand=lines").body["lines"] is None
    for what in ("lines", "timeline", "documents", "similar", "shares", "revisions", "clarifications"):
        check_problem(client.get(f"/requests/{request.reference}/{what}"), ErrorCode.NOT_FOUND)


def test_exclusions_are_for_the_requesters_side_and_the_secretariat(group: SmallGroup, at: datetime) -> None:
    request = submitted(group.requester, excluded_organizations=("PRO",), kept_apart=(("SEC", "PRO"),))
    bodies = {
        who.username: speak(who, at).get(f"/requests/{request.reference}").body
        for who in (group.viewer, group.officer, group.provider_staff)
    }
    excluded = {name: body["excluded_organizations"] for name, body in bodies.items()}
    apart = {name: body["kept_apart"] for name, body in bodies.items()}
    assert excluded == {"viewer": ["PRO"], "officer": ["PRO"], "staff": None}
    assert apart == {"viewer": [["PRO", "SEC"]], "officer": [["PRO", "SEC"]], "staff": None}


def test_partners_to_be_kept_apart_and_a_lead_are_written_changed_and_kept_in_the_revision(
    group: SmallGroup, at: datetime
) -> None:
    focal = speak(group.focal_point, at)
    body = drafted(focal, kept_apart=[["SEC", "PRO"]], lead_required=True)
    assert (body["kept_apart"], body["lead_required"]) == ([["PRO", "SEC"]], True)
    sent = focal.post(f"/requests/{body['id']}/submit").body
    path = f"/requests/{sent['reference']}"
    same = focal.patch(path, {"kept_apart": [["PRO", "SEC"]]}, If_Match=focal.get(path)["ETag"])
    assert same.body["content_version"] == 1
    changed = focal.patch(path, {"kept_apart": [], "lead_required": False}, If_Match=same["ETag"])
    assert (changed.body["kept_apart"], changed.body["lead_required"]) == ([], False)
    assert changed.body["content_version"] == 2
    [before] = focal.get(f"{path}/revisions").body["results"]
    assert set(before["changed"]) == {"kept_apart", "lead_required"}
    assert before["content"]["kept_apart"] == [["PRO", "SEC"]]


@pytest.mark.parametrize(
    ("pairs", "refused"),
    [
        ([["PRO", "PRO"]], {"/kept_apart/0/1": "kept_apart_from_itself"}),
        ([["PRO", "SEC"], ["SEC", "PRO"]], {"/kept_apart/1": "pair_twice"}),
        ([["SEC", "PRO"], ["PRO", "NOBODY"]], {"/kept_apart/1/1": "unknown_reference"}),
        ([["PRO"]], {"/kept_apart/0": "min_length"}),
        ([["PRO", "SEC", "REQ"]], {"/kept_apart/0": "max_length"}),
        ("PRO", {"/kept_apart": "not_a_list"}),
    ],
)
def test_pair_that_is_none_is_refused_by_its_place(
    group: SmallGroup, at: datetime, pairs: object, refused: dict[str, str]
) -> None:
    answer = speak(group.focal_point, at).post("/requests", {**NEED, "kept_apart": pairs}, Accept_Language="fr")
    assert answer.status_code in (400, 422), answer.body
    assert places(answer.body) == refused
    assert TrainingRequest.objects.count() == 0


# --- what belongs to a request ------------------------------------------------------------------------------------


def test_endorsement_is_asked_for_and_recorded_with_its_letter(group: SmallGroup, at: datetime) -> None:
    focal, officer = speak(group.focal_point, at), speak(group.officer, at)
    path = f"/requests/{opened(group.requester).reference}"
    letter = officer.post(
        f"{path}/documents",
        {"kind": "endorsement_letter", "title": "Letter", "language": "fr", "external_reference": "MAE/114"},
    )
    assert letter.status_code == 201, letter.body
    asked = focal.post(f"{path}/endorsements", {"authority": "STR"})
    assert (asked.status_code, asked.body["waiting_for"]) == (201, "authority")
    assert officer.get(path).body["endorsement"] == "pending"
    one = f"{path}/endorsements/{asked.body['id']}"
    check_problem(focal.post(f"{one}/record", {"given": True, "decided_on": "2026-11-20"}), ErrorCode.PERMISSION_DENIED)
    recorded = officer.post(f"{one}/record", {"given": True, "decided_on": "2026-11-20", "letter": letter.body["id"]})
    assert (recorded.status_code, recorded.body["state"]) == (200, "given"), recorded.body
    assert officer.get(path).body["endorsement"] == "given"
    check_problem(
        officer.post(f"{one}/record", {"given": False, "decided_on": "2026-11-20", "letter_reference": "x"}),
        ErrorCode.WRONG_STATE,
    )


def test_letter_of_another_request_is_unknown(group: SmallGroup, at: datetime) -> None:
    officer = speak(group.officer, at)
    one, other = opened(group.requester), opened(group.requester)
    letter = officer.post(
        f"/requests/{other.reference}/documents",
        {"kind": "endorsement_letter", "title": "Letter", "language": "fr", "external_reference": "MAE/114"},
    ).body
    asked = officer.post(f"/requests/{one.reference}/endorsements", {"authority": "STR"}).body
    answer = officer.post(
        f"/requests/{one.reference}/endorsements/{asked['id']}/record",
        {"given": True, "decided_on": "2026-11-20", "letter": letter["id"]},
    )
    check_problem(answer, ErrorCode.UNKNOWN_REFERENCE)


def test_letter_of_the_secretariat_stays_for_the_requester(group: SmallGroup, at: datetime) -> None:
    focal, officer = speak(group.focal_point, at), speak(group.officer, at)
    request = opened(group.requester)
    path = f"/requests/{request.reference}/documents"
    letter = {"kind": "endorsement_letter", "title": "Letter", "language": "fr", "external_reference": "MAE/114"}
    one = f"{path}/{officer.post(path, letter).body['id']}"
    check_problem(focal.delete(one, If_Match='"1"'), ErrorCode.PERMISSION_DENIED)
    own = f"{path}/{focal.post(path, letter).body['id']}"
    assert officer.post(f"/requests/{request.reference}/cancel", {"reason_code": "other"}).status_code == 200
    for who, paper in ((focal, own), (officer, one)):  # what has ended keeps its record
        check_problem(who.delete(paper, If_Match='"1"'), ErrorCode.WRONG_STATE)


def test_document_is_taken_off_by_who_may_attach_one(group: SmallGroup, at: datetime) -> None:
    focal, path = speak(group.focal_point, at), f"/requests/{opened(group.requester).reference}/documents"
    paper = focal.post(
        path,
        {"kind": "other", "title": "Note", "language": "en", "external_reference": "A-1", "confidentiality": "parties"},
    ).body
    assert speak(group.outsider, at).get(path).body["results"] == []
    one = f"{path}/{paper['id']}"
    check_problem(speak(group.viewer, at).delete(one, If_Match='"1"'), ErrorCode.PERMISSION_DENIED)
    check_problem(focal.delete(one), ErrorCode.PRECONDITION_REQUIRED)
    gone = focal.delete(one, If_Match=focal.get(one)["ETag"])
    assert gone.status_code == 204
    assert focal.get(path).body["results"] == []


def test_question_of_an_asked_provider_is_answered(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester)
    path = f"/requests/{request.reference}"
    staff, focal = speak(group.provider_staff, at), speak(group.focal_point, at)
    check_problem(staff.post(f"{path}/clarifications", {"question": "Which level?"}), ErrorCode.PERMISSION_DENIED)
    shared = speak(group.officer, at).post(f"{path}/shares", {"organization": "PRO", "may": "comment"})
    assert shared.status_code == 201, shared.body
    assert [one["organization"]["code"] for one in focal.get(f"{path}/shares").body["results"]] == ["PRO"]
    asked = staff.post(f"{path}/clarifications", {"question": "Which level?"})
    assert asked.status_code == 201, asked.body
    one = f"{path}/clarifications/{asked.body['id']}"
    assert asked.body["allowed_actions"] == ["withdraw"]
    assert focal.get(one).body["allowed_actions"] == ["answer"]
    check_problem(speak(group.outsider, at).get(one), ErrorCode.NOT_FOUND)
    assert focal.post(f"{one}/answer", {"answer": "Intermediate."}).body["state"] == "answered"
    check_problem(focal.post(f"{one}/answer", {"answer": "Advanced."}), ErrorCode.ALREADY_ANSWERED)


def test_call_waiver_unmet_and_reopening(group: SmallGroup, at: datetime) -> None:
    focal, officer = speak(group.focal_point, at), speak(group.officer, at)
    path = f"/requests/{opened(group.requester).reference}"
    called = officer.post(f"{path}/call-for-offers", {"deadline_days": 5})
    assert called.body["waiting_for"] == "providers"
    reason = {"reason_code": "no_language", "conflicts": ["language"]}
    problem = check_problem(officer.post(f"{path}/mark-unmet", reason), ErrorCode.RULE_BROKEN)
    assert [error["code"] for error in problem["errors"]] == ["call_not_over"]
    focal.post(f"{path}/waive-call")
    unmet = officer.post(f"{path}/mark-unmet", reason)
    assert (unmet.body["state"], unmet.body["conflicts"]) == ("unmet", ["language"])
    assert officer.post(f"{path}/reopen").body["state"] == "open"


def test_near_duplicate_is_found_and_merged(group: SmallGroup, at: datetime) -> None:
    officer = speak(group.officer, at)
    one, other = submitted(group.requester), submitted(group.stranger)
    similar = officer.get(f"/requests/{one.reference}/similar").body["results"]
    assert [(row["reference"], row["score"]) for row in similar] == [(other.reference, 1000)]
    merged = officer.post(f"/requests/{one.reference}/merge", {"into": other.reference, "take_lines": True})
    assert (merged.body["state"], merged.body["merged_into"]) == ("merged", other.reference)
    target = officer.get(f"/requests/{other.reference}").body
    assert (target["participants"]["max"], target["co_requesters"]) == (60, ["REQ"])


def test_focal_point_of_two_agencies_says_for_which(group: SmallGroup, at: datetime) -> None:
    member("focal", "focal_point", group.stranger, at)
    client = speak(group.focal_point, at)
    problem = check_problem(client.post("/requests", NEED), ErrorCode.RULE_BROKEN)
    assert problem["errors"][0]["allowed"] == ["REQ", "STR"]
    assert drafted(client, requesting_organization="STR")["requesting_organization"]["code"] == "STR"


def test_draft_of_a_colleague_is_shared_within_the_organization(group: SmallGroup, at: datetime) -> None:
    request = draft(group.requester)
    assert speak(group.viewer, at).get(f"/requests/{request.public_id}").status_code == 200
    assert speak(group.viewer, at).get("/requests?with_count=true").body["count"] == 1
