"""What the secretariat sees over HTTP of the two needs that nobody can serve: an answer that says what stands in the way."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine

from marketplace.work.loop import run_until_idle
from tests.factories.accounts import OrganizationFactory
from tests.kit.api import ApiClient
from tests.kit.people import member

pytestmark = pytest.mark.django_db
MARKED, OPEN = "GMG-TUN-2026-0017", "GMG-KGZ-2026-0027"


@pytest.fixture
def officer(taken_back: datetime) -> Iterator[ApiClient]:
    with time_machine.travel(taken_back, tick=False):
        office = OrganizationFactory.create(roles=["secretariat"])
        yield ApiClient.of(member("unmet-officer", "secretariat_officer", office, taken_back), taken_back)


def conflict_of(run: dict[str, Any]) -> dict[str, Any]:
    """The one line of a run without a solution: nothing is proposed, and it says in both languages what stands in the way."""
    assert (run["state"], run["result"]["outcome"], run["result"]["uncovered"]) == ("no_solution", "no_solution", [1])
    [line] = run["result"]["lines"]
    assert (line["eligible"], line["candidates"]) == (0, [])
    assert line["considered"] >= 40
    found = dict(line["conflict"])
    spoken_of = {miss["offer"] for miss in line["near_misses"]} | {
        entry["best_offer"] for entry in found["relaxations"]
    }
    assert spoken_of <= set(run["result"]["names"])
    assert all(run["result"]["names"].values())
    texts = [found["sentence"]["text"], *(one["text"] for entry in found["relaxations"] for one in entry["sentences"])]
    assert all(text["en"] and text["fr"] and text["en"] != text["fr"] for text in texts)
    return found


def changes_of(run: dict[str, Any]) -> set[frozenset[tuple[str, str]]]:
    """What would bring a near miss about: sets of changes, each with who can make it."""
    misses = run["result"]["lines"][0]["near_misses"]
    ways = [way["changes"] for miss in misses for way in miss["ways"]]
    return {frozenset((change["code"], change["actor"]) for change in changes) for changes in ways}


def test_need_marked_as_not_yet_met_names_the_conflict_and_the_run_behind_it(officer: ApiClient) -> None:
    need = officer.get(f"/requests/{MARKED}").body
    assert (need["state"], need["reason_code"]) == ("unmet", "no_theme")
    assert need["conflicts"] == ["theme_mismatch", "language_not_deliverable"]
    assert need["call"]["ended_at"] is not None
    assert "reopen" in need["allowed_actions"]
    [run] = officer.get(f"/match-runs?request={MARKED}&expand=result").body["results"]
    found = conflict_of(run)
    assert found["reasons"] == ["no_theme", "no_language"]
    assert [entry["codes"] for entry in found["relaxations"]] == [need["conflicts"]]
    assert frozenset({("accept_theme", "requester"), ("give_language", "provider")}) in changes_of(run)
    assert officer.get(f"/requests/{MARKED}/proposals").body["results"] == []


def test_open_need_that_nobody_can_serve_is_answered_with_what_would_open_it(
    officer: ApiClient, taken_back: datetime
) -> None:
    asked = officer.post("/match-runs", {"request": OPEN}).body
    run_until_idle(worker="test", clock=lambda: taken_back)
    run = officer.get(f"/match-runs/{asked['id']}?expand=result").body
    found = conflict_of(run)
    assert {"theme_mismatch", "language_not_deliverable", "form_mismatch"} <= set(found["failing"])
    assert found["relaxations"][0]["codes"] == ["form_mismatch"]
    assert frozenset({("accept_form", "requester")}) in changes_of(run)
    assert officer.get(f"/requests/{OPEN}/proposals").body["results"] == []
    assert officer.get(f"/requests/{OPEN}").body["allowed_actions"]


def test_plan_leaves_the_open_need_unmet_with_its_reason(officer: ApiClient, taken_back: datetime) -> None:
    asked = officer.post("/match-runs", {"mode": "portfolio", "parameters": {"requests": [OPEN]}}).body
    run_until_idle(worker="test", clock=lambda: taken_back)
    assert officer.get(f"/match-runs/{asked['id']}").body["state"] == "no_solution"
    [line] = officer.get(f"/match-runs/{asked['id']}/plan").body["results"]
    assert (line["request"], line["outcome"], line["unmet_reason"]) == (OPEN, "unmet", "no_theme")
    assert line["shortage"]["relaxations"][0]["codes"] == ["form_mismatch"]
    assert {language: line["reasons"][0]["text"][language][:5] for language in ("en", "fr")} == {
        "en": "Line ",
        "fr": "Ligne",
    }
