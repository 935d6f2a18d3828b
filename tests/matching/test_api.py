"""Runs, proposals, parts, offers and policies over HTTP: each verb, each refusal in full form, in two languages."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import ErrorCode
from matching.models import MatchProposal, ProposalPart
from requests_app import operations as requests
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, client_of, member
from tests.factories.matching import accepted, approved, consulted, market, offering_for, ranked, refused
from tests.factories.matching import work as settle
from tests.kit.api import ApiClient, check_problem, places

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def speak(actor: Actor, *scopes: str) -> ApiClient:
    owner = actor.user or actor.client
    assert owner is not None
    return ApiClient.of(owner, AT, *scopes)


def url(proposal: MatchProposal, verb: str = "") -> str:
    return f"/proposals/{proposal.public_id}" + (f"/{verb}" if verb else "")


def part_url(part: ProposalPart, verb: str = "") -> str:
    return f"/proposals/{part.proposal.public_id}/parts/{part.public_id}" + (f"/{verb}" if verb else "")


def etag(client: ApiClient, path: str) -> str:
    tag: str = client.get(path)["ETag"]
    return tag


# --- runs ---------------------------------------------------------------------------------------------------------


def test_run_is_asked_for_polled_and_leads_to_proposals() -> None:
    scene = market()
    officer = speak(scene.officer)
    asked = officer.post("/match-runs", {"request": scene.request.reference})
    assert asked.status_code == 202, asked.content
    assert asked["Retry-After"] == "1"
    assert (asked.body["state"], asked.body["mode"]) == ("queued", "request")
    assert asked.body["allowed_actions"] == ["cancel"]
    assert asked.body["waiting_for"] == "system"
    settle()
    run = officer.get(asked["Location"])
    assert run.status_code == 200
    assert run.body["state"] == "complete", run.body["error"]
    assert run.body["progress"]["done"] == run.body["progress"]["total"] > 0
    assert len(run.body["snapshot_digest"]) == 64
    found = officer.get(f"/requests/{scene.request.reference}/proposals")
    assert [row["rank"] for row in found.body["results"]] == [1, 2]
    assert {row["run"] for row in found.body["results"]} == {run.body["id"]}


def test_preview_keeps_its_whole_answer_in_the_run() -> None:
    scene = market()
    officer = speak(scene.officer)
    asked = officer.post("/match-runs", {"request": str(scene.request.public_id), "mode": "preview"})
    settle()
    assert "result" not in officer.get(asked["Location"]).body
    run = officer.get(asked["Location"] + "?expand=result")
    assert len(run.body["result"]["proposals"]) == 2
    sentence = run.body["result"]["proposals"][0]["sentences"][0]
    assert set(sentence["text"]) == {"en", "fr"}


def test_answer_without_any_offer_says_why_in_two_languages() -> None:
    scene = ranked(forms=("study_visit",))
    officer = speak(scene.officer)
    [run] = officer.get(f"/match-runs?request={scene.request.reference}&expand=result").body["results"]
    assert run["state"] == "no_solution"
    [line] = run["result"]["lines"]
    [first, *_] = line["conflict"]["relaxations"]
    assert first["codes"] == ["form_mismatch"]
    assert first["sentences"][0]["text"]["en"] != first["sentences"][0]["text"]["fr"]
    assert line["near_misses"][0]["changes"][0]["code"] == "accept_form"


def test_run_is_cancelled_and_asked_for_again() -> None:
    scene = market()
    officer = speak(scene.officer)
    run = officer.post("/match-runs", {"request": scene.request.reference}).body
    cancelled = officer.post(f"/match-runs/{run['id']}/cancel")
    assert (cancelled.status_code, cancelled.body["state"]) == (200, "cancelled")
    assert cancelled.body["allowed_actions"] == ["retry"]
    problem = check_problem(officer.post(f"/match-runs/{run['id']}/cancel"), ErrorCode.WRONG_STATE)
    assert problem["allowed_actions"] == ["retry"]
    again = officer.post(f"/match-runs/{run['id']}/retry")
    assert (again.status_code, again.body["state"]) == (200, "queued")


def test_run_for_an_unknown_request_names_the_place() -> None:
    scene = market()
    answer = speak(scene.officer).post("/match-runs", {"request": "GMG-MLI-2026-9999"})
    assert places(check_problem(answer, ErrorCode.UNKNOWN_REFERENCE)) == {"/request": "unknown_reference"}


def test_requester_may_read_runs_and_not_ask_for_them() -> None:
    scene = ranked()
    focal = speak(scene.focal)
    assert len(focal.get("/match-runs").body["results"]) == 1
    check_problem(focal.post("/match-runs", {"request": scene.request.reference}), ErrorCode.PERMISSION_DENIED)
    stranger = speak(member(OrganizationFactory.create()))
    run = focal.get("/match-runs").body["results"][0]["id"]
    check_problem(stranger.get(f"/match-runs/{run}"), ErrorCode.NOT_FOUND)
    check_problem(stranger.post(f"/match-runs/{run}/cancel"), ErrorCode.NOT_FOUND)


# --- reasons ------------------------------------------------------------------------------------------------------


def test_contributions_add_up_and_every_one_has_its_sentence_in_both_languages() -> None:
    scene = ranked(themes=TWO)
    for row in speak(scene.focal).get(f"/requests/{scene.request.reference}/proposals").body["results"]:
        assert sum(share["contribution"] for share in row["breakdown"]) == row["score"] > 0
        assert row["score_100"] == round(row["score"] / 10_000)
        for line in row["reasons"]["lines"]:
            assert sum(entry["contribution"] for entry in line["breakdown"]) == line["score"]
            for entry in line["breakdown"]:
                assert entry["contribution"] == entry["weight"] * entry["value"]
                assert set(entry["sentence"]["text"]) == {"en", "fr"}
                assert all(entry["sentence"]["text"].values())


def test_proposals_are_put_side_by_side_in_the_order_asked() -> None:
    scene = ranked()
    focal = speak(scene.focal)
    first, second = scene.proposals()
    answer = focal.get(f"/proposals/compare?ids={second.public_id},{first.public_id}")
    assert [row["id"] for row in answer.body["proposals"]] == [str(second.public_id), str(first.public_id)]
    for row in answer.body["proposals"]:
        assert len(row["contributions"]) == len(answer.body["criteria"])
        assert sum(row["contributions"]) == row["score"]
    check_problem(focal.get(f"/proposals/compare?ids={first.public_id}"), ErrorCode.UNKNOWN_REFERENCE)


def test_partner_cannot_compare_what_it_may_not_see() -> None:
    scene = ranked()
    first, second = scene.proposals()
    partner = scene.provider(scene.parts(approved(scene, first))[0].offering)
    answer = speak(partner).get(f"/proposals/compare?ids={first.public_id},{second.public_id}")
    check_problem(answer, ErrorCode.UNKNOWN_REFERENCE)


# --- decisions ----------------------------------------------------------------------------------------------------


def test_whole_way_of_decisions_over_http() -> None:
    scene = ranked()
    officer, focal = speak(scene.officer), speak(scene.focal)
    path = url(scene.best())
    shown = officer.get(path).body
    assert shown["allowed_actions"] == ["decline", "shortlist"]
    assert officer.post(f"{path}/shortlist").body["state"] == "shortlisted"
    assert officer.post(f"{path}/consult").body["waiting_for"] == "requester"
    assert focal.get(path).body["allowed_actions"] == ["object", "prefer"]
    objected = focal.post(f"{path}/object", {"reason_code": "timing", "reason_text": "Closed"})
    assert objected.body["consultation"] == "objected"
    head = speak(scene.head)
    check_problem(officer.post(f"{path}/approve", {}, If_Match=etag(officer, path)), ErrorCode.RULE_BROKEN)
    overruled = head.post(f"{path}/overrule", {"reason_text": "Moved"}, If_Match=etag(head, path))
    assert overruled.body["consultation"] == "overruled", overruled.content
    done = officer.post(f"{path}/approve", {"reason_text": "Best"}, If_Match=etag(officer, path))
    assert (done.status_code, done.body["state"], done.body["waiting_for"]) == (200, "approved", "provider")
    assert done.body["due_at"] is not None
    assert done.body["allowed_actions"] == ["retract"]
    verbs = officer.get(f"{path}?expand=decisions").body["decisions"]
    assert [row["verb"] for row in verbs] == ["shortlist", "consult", "object", "overrule", "approve"]
    back = officer.post(f"{path}/retract", {}, If_Match=etag(officer, path))
    assert back.body["state"] == "shortlisted"
    declined = officer.post(f"{path}/decline", {"reason_code": "cost"}, If_Match=etag(officer, path))
    assert (declined.body["state"], declined.body["allowed_actions"]) == ("declined", [])


@pytest.mark.parametrize("verb", ["approve", "decline", "overrule", "retract", "go-on-without"])
def test_decision_needs_the_version_it_was_made_on(verb: str) -> None:
    scene = ranked()
    proposal = consulted(scene)
    body = {"decline": {"reason_code": "cost"}, "overrule": {"reason_text": "x"}}.get(verb, {})
    head = speak(scene.head)
    check_problem(head.post(url(proposal, verb), body), ErrorCode.PRECONDITION_REQUIRED)
    stale = etag(head, url(proposal))
    MatchProposal.objects.filter(pk=proposal.pk).update(version=99)
    check_problem(head.post(url(proposal, verb), body, If_Match=stale), ErrorCode.PRECONDITION_FAILED)


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("shortlist", {}),
    ("consult", {}),
    ("prefer", {}),
    ("object", {"reason_code": "timing"}),
    ("overrule", {"reason_text": "x"}),
    ("approve", {}),
    ("decline", {"reason_code": "cost"}),
    ("retract", {}),
    ("go-on-without", {}),
]


@pytest.mark.parametrize(("verb", "body"), VERBS, ids=[verb for verb, _ in VERBS])
def test_each_verb_is_refused_to_anonymous_strangers_and_the_wrong_role(verb: str, body: dict[str, Any]) -> None:
    scene = ranked()
    proposal = consulted(scene)
    path = url(proposal, verb)
    anyone = '"99"'
    check_problem(ApiClient().post(path, body, If_Match=anyone), ErrorCode.NOT_AUTHENTICATED)
    stranger = speak(member(OrganizationFactory.create(roles=["member"])))
    check_problem(stranger.post(path, body, If_Match=anyone), ErrorCode.NOT_FOUND)
    viewer = speak(member(scene.requester, "viewer"))
    check_problem(viewer.post(path, body, If_Match=etag(viewer, url(proposal))), ErrorCode.PERMISSION_DENIED)


def test_recused_officer_is_told_of_the_conflict() -> None:
    scene = ranked()
    proposal = consulted(scene)
    partner = scene.parts(proposal)[0].provider.organization
    MembershipFactory.create(user=scene.officer.user, organization=partner, role="viewer")
    officer = speak(scene.officer)
    assert officer.get(url(proposal)).body["allowed_actions"] == []
    answer = officer.post(url(proposal, "approve"), {}, If_Match=etag(officer, url(proposal)))
    assert partner.code in check_problem(answer, ErrorCode.RECUSED)["detail"]


def test_taken_line_and_wrong_state_say_what_is_so() -> None:
    scene = ranked()
    first, second = scene.proposals()
    consulted(scene, second)
    approved(scene, first)
    officer = speak(scene.officer)
    answer = officer.post(url(second, "approve"), {}, If_Match=etag(officer, url(second)))
    check_problem(answer, ErrorCode.LINE_TAKEN)
    problem = check_problem(officer.post(url(first, "shortlist")), ErrorCode.WRONG_STATE)
    assert problem["allowed_actions"] == officer.get(url(first)).body["allowed_actions"] == ["retract"]
    french = officer.post(url(first, "shortlist"), Accept_Language="fr")
    assert french["Content-Language"] == "fr"


def test_system_of_an_organization_reads_and_never_approves() -> None:
    scene = ranked()
    client = speak(client_of(scene.office, "matching:read", "matching:write"))
    proposal = consulted(scene)
    answer = client.post(url(proposal, "approve"), {}, If_Match='"1"')
    assert answer.status_code in (403, 404)
    own = speak(client_of(scene.requester, "matching:read", "matching:write"))
    assert own.get(url(proposal)).status_code == 200
    check_problem(
        own.post(url(proposal, "approve"), {}, If_Match=etag(own, url(proposal))), ErrorCode.PERMISSION_DENIED
    )


# --- parts --------------------------------------------------------------------------------------------------------


def test_partner_sees_its_own_terms_and_neither_scores_nor_others_prices() -> None:
    scene = ranked(themes=TWO)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    partner = speak(scene.provider(first.offering))
    shown = partner.get(url(proposal)).body
    assert (shown["score"], shown["rank"], shown["breakdown"], shown["reasons"]) == (None, None, [], {})
    prices = {part["id"]: part["cost"] for part in shown["parts"]}
    assert prices[str(first.public_id)] is not None
    assert prices[str(second.public_id)] is None
    assert shown["allowed_actions"] == []
    [own] = [part for part in shown["parts"] if part["id"] == str(first.public_id)]
    assert own["allowed_actions"] == ["accept", "counter", "refuse"]
    listed = partner.get(f"{url(proposal)}/parts").body["results"]
    assert {part["id"]: part["cost"] for part in listed} == prices
    assert partner.get(f"/requests/{scene.request.reference}").status_code == 200


def test_order_by_score_tells_partners_nothing() -> None:
    scene = ranked()
    partner = speak(scene.provider(scene.parts(approved(scene))[0].offering))
    assert len(partner.get("/proposals?ordering=-score").body["results"]) == 1
    check_problem(partner.get("/proposals?ordering=rank"), ErrorCode.INVALID_INPUT)


def test_partner_refuses_and_the_secretariat_approves_the_replacement() -> None:
    scene = ranked(offerings_per_theme=3)
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    partner, officer = speak(scene.provider(part.offering)), speak(scene.officer)
    answer = partner.post(part_url(part, "refuse"), {"reason_code": "no_capacity", "reason_text": "Booked"})
    assert (answer.status_code, answer.body["state"]) == (200, "refused"), answer.content
    assert answer.body["answer"]["reason_code"] == "no_capacity"
    settle()
    replacement = ProposalPart.objects.select_related("proposal").get(replaces=part)
    shown = officer.get(part_url(replacement)).body
    assert (shown["state"], shown["replaces"]) == ("replacement", str(part.public_id))
    assert shown["allowed_actions"] == ["approve", "decline"]
    check_problem(partner.get(part_url(replacement)), ErrorCode.NOT_FOUND)
    check_problem(officer.post(part_url(replacement, "approve"), {}), ErrorCode.PRECONDITION_REQUIRED)
    tag = etag(officer, part_url(replacement))
    declined = officer.post(part_url(replacement, "decline"), {"reason_code": "cost"}, If_Match=tag)
    assert declined.body["state"] == "superseded"
    settle()
    third = ProposalPart.objects.select_related("proposal").get(replaces=part, state="replacement")
    done = officer.post(part_url(third, "approve"), {}, If_Match=etag(officer, part_url(third)))
    assert (done.status_code, done.body["state"]) == (200, "asked")


def test_partner_offers_other_terms_and_each_limit_has_its_place() -> None:
    scene = ranked(with_sessions=False, funding_state="secured")
    [part] = scene.parts(approved(scene))
    partner = speak(scene.provider(part.offering))
    wrong = partner.post(
        part_url(part, "counter"),
        {
            "period": {"start": "2027-07-12", "end": "2027-07-14", "precision": "day"},
            "cost": {"amount": "99000.00", "currency": "USD"},
            "participants": 400,
        },
    )
    assert places(check_problem(wrong, ErrorCode.RULE_BROKEN)) == {
        "/period": "outside_window",
        "/participants": "participants_out_of_range",
        "/cost": "over_ceiling",
    }
    right = partner.post(
        part_url(part, "counter"),
        {"period": {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"}, "reason": "A week later"},
    )
    assert (right.status_code, right.body["state"]) == (200, "countered"), right.content
    [counter] = right.body["counters"]
    assert counter["period"] == {"start": "2027-04-12", "end": "2027-04-14", "precision": "day"}
    assert (counter["requester_consent"], counter["secretariat_consent"]) == (None, None)
    assert speak(scene.focal).get(part_url(part)).body["allowed_actions"] == ["consent"]
    assert "consent" in speak(scene.officer).get(part_url(part)).body["allowed_actions"]


def test_session_that_does_not_exist_is_an_unknown_reference() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    answer = speak(scene.provider(part.offering)).post(part_url(part, "counter"), {"session": "NONE"})
    assert places(check_problem(answer, ErrorCode.UNKNOWN_REFERENCE)) == {"/session": "unknown_reference"}


def test_go_on_without_leaves_the_line_open() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    accepted(scene, second)
    refused(scene, first)
    settle()
    officer = speak(scene.officer)
    shown = officer.get(url(proposal)).body
    assert (shown["allowed_actions"], shown["waiting_for"]) == (["go-on-without"], "secretariat")
    done = officer.post(url(proposal, "go-on-without"), {}, If_Match=etag(officer, url(proposal)))
    assert (done.body["state"], done.body["covers_all"]) == ("confirmed", False)


# --- offers and policies ------------------------------------------------------------------------------------------


def test_provider_offers_on_its_own_and_finds_its_offer_again() -> None:
    scene = market(visibility="public")
    requests.consent_to_posting(actor=scene.focal, at=AT, request_id=scene.request.pk)
    offering = scene.offerings[0]
    staff = speak(scene.provider(offering))
    body = {
        "offering": str(offering.public_id),
        "lines": [{"line": 1, "participants": 25}],
        "cost": {"amount": "18000.00", "currency": "USD"},
        "message": "We know Bamako.",
    }
    made = staff.post(f"/requests/{scene.request.reference}/offers", body)
    assert made.status_code == 201, made.content
    assert (made.body["origin"], made.body["state"], made.body["score"]) == ("provider", "suggested", None)
    assert staff.get(made["Location"]).body["message"] == "We know Bamako."
    again = staff.post(f"/requests/{scene.request.reference}/offers", body)
    check_problem(again, ErrorCode.DUPLICATE)
    shown = speak(scene.focal).get(made["Location"]).body
    assert (shown["score"], shown["rank"]) == (None, None)


def test_offer_to_a_request_that_is_not_visible_is_not_found() -> None:
    scene = market(visibility="agency")
    other = offering_for("mainstreaming")
    staff = speak(scene.provider(other))
    body = {"offering": str(other.public_id), "lines": [{"line": 1, "participants": 25}]}
    check_problem(staff.post(f"/requests/{scene.request.reference}/offers", body), ErrorCode.NOT_FOUND)


def test_head_publishes_a_policy_and_everybody_reads_it() -> None:
    scene = ranked()
    head, focal = speak(scene.head), speak(scene.focal)
    [first] = focal.get("/matching-policies").body["results"]
    weights = {**first["weights"], "theme": first["weights"]["theme"] - 10, "dates": first["weights"]["dates"] + 10}
    body = {"names": {"en": "Dates count more", "fr": "Les dates comptent davantage"}, "weights": weights}
    check_problem(speak(scene.officer).post("/matching-policies", body), ErrorCode.PERMISSION_DENIED)
    made = head.post("/matching-policies", body)
    assert (made.status_code, made.body["number"], made.body["current"]) == (201, 2, True)
    assert [row["current"] for row in focal.get("/matching-policies").body["results"]] == [True, False]
    wrong = head.post("/matching-policies", {**body, "weights": {**weights, "charm": 1}})
    assert places(check_problem(wrong, ErrorCode.RULE_BROKEN)) == {"/weights/charm": "unknown_criterion"}


# --- lists --------------------------------------------------------------------------------------------------------


def test_lists_are_filtered_by_what_is_shown() -> None:
    scene = ranked()
    first, second = scene.proposals()
    approved(scene, first)
    officer = speak(scene.officer)

    def found(query: str) -> set[str]:
        return {row["id"] for row in officer.get(f"/proposals?{query}").body["results"]}

    assert found("waiting_for=provider") == {str(first.public_id)}
    assert found("waiting_for=secretariat") == {str(second.public_id)}
    assert found("due_before=2026-12-01T00:00:00Z") == {str(second.public_id)}
    assert found("state=approved,suggested") == {str(first.public_id), str(second.public_id)}
    assert found(f"request={scene.request.reference}&state=approved") == {str(first.public_id)}
    assert found(f"lead={second.lead.code}") == {str(second.public_id)}
    check_problem(officer.get("/proposals?waiting_for=mars"), ErrorCode.INVALID_INPUT)
    check_problem(officer.get("/proposals?colour=red"), ErrorCode.UNKNOWN_PARAMETER)


def test_one_and_many_proposals_take_the_same_number_of_queries() -> None:
    counts = []
    scene = ranked(offerings_per_theme=1)
    client = speak(scene.officer)
    for more in (0, 6):
        for _ in range(more):
            offering_for("mainstreaming")
        if more:
            client.post("/match-runs", {"request": scene.request.reference})
            settle()
        client.get("/proposals")
        with CaptureQueriesContext(connection) as captured:
            rows = client.get("/proposals?expand=decisions").body["results"]
        counts.append((len(rows), len(captured)))
    (few, first), (many, second) = counts
    assert (few, many > 5) == (1, True)
    assert first == second


def test_fields_leave_only_what_was_asked_for() -> None:
    scene = ranked()
    row = speak(scene.focal).get(f"{url(scene.best())}?fields=id,state,due_at,waiting_for")
    assert set(row.body) == {"id", "state", "due_at", "waiting_for"}
    assert row.body["waiting_for"] == "secretariat"
