"""Plans of all open needs over HTTP: asked for, polled, read page by page, questioned, published; each refusal in full."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import ErrorCode
from matching.engine import why_not
from matching.models import MatchProposal
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.requests import line, opened
from tests.kit.api import ApiClient, check_problem, places
from tests.matching.plan_scenes import THEME, carried_out, crowded, invented, planned, publication_carried_out

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def speak(actor: Actor, *scopes: str) -> ApiClient:
    owner = actor.user or actor.client
    assert owner is not None
    return ApiClient.of(owner, AT, *scopes)


def plan(client: ApiClient, **parameters: Any) -> Any:
    return client.post("/match-runs", {"mode": "portfolio", "parameters": parameters})


def test_plan_is_asked_for_polled_and_read() -> None:
    scene = crowded(wishes=2, seats=20)
    officer = speak(scene.officer)
    asked = plan(officer, worst_served=True)
    assert asked.status_code == 202, asked.content
    assert (asked.body["mode"], asked.body["state"], asked.body["request"]) == ("portfolio", "queued", None)
    assert asked.body["allowed_actions"] == ["cancel"]
    carried_out(scene.ask(worst_served=True))
    run = officer.get(asked["Location"] + "?expand=result").body
    assert (run["state"], run["progress"]["stage"], run["parameters"]) == ("complete", "", {"worst_served": True})
    assert run["allowed_actions"] == ["publish"]
    assert run["result"]["status"] == "optimal"
    assert set(run["result"]["sentences"][0]["text"]) == {"en", "fr"}
    lines = officer.get(f"/match-runs/{run['id']}/plan").body["results"]
    assert sorted(row["outcome"] for row in lines) == ["served", "unmet"]
    [served] = [row for row in lines if row["outcome"] == "served"]
    assert served["offering_id"] == str(scene.offerings[0].public_id)
    assert served["regret"] == 0
    assert served["choice"]["cost"] == {"amount": "24000.00", "currency": "USD"}
    [unmet] = [row for row in lines if row["outcome"] == "unmet"]
    assert (unmet["choice"], unmet["score"], unmet["unmet_reason"]) == (None, None, "no_capacity")
    assert all(reason["text"]["fr"] != reason["text"]["en"] for reason in unmet["reasons"])


def test_every_sentence_of_a_plan_is_said_in_both_languages_without_ids() -> None:
    scene = crowded(wishes=3, seats=40, offerings=2)
    opened(lines=(line(theme="trafficking"),))
    run = planned(scene, budgets=[{"limit": {"amount": "50000.00", "currency": "USD"}}])
    officer = speak(scene.officer)
    shown = officer.get(f"/match-runs/{run.public_id}?expand=result").body["result"]
    lines = officer.get(f"/match-runs/{run.public_id}/plan").body["results"]
    texts = list(_texts(shown)) + list(_texts(lines))
    assert len(texts) > 10
    ids = [str(thing.public_id) for thing in (*scene.offerings, *scene.sessions)]
    for text in texts:
        assert text["en"] != text["fr"]
        assert min(len(text["en"]), len(text["fr"])) > 5
        assert not any(one in text["en"] or one in text["fr"] for one in ids), text


def _texts(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, list):
        for entry in value:
            yield from _texts(entry)
    elif isinstance(value, dict):
        if "text" in value and "code" in value and "params" in value:
            yield value["text"]
        for entry in value.values():
            yield from _texts(entry)


def test_what_if_with_an_invented_offering_is_shown_as_invented() -> None:
    scene = crowded(wishes=1, offerings=0)
    officer = speak(scene.officer)
    asked = officer.post("/match-runs", {"mode": "what_if", "parameters": {"changes": {"offerings": [invented()]}}})
    assert asked.status_code == 202, asked.content
    stored = asked.body["parameters"]["changes"]["offerings"][0]
    assert stored["sessions"][0]["period"] == {"start": "2027-04-05", "end": "2027-04-07", "precision": "day"}
    run = carried_out(scene.ask(mode="what_if", changes={"offerings": [stored]}))
    [row] = officer.get(f"/match-runs/{run.public_id}/plan").body["results"]
    assert (row["hypothetical"], row["offering"], row["provider"]) == ("NEW-COURSE", None, None)
    assert officer.get(f"/match-runs/{run.public_id}").body["allowed_actions"] == []


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({"mode": "portfolio", "request": "GMG-MLI-2026-0001"}, "/request", "not_with_mode"),
        ({"mode": "request", "parameters": {}}, "/parameters", "not_with_mode"),
        ({"mode": "request"}, "/request", "required_with_mode"),
        ({"mode": "dream"}, "/mode", "invalid_choice"),
        ({"mode": "portfolio", "parameters": {"mood": 1}}, "/parameters/mood", "unknown_field"),
        ({"mode": "portfolio", "parameters": {"priority_classes": [5]}}, "/parameters/priority_classes/0", "max_value"),
        ({"mode": "portfolio", "parameters": {"time_limit_seconds": 0}}, "/parameters/time_limit_seconds", "min_value"),
        (
            {"mode": "portfolio", "parameters": {"provider_loads": [{"provider": "X", "minimum": 3, "maximum": 1}]}},
            "/parameters/provider_loads/0/maximum",
            "order",
        ),
        (
            {"mode": "what_if", "parameters": {"changes": {"capacities": [{"free": 3}]}}},
            "/parameters/changes/capacities/0/session",
            "one_of",
        ),
    ],
)
def test_body_that_breaks_the_schema_is_refused_with_its_place(body: dict[str, Any], place: str, code: str) -> None:
    answer = speak(crowded(wishes=0, offerings=0).officer).post("/match-runs", body)
    assert places(check_problem(answer, ErrorCode.INVALID_INPUT))[place] == code


def test_refusal_deep_inside_names_what_is_allowed_there() -> None:
    wrong = invented(modality="telepathy", mood="sunny")
    body = {"mode": "what_if", "parameters": {"changes": {"offerings": [wrong]}}}
    answer = speak(crowded(wishes=0, offerings=0).officer).post("/match-runs", body)
    told = {error["pointer"]: error for error in check_problem(answer, ErrorCode.INVALID_INPUT)["errors"]}
    place = "/parameters/changes/offerings/0"
    assert "in_person" in told[f"{place}/modality"]["allowed"]
    assert {"code", "modality", "sessions"} <= set(told[f"{place}/mood"]["allowed"])


def test_unknown_code_of_an_invented_offering_is_a_422_with_the_allowed_ones() -> None:
    changes = {"offerings": [invented(form="dream")]}
    answer = speak(crowded(wishes=0, offerings=0).officer).post(
        "/match-runs", {"mode": "what_if", "parameters": {"changes": changes}}
    )
    assert places(check_problem(answer, ErrorCode.UNKNOWN_REFERENCE)) == {
        "/parameters/changes/offerings/0/form": "unknown_reference"
    }


def test_second_plan_with_other_wishes_is_refused_in_words() -> None:
    scene = crowded(wishes=1)
    officer = speak(scene.officer)
    assert plan(officer).status_code == 202
    problem = check_problem(plan(officer, worst_served=False), ErrorCode.RULE_BROKEN)
    assert places(problem) == {"/mode": "plan_under_way"}


def test_lines_are_filtered_and_paged_in_the_order_of_the_plan() -> None:
    scene = crowded(wishes=3, seats=40)
    run = planned(scene)
    officer = speak(scene.officer)
    path = f"/match-runs/{run.public_id}/plan"
    first = officer.get(f"{path}?page_size=2").body
    second = officer.get(first["next"]).body
    assert [row["position"] for row in (*first["results"], *second["results"])] == [1, 2, 3]
    reference = scene.requests[0].reference_text
    agency = scene.requests[0].requesting_organization.code
    assert {row["request"] for row in officer.get(f"{path}?request={reference}").body["results"]} == {reference}
    assert {row["agency"]["code"] for row in officer.get(f"{path}?agency={agency}").body["results"]} == {agency}
    assert {row["outcome"] for row in officer.get(f"{path}?outcome=unmet").body["results"]} <= {"unmet"}
    assert len(officer.get(f"{path}?theme={THEME}").body["results"]) == 3
    check_problem(officer.get(f"{path}?outcome=lost"), ErrorCode.INVALID_INPUT)
    check_problem(officer.get(f"{path}?mood=1"), ErrorCode.UNKNOWN_PARAMETER)


def test_queries_of_a_page_of_lines_do_not_grow_with_it() -> None:
    scene = crowded(wishes=3, seats=90, offerings=2)
    run = planned(scene)
    officer = speak(scene.officer)
    path = f"/match-runs/{run.public_id}/plan"
    officer.get(path)  # warm
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert len(officer.get(f"{path}?page_size=1").body["results"]) == 1
    with CaptureQueriesContext(connection) as many:
        assert len(officer.get(path).body["results"]) == 3
    assert len(many) <= len(few)


def test_plans_are_for_the_secretariat_and_auditors() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    focal = speak(member(scene.requests[0].requesting_organization))
    assert focal.get("/match-runs?mode=portfolio").body["results"] == []
    check_problem(focal.get(f"/match-runs/{run.public_id}"), ErrorCode.NOT_FOUND)
    check_problem(focal.get(f"/match-runs/{run.public_id}/plan"), ErrorCode.NOT_FOUND)
    check_problem(plan(focal), ErrorCode.PERMISSION_DENIED)
    check_problem(focal.post(f"/match-runs/{run.public_id}/publish"), ErrorCode.NOT_FOUND)
    auditor = speak(member(OrganizationFactory.create(), "auditor"))
    assert auditor.get(f"/match-runs/{run.public_id}/plan").status_code == 200
    check_problem(auditor.post(f"/match-runs/{run.public_id}/publish"), ErrorCode.PERMISSION_DENIED)


def test_plan_is_published_once_over_http() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    officer = speak(scene.officer)
    answer = officer.post(f"/match-runs/{run.public_id}/publish")
    assert (answer.status_code, answer["Retry-After"]) == (202, "1"), answer.content
    assert answer["Location"].endswith(f"/match-runs/{run.public_id}")
    assert answer["ETag"] == officer.get(answer["Location"])["ETag"]
    again = officer.post(f"/match-runs/{run.public_id}/publish")
    assert (again.status_code, again.body) == (202, answer.body)
    assert answer.body["publication"] == {
        "asked_at": "2026-11-23T09:00:00Z",
        "asked_by": scene.officer.label,
        "under_way": True,
        "proposals": 0,
        "live_already": 0,
        "skipped": [],
        "stopped": "",
    }
    assert answer.body["progress"] == {"done": 0, "total": 1, "stage": "publishing"}
    assert (answer.body["published_at"], answer.body["allowed_actions"]) == (None, [])
    publication_carried_out(run, at=AT)
    done = officer.get(answer["Location"]).body
    assert (done["published_at"], done["published_by"]) == ("2026-11-23T09:00:00Z", scene.officer.label)
    assert (done["publication"]["under_way"], done["publication"]["proposals"]) == (False, 1)
    assert (done["progress"]["stage"], done["allowed_actions"]) == ("", [])
    found = officer.get(f"/requests/{scene.requests[0].reference}/proposals").body["results"]
    assert [row["run"] for row in found] == [str(run.public_id)]
    assert "plan.published" in [sentence["code"] for sentence in found[0]["reasons"]["sentences"]]
    check_problem(officer.post(f"/match-runs/{run.public_id}/publish"), ErrorCode.RULE_BROKEN)
    assert MatchProposal.objects.count() == 1


def test_question_why_not_is_answered_with_the_exact_loss() -> None:
    scene = crowded(wishes=1, offerings=2)
    run = planned(scene)
    officer = speak(scene.officer)
    [row] = officer.get(f"/match-runs/{run.public_id}/plan").body["results"]
    other = next(one for one in scene.offerings if str(one.public_id) != row["offering_id"])
    body = {"request": row["request"], "line": 1, "offering": str(other.public_id)}
    answer = officer.post(f"/match-runs/{run.public_id}/why-not", body)
    assert answer.status_code == 200, answer.content
    assert (answer.body["possible"], answer.body["chosen"], answer.body["reason"]) == (True, False, "")
    assert answer.body["change"]["total_score"] == row["alternates"][0]["change"]["total_score"] <= 0
    assert answer.body["sentences"][0]["text"]["fr"]
    unknown = officer.post(f"/match-runs/{run.public_id}/why-not", {**body, "line": 9})
    assert places(check_problem(unknown, ErrorCode.UNKNOWN_REFERENCE)) == {"/line": "unknown_reference"}


@pytest.mark.django_db(transaction=True)
def test_question_why_not_is_solved_outside_of_the_transaction_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks under an Idempotency-Key holds nobody up while the plan is solved, and is answered once."""
    scene = crowded(wishes=1, offerings=2)
    run = planned(scene)
    seen: list[bool] = []

    def watched(*args: Any, **named: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return why_not(*args, **named)

    monkeypatch.setattr("matching.queries.why_not.why_not", watched)
    officer, mark = speak(scene.officer), scene.mark(0, 1)
    first, again = (officer.post(f"/match-runs/{run.public_id}/why-not", mark, Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, again["Idempotency-Replayed"], again.body) == (200, "true", first.body)
    assert seen == [False]
    other = {**mark, "offering": str(scene.offerings[0].public_id)}
    check_problem(
        officer.post(f"/match-runs/{run.public_id}/why-not", other, Idempotency_Key="k"),
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
    )
    assert seen == [False]


def test_question_why_not_before_there_is_a_plan_is_refused() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    body = {"request": scene.requests[0].reference, "line": 1, "offering": str(scene.offerings[0].public_id)}
    problem = check_problem(
        speak(scene.officer).post(f"/match-runs/{run.public_id}/why-not", body), ErrorCode.RULE_BROKEN
    )
    assert places(problem) == {"": "not_a_solved_plan"}


def test_stranger_sees_nothing_of_a_plan() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    stranger = speak(member(OrganizationFactory.create()))
    for path in ("", "/plan"):
        check_problem(stranger.get(f"/match-runs/{run.public_id}{path}"), ErrorCode.NOT_FOUND)
