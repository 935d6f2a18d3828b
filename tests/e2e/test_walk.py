"""The whole way once: need, match, approval, delivery, evaluation; and each refusal that guards it."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from tests.e2e.story import (
    Demo,
    approve,
    by_offerings,
    consult,
    feed,
    line,
    matched,
    need,
    open_need,
    part_of,
    plan_session,
    today,
    window_around,
)
from tests.kit.caller import Body, Caller

pytestmark = pytest.mark.e2e

ABSENT = "0198c0de-0000-7000-8000-00000000dead"
TRAFFICKING = ("trafficking-victims", "local_regional_authorities", "PHL")
URBAN = ("urbanization", "local_regional_authorities", "PHL")
SOON = (str(today() + timedelta(days=120)), str(today() + timedelta(days=240)))
STORY = (
    "training_request.submitted",
    "training_request.opened",
    "match_run.completed",
    "proposal.shortlisted",
    "proposal.consulted",
    "proposal.preferred",
    "proposal.approved",
    "proposal_part.countered",
    "proposal_part.counter_answered",
    "proposal_part.accepted",
    "proposal.confirmed",
    "engagement.created",
    "engagement.agreed",
    "engagement.started",
    "engagement.delivered",
    "engagement.confirmed",
    "engagement.closed",
    "training_request.fulfilled",
)


def test_team_of_two_partners_from_need_to_closed_engagement(demo: Demo) -> None:
    jeju = plan_session(demo.jeju, "JEJU-PROTECTION", seats=30, city="Jeju", country="KOR")
    begins = date.fromisoformat(jeju["period"]["start"])
    urban = plan_session(demo.platform, "HMLP-URBAN", seats=30, begins=begins, city="Antwerp", country="BEL")
    lines = [line(*TRAFFICKING, (12, 20)), line(*URBAN, (15, 25))]

    request, found = matched(demo, need("Towns that protect", lines, window_around(jeju)))
    assert all(sum(one["contribution"] for one in proposal["breakdown"]) == proposal["score"] for proposal in found)
    assert [proposal["score"] for proposal in found] == sorted((one["score"] for one in found), reverse=True)
    team = by_offerings(found, "JEJU-PROTECTION", "HMLP-URBAN")
    said = [reason["sentence"]["text"] for row in team["reasons"]["lines"] for reason in row["breakdown"]]
    assert all(text["en"] and text["fr"] for text in said)
    assert {part["session"] for part in team["parts"]} == {jeju["id"], urban["id"]}

    path = consult(demo, team)
    first = demo.officer.decide(f"{path}/approve", {"reason_text": "Covers both lines."})
    assert (first["state"], first["waiting_for"]) == ("awaiting_second_approval", "second_approver")
    again = demo.officer.etag(path)
    demo.officer.refused("POST", f"{path}/approve", {}, status=403, code="four_eyes_required", version=again)
    approved = demo.head.decide(f"{path}/approve", {"reason_text": "Agreed."})
    assert approved["state"] == "approved"
    assert {part["state"] for part in approved["parts"]} == {"asked"}

    mine, theirs = part_of(approved, "HMLP-URBAN"), part_of(approved, "JEJU-PROTECTION")
    other = {"cost": {"amount": "27000.00", "currency": "EUR"}, "reason": "Two trainers more."}
    countered = demo.platform.post(f"{mine}/counter", other)
    assert (countered["state"], countered["waiting_for"]) == ("countered", "requester_and_secretariat")
    accepted = demo.jeju.post(f"{theirs}/accept")
    assert (accepted["part"]["state"], accepted["proposal"]["state"]) == ("accepted", "approved")
    assert accepted["engagement"] is None
    half = demo.requester.post(f"{mine}/consent", {"agree": True})
    assert half["part"]["state"] == "countered"
    whole = demo.officer.post(f"{mine}/consent", {"agree": True})
    assert (whole["part"]["state"], whole["proposal"]["state"]) == ("accepted", "confirmed")

    engagement = demo.officer.get(f"/engagements/{whole['engagement']}?expand=deliveries,milestones")
    assert engagement["request"] == request["reference"]
    assert {one["organization"]["code"] for one in engagement["parties"]} >= {"CIFAL-JEJU", "HMLP", "UNDP"}
    assert len(engagement["deliveries"]) == 2
    assert demo.requester.get(f"/requests/{request['reference']}")["state"] == "matched"
    listed = demo.requester.get(f"/engagements?request={request['reference']}")
    assert [one["reference"] for one in listed["results"]] == [engagement["reference"]]

    carry_out(demo, engagement)

    assert demo.requester.get(f"/requests/{request['reference']}")["state"] in ("fulfilled", "closed")
    told = demo.requester.get(f"/requests/{request['reference']}/timeline")["results"]
    assert len(told) > len(lines)
    check_feed(demo, request["id"])


def carry_out(demo: Demo, engagement: Body) -> None:
    """Agree, prepare, deliver, confirm, evaluate and close; closing without evaluation is refused."""
    path, lead = f"/engagements/{engagement['reference']}", demo.caller("provider_staff", engagement["lead"]["code"])
    assert lead.post(f"{path}/agree")["state"] == "agreed"
    for milestone in demo.officer.all(f"{path}/milestones"):
        if milestone["kind"] in ("needs_analysis", "terms_of_reference", "nominations"):
            done = demo.officer.post(f"{path}/milestones/{milestone['id']}/complete", {"note": "Done."})
            assert done["state"] == "done"
    assert lead.post(f"{path}/start")["state"] == "in_delivery"
    assert demo.requester.get(f"/requests/{engagement['request']}")["state"] == "in_delivery"
    for delivery in demo.officer.all(f"{path}/deliveries"):
        report(demo.caller("provider_staff", delivery["organization"]["code"]), path, delivery)
    assert demo.officer.get(path)["state"] == "delivered"
    assert demo.requester.post(f"{path}/confirm")["state"] == "evaluating"
    missing = demo.officer.get(path)["missing_levels"]
    version = demo.officer.etag(path)
    refusal = demo.officer.refused("POST", f"{path}/close", status=422, code="evaluation_missing", version=version)
    assert all(str(level) in refusal["detail"] for level in missing)
    for level in missing:
        demo.requester.post(f"{path}/evaluations", evaluation(level), expect=201)
    assert demo.officer.decide(f"{path}/close")["state"] == "closed"


def report(staff: Caller, path: str, delivery: Body) -> None:
    """Hold one delivery and report it with its numbers."""
    of = f"{path}/deliveries/{delivery['id']}"
    if delivery["state"] == "planned":
        staff.post(f"{of}/start")
    breakdown = {"sex": {"female": 10, "male": 8}, "country": {"PHL": 18}}
    attended = {"stage": "attended", "total": 18, "breakdown": breakdown}
    staff.post(f"{of}/participation", {"participation": [attended]})
    told = staff.post(f"{of}/deliver", {"report": {"en": "All modules held, eighteen participants."}})
    assert told["state"] == "delivered"


def evaluation(level: int) -> Body:
    """Say what the participants said, or what they had learnt."""
    return {
        "level": level,
        "source": "participants",
        "method": "survey" if level == 1 else "test",
        "instrument": "objective_test",
        "invited": 18,
        "answered": 16,
        "value": "4.40",
        "scale_min": "1",
        "scale_max": "5",
        "collected_on": str(today()),
        "findings": {"en": "The case work was valued most."},
    }


def check_feed(demo: Demo, request_id: str) -> None:
    """The feed is strictly increasing, has no event twice, tells the whole story, and nothing to strangers."""
    events = feed(demo.officer, until="engagement.closed")
    sequences = [event["sequence"] for event in events]
    assert sequences == sorted(set(sequences))
    assert len({event["id"] for event in events}) == len(events)
    assert set(STORY) <= {event["type"] for event in events}
    own = [event["type"] for event in feed(demo.requester) if event["resource_id"] == request_id]
    assert own[:2] == ["training_request.submitted", "training_request.opened"], own  # drafts are nobody's news
    assert not [event for event in feed(demo.stranger) if event["resource_id"] == request_id]


# --- the refusals that guard it -----------------------------------------------------------------------------------
def test_stranger_finds_neither_draft_nor_agency_request(demo: Demo) -> None:
    draft = demo.requester.post("/requests", need("Ours alone", [line(*TRAFFICKING, (12, 20))], SOON), expect=201)
    path = f"/requests/{draft['id']}"
    demo.stranger.refused("GET", path, status=404, code="not_found")
    demo.stranger.refused("POST", f"{path}/submit", status=404, code="not_found")
    demo.officer.refused("GET", path, status=404, code="not_found")
    submitted = demo.requester.post(f"{path}/submit")
    by_reference = f"/requests/{submitted['reference']}"
    demo.stranger.refused("GET", by_reference, status=404, code="not_found")
    assert demo.officer.get(by_reference)["state"] == "submitted"
    listed = {one["id"] for one in demo.stranger.all("/requests?page_size=200")}
    assert draft["id"] not in listed


def test_verb_by_the_wrong_role_is_refused(demo: Demo) -> None:
    draft = demo.requester.post("/requests", need("Not mine to open", [line(*TRAFFICKING, (12, 20))], SOON), expect=201)
    path = f"/requests/{draft['id']}"
    demo.requester.post(f"{path}/submit")
    demo.requester.refused("POST", f"{path}/open", status=403, code="permission_denied")
    demo.caller("viewer").refused("POST", "/requests", {"title": {"en": "x"}}, status=403, code="insufficient_scope")


def test_wrong_state_names_the_open_actions(demo: Demo) -> None:
    request = open_need(demo, need("Opened once", [line(*TRAFFICKING, (12, 20))], SOON))
    path = f"/requests/{request['reference']}"
    problem = demo.officer.refused("POST", f"{path}/open", status=409, code="wrong_state")
    actions = demo.officer.get(path)["allowed_actions"]
    assert "open" not in actions
    assert {"cancel", "merge"} <= set(actions)
    assert "cancel" in problem["detail"]
    assert "merge" in problem["detail"]


def test_change_needs_the_version_that_is_current(demo: Demo) -> None:
    draft = demo.requester.post("/requests", need("Two editors", [line(*TRAFFICKING, (12, 20))], SOON), expect=201)
    path = f"/requests/{draft['id']}"
    seen = demo.requester.etag(path)
    change = {"title": {"en": "Two editors, first"}}
    demo.requester.refused("PATCH", path, change, status=428, code="precondition_required")
    demo.requester.patch(path, change, version=seen)
    demo.requester.refused("PATCH", path, change, status=412, code="precondition_failed", version=seen)
    assert demo.requester.get(path)["title"]["en"] == "Two editors, first"


def test_decision_needs_the_version_and_an_officer_who_is_no_partner(demo: Demo) -> None:
    session = plan_session(demo.platform, "HMLP-URBAN", seats=30, city="Antwerp", country="BEL")
    _, found = matched(demo, need("Greener towns", [line(*URBAN, (15, 25))], window_around(session)))
    path = consult(demo, by_offerings(found, "HMLP-URBAN"))
    stale = f'"{int(demo.officer.etag(path).strip(chr(34)).partition(".")[0]) - 1}"'
    demo.officer.refused("POST", f"{path}/approve", {}, status=428, code="precondition_required")
    demo.officer.refused("POST", f"{path}/approve", {}, status=412, code="precondition_failed", version=stale)
    version = demo.recused_officer.etag(path)
    demo.recused_officer.refused("POST", f"{path}/approve", {}, status=403, code="recused", version=version)
    demo.jeju.refused("GET", path, status=404, code="not_found")


def test_second_approval_of_the_same_line_is_refused(demo: Demo) -> None:
    session = plan_session(demo.jeju, "JEJU-PROTECTION", seats=30, city="Jeju", country="KOR")
    begins = date.fromisoformat(session["period"]["start"])
    plan_session(demo.jeju, "JEJU-INTENSIVE", seats=30, begins=begins, city="Jeju", country="KOR")
    lines = [line(*TRAFFICKING, (12, 20))]
    _, found = matched(demo, need("One line, two ways", lines, window_around(session)))
    first, second = (consult(demo, by_offerings(found, code)) for code in ("JEJU-PROTECTION", "JEJU-INTENSIVE"))
    assert approve(demo, first)["state"] == "approved"
    demo.officer.decide(f"{second}/approve")
    problem = demo.head.refused(
        "POST", f"{second}/approve", {}, status=409, code="line_taken", version=demo.head.etag(second)
    )
    assert "1" in problem["detail"]
    assert demo.officer.get(second)["state"] == "awaiting_second_approval"


def test_session_is_not_overbooked(demo: Demo) -> None:
    session = plan_session(demo.jeju, "JEJU-PROTECTION", seats=20, city="Jeju", country="KOR")
    paths = []
    for title in ("First come", "Second come"):
        _, found = matched(demo, need(title, [line(*TRAFFICKING, (12, 20))], window_around(session)))
        chosen = by_offerings(found, "JEJU-PROTECTION")
        assert chosen["parts"][0]["session"] == session["id"]
        paths.append(consult(demo, chosen))
    assert approve(demo, paths[0])["state"] == "approved"
    demo.officer.decide(f"{paths[1]}/approve")
    late = demo.head.etag(paths[1])
    demo.head.refused("POST", f"{paths[1]}/approve", {}, status=409, code="capacity_exhausted", version=late)
    kept = demo.jeju.get(f"/sessions/{session['id']}")
    assert (kept["seats_free"], kept["is_full"]) == (0, True)


def test_repeated_call_with_its_key_is_one_call(demo: Demo) -> None:
    body = need("Sent twice", [line(*TRAFFICKING, (12, 20))], SOON)
    key = f"e2e-{uuid4()}"
    first = demo.requester.call("POST", "/requests", body, expect=201, Idempotency_Key=key)
    again = demo.requester.call("POST", "/requests", body, expect=201, Idempotency_Key=key)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = {**body, "title": {"en": "Another body"}}
    demo.requester.refused("POST", "/requests", other, status=422, code="idempotency_key_reused", Idempotency_Key=key)


def test_caller_is_answered_in_the_language_asked(demo: Demo) -> None:
    french = demo.requester.call("GET", f"/requests/{ABSENT}", expect=404, Accept_Language="fr")
    english = demo.requester.call("GET", f"/requests/{ABSENT}", expect=404, Accept_Language="en")
    assert (french.headers["Content-Language"], english.headers["Content-Language"]) == ("fr", "en")
    assert french.json()["code"] == english.json()["code"] == "not_found"
    assert french.json()["detail"] != english.json()["detail"]
    themes = demo.requester.get("/vocabularies/themes", Accept_Language="fr")
    assert themes["label"] == themes["labels"]["fr"] != themes["labels"]["en"]


@pytest.mark.parametrize("path", ["/api/v1/no-such-thing", "/no-such-page", "/api/v2/requests"])
def test_unknown_url_answers_json(demo: Demo, path: str) -> None:
    with demo.anybody(Accept="application/json") as anybody:
        anybody.refused("GET", f"{demo.base_url}{path}", status=404, code="not_found")


def test_caller_without_or_with_a_wrong_token_is_told_to_sign_in(demo: Demo) -> None:
    with demo.anybody() as anybody:
        anybody.refused("GET", "/requests", status=401, code="not_authenticated")
    with demo.anybody("gmg_000000000000_wrong") as anybody:
        anybody.refused("GET", "/me", status=401, code="token_invalid")


def test_service_client_drafts_for_its_organization_and_decides_nothing(demo: Demo) -> None:
    system = demo.caller("service_client")
    body = need("From the HR system", [line(*TRAFFICKING, (12, 20))], SOON, external_id=f"HR-{uuid4()}")
    drafted = system.post("/requests", body, expect=201)
    again = system.post("/requests", {**body, "title": {"en": "From the HR system, corrected"}})
    assert again["id"] == drafted["id"]
    assert demo.requester.get(f"/requests/{drafted['id']}")["title"]["en"] == "From the HR system, corrected"
    system.refused("POST", "/match-runs", {"request": drafted["id"]}, status=403, code="insufficient_scope")
