"""All needs of the demo and some more planned through the API: plan, alternates, prices, "why not", "what if", gaps, teams.

The same walk at 1,000 requests and 5,000 offerings, with its times, is `bench/plan_over_http.py`.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import time_machine
from django.db import transaction

from marketplace.demo import source
from marketplace.demo.synthetic import load_synthetic
from matching import tasks
from tests.factories.accounts import OrganizationFactory, secretariat
from tests.kit.api import ApiClient

pytestmark = pytest.mark.django_db
DATA = source.read()
MORE = {"request_count": 30, "offering_count": 60, "provider_count": 10, "seed": 3}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NOBODY = "GMG-KGZ-2026-0027"
IDEA = {
    "code": "PORTABILITY-COURSE",
    "themes": ["social-security-portability"],
    "form": "course",
    "modality": "in_person",
    "duration_hours": 12,
    "participants_min": 5,
    "participants_max": 60,
    "on_request": True,
    "in_country_on_request": True,
}


@pytest.fixture(scope="module")
def market(loaded: datetime, django_db_blocker: Any) -> Iterator[datetime]:
    """The demo with some more requests and offerings."""
    with django_db_blocker.unblock(), transaction.atomic():
        load_synthetic(at=loaded, **MORE)
        yield loaded
        transaction.set_rollback(True)


@pytest.fixture
def officer(market: datetime) -> Iterator[ApiClient]:
    with transaction.atomic(), time_machine.travel(market, tick=False):
        actor = secretariat(organization=OrganizationFactory.create(roles=["secretariat"]))
        assert actor.user is not None
        yield ApiClient.of(actor.user, market)
        transaction.set_rollback(True)


def finished(officer: ApiClient, at: datetime, **body: Any) -> Any:
    """Ask for a run, let the background do it and nothing else, and read its answer."""
    asked = officer.post("/match-runs", body)
    assert asked.status_code == 202, asked.body
    payload = {"run": asked.body["id"]}
    if "mode" in body:
        tasks.write_plan(payload, at=at, prepared=tasks.prepare_plan(payload, at=at, progress=lambda *_: None))
    else:
        tasks.write_ranking(payload, at=at, prepared=tasks.prepare_ranking(payload, at=at, progress=lambda *_: None))
    return officer.get(f"{asked['Location']}?expand=result").body


def lines_of(officer: ApiClient, run: Any) -> list[Any]:
    found, page = [], officer.get(f"/match-runs/{run['id']}/plan?page_size=50").body
    while True:
        found += page["results"]
        if not page["next"]:
            return found
        page = officer.get(page["next"]).body


def test_all_needs_are_planned_explained_and_questioned(officer: ApiClient, market: datetime) -> None:
    run = finished(officer, market, mode="portfolio")
    whole, lines = run["result"], lines_of(officer, run)
    assert (run["state"], whole["status"]) == ("complete", "optimal")
    assert all(stage["proven"] for stage in whole["stages"])
    assert len(lines) == whole["sizes"]["lines"] > 60
    served = [line for line in lines if line["outcome"] == "served"]
    unmet = [line for line in lines if line["outcome"] == "unmet"]
    assert len(served) == sum(whole["served_by_class"].values())
    assert sum(line["score"] for line in served) == whole["total_score"]
    for line in served:
        assert sum(part["contribution"] for part in line["choice"]["breakdown"]) == line["score"]
        assert all(entry["change"]["total_score"] <= 0 for entry in line["alternates"] if entry["change"]["exact"])
    assert any(line["alternates"] for line in served)
    assert all(line["unmet_reason"] and line["reasons"][0]["text"]["fr"] for line in unmet)
    assert all(price["sentence"]["text"]["en"] for price in whole["capacity_prices"])
    assert whole["fairness"]
    [nobody] = [line for line in lines if line["request"] == NOBODY]
    assert (nobody["outcome"], nobody["unmet_reason"]) == ("unmet", "no_theme")

    asked = next(line for line in served if {entry["offer"] for entry in line["alternates"]} - {line["offering_id"]})
    other = next(entry["offer"] for entry in asked["alternates"] if entry["offer"] != asked["offering_id"])
    mark = {"request": asked["request"], "line": asked["line"], "offering": other}
    answer = officer.post(f"/match-runs/{run['id']}/why-not", mark).body
    assert (answer["chosen"], answer["possible"]) == (False, True)
    assert answer["change"]["total_score"] <= 0


def test_invented_offering_serves_the_need_that_nobody_serves(officer: ApiClient, market: datetime) -> None:
    need = officer.get(f"/requests/{NOBODY}?expand=lines").body
    [line] = need["lines"]
    idea = {
        **IDEA,
        "themes": [line["theme"]],
        "languages": [line["language"]],
        "audiences": [line["audience"]],
        "form": need["forms"][0] if need["forms"] else IDEA["form"],
        "modality": need["modalities"][0] if need["modalities"] else IDEA["modality"],
    }
    before = finished(officer, market, mode="what_if", parameters={"requests": [NOBODY]})
    after = finished(
        officer, market, mode="what_if", parameters={"requests": [NOBODY], "changes": {"offerings": [idea]}}
    )
    assert [entry["outcome"] for entry in lines_of(officer, before)] == ["unmet"]
    assert [(entry["outcome"], entry["hypothetical"]) for entry in lines_of(officer, after)] == [
        ("served", "PORTABILITY-COURSE")
    ]


def test_gap_report_says_the_same_in_every_form(officer: ApiClient, market: datetime) -> None:
    run = finished(officer, market, mode="portfolio")
    report = officer.get("/reports/gap").body
    assert report["basis"]["run"] == run["id"]
    assert report["demand"]["unmet"]["lines"] == sum(line["outcome"] == "unmet" for line in lines_of(officer, run))
    text = officer.call("GET", "/reports/gap", headers={"Accept": "text/csv"})
    book = officer.call("GET", "/reports/gap", headers={"Accept": XLSX})
    assert (text.status_code, book.status_code) == (200, 200)
    rows = list(csv.reader(io.StringIO(text.content.decode("utf-8-sig"))))
    sheet = zipfile.ZipFile(io.BytesIO(book.content)).read("xl/worksheets/sheet1.xml").decode()
    assert len(rows) == sheet.count("<row ") == len(report["cells"]) + 1


@pytest.mark.parametrize("case", DATA["cases"]["team_needed"], ids=lambda case: str(case["request"]))
def test_need_of_several_partners_gets_its_team(officer: ApiClient, market: datetime, case: dict[str, Any]) -> None:
    finished(officer, market, request=case["request"])
    best = officer.get(f"/requests/{case['request']}/proposals?page_size=1").body["results"][0]
    assert best["covers_all"]
    assert len({part["provider"] for part in best["parts"]}) >= len(case["team"]) - 1


@pytest.mark.parametrize("case", DATA["cases"]["unserviceable"], ids=lambda case: str(case["request"]))
def test_need_that_nobody_can_serve_gets_an_honest_answer(
    officer: ApiClient, market: datetime, case: dict[str, Any]
) -> None:
    need = officer.get(f"/requests/{case['request']}").body
    if need["state"] != "open":  # the secretariat has answered "not yet met"
        assert (need["state"], need["reason_code"]) == ("unmet", case["reason_code"])
        return
    run = finished(officer, market, request=case["request"])
    assert run["state"] == "no_solution"
    [line] = run["result"]["lines"]
    assert line["conflict"]["reasons"][0] == case["reason_code"]
    assert line["conflict"]["sentence"]["text"]["fr"]
    assert officer.get(f"/requests/{case['request']}/proposals").body["results"] == []
