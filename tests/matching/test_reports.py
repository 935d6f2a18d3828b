"""The gap report over HTTP: counts, filters, plans, who sees how much, tables, picture, refusals."""

import csv
import io
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.kernel.errors import ErrorCode
from matching.engine import DEFAULT_POLICY
from matching.models import MatchRun
from matching.queries import reports
from requests_app import operations as requests
from requests_app.models import RequestLine, TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory, ProgrammeFactory, member
from tests.factories.matching import (
    MarketScene,
    MatchingPolicyFactory,
    MatchRunFactory,
    PlanLineFactory,
    approved,
    later,
    market,
    work,
)
from tests.factories.requests import SYSTEM, draft, line, opened
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.copies import copied

pytestmark = pytest.mark.django_db
SVG = "{http://www.w3.org/2000/svg}"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def speak(actor: Actor, **headers: str) -> ApiClient:
    owner = actor.user or actor.client
    assert owner is not None
    client = ApiClient.of(owner, AT)
    client.headers.update(headers)
    return client


def unmet_request(requester: Organization, *themes: str, **changes: Any) -> TrainingRequest:
    """A request for study visits, which nobody offers."""
    lines = changes.pop("lines", tuple(line(theme=theme) for theme in themes or ("trafficking",)))
    return opened(requester, **{"lines": lines, "forms": ("study_visit",), "visibility": "agency", **changes})


@copied
def gap_scene(**changes: Any) -> MarketScene:
    """One line that can be served, two of another request that nobody serves; all ranked."""
    scene = market(**{"visibility": "agency", **changes})
    unmet_request(scene.requester, "trafficking", "mainstreaming")
    work()
    return scene


def gap(actor: Actor, query: str = "", **headers: str) -> dict[str, Any]:
    answer = speak(actor, **headers).get(f"/reports/gap{query}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.body
    return body


def counts(body: dict[str, Any]) -> tuple[int, int]:
    return body["demand"]["asked"]["lines"], body["demand"]["unmet"]["lines"]


# --- counts -------------------------------------------------------------------------------------------------------


def test_gap_counts_demand_supply_and_unmet_lines_with_their_reason() -> None:
    body = gap(gap_scene().officer)
    assert body["basis"] == {"as_of": "2026-11-23", "run": None}
    assert body["demand"]["asked"] == {"lines": 3, "participants": 3 * 30}
    assert body["demand"]["unmet"] == {"lines": 2, "participants": 2 * 30}
    assert [(row["reason"], row["lines"]) for row in body["demand"]["reasons"]] == [("no_form", 1), ("no_theme", 1)]
    assert body["requests"] == 2
    assert body["supply"]["on_market"] == 2
    served = next(cell for cell in body["cells"] if cell["forms"] == ["workshop"])
    assert (served["supply"], served["demand"]["unmet"]["lines"], served["region"]) == (2, 0, "011")
    wanted = next(cell for cell in body["cells"] if cell["forms"] == ["study_visit"])
    assert (wanted["supply"], wanted["language"]) == (0, "fr")


def test_gap_cells_add_up_to_the_totals() -> None:
    body = gap(gap_scene().officer)
    for kind in ("asked", "unmet"):
        for figure in ("lines", "participants"):
            assert sum(cell["demand"][kind][figure] for cell in body["cells"]) == body["demand"][kind][figure]


def test_gap_names_the_offering_that_would_close_most_in_both_languages() -> None:
    scene = gap_scene()
    ranking = gap(scene.officer)["ranking"]
    best = ranking["singles"][0]
    assert (best["offering"]["form"], best["offering"]["region"], best["lines"]) == ("study_visit", "011", 1)
    assert best["closes"][0]["request"] != scene.request.reference
    assert {"en", "fr"} == set(best["sentence"]["text"])
    assert "Voyage" in best["sentence"]["text"]["fr"] or "étude" in best["sentence"]["text"]["fr"]
    assert [step["closed"] for step in ranking["together"]] == [1, 2]
    assert ranking["method"] == "greedy"
    assert all(step["closed"] <= step["bound"] for step in ranking["together"])


def test_line_that_was_not_ranked_yet_is_not_called_unmet() -> None:
    scene = market()
    body = gap(scene.officer)
    assert counts(body) == (1, 0)
    assert body["demand"]["unranked"] == 1


def test_line_answered_not_yet_met_stays_in_the_gap_with_its_reason() -> None:
    scene = market()
    request = unmet_request(scene.requester)
    work()
    requests.waive_call_for_offers(actor=scene.focal, at=AT, request_id=request.pk)
    requests.mark_unmet(actor=scene.officer, at=AT, request_id=request.pk, reason_code="no_funding")
    assert RequestLine.objects.get(request=request).state == "unmet"
    body = gap(scene.officer)
    assert counts(body) == (2, 1)
    assert body["demand"]["reasons"][0]["reason"] == "no_funding"


def test_line_that_was_given_to_a_partner_is_no_demand_any_more() -> None:
    scene = gap_scene()
    approved(scene)
    assert counts(gap(scene.officer)) == (2, 2)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?theme=trafficking", (1, 1)),
        ("?theme=protection", (1, 1)),
        ("?region=002", (3, 2)),
        ("?region=MLI", (3, 2)),
        ("?region=142", (0, 0)),
        ("?language=fr", (3, 2)),
        ("?language=es", (0, 0)),
        ("?form=workshop", (1, 0)),
        ("?form=study_visit", (2, 2)),
    ],
)
def test_gap_is_narrowed_by_each_filter(query: str, expected: tuple[int, int]) -> None:
    assert counts(gap(gap_scene().officer, query)) == expected


# --- plans --------------------------------------------------------------------------------------------------------


def plan(request: TrainingRequest, **changes: Any) -> MatchRun:
    policy = MatchingPolicyFactory.create(number=7)
    facts = {"state": "complete", "finished_at": AT, "snapshot_digest": "a" * 64, "as_of": AT.date(), **changes}
    run = MatchRunFactory.create(mode="portfolio", request=None, request_content_version=0, policy=policy, **facts)
    for position, row in enumerate(request.lines.order_by("number"), start=1):
        PlanLineFactory.create(run=run, line=row, request=request, position=position, language="fr", country="MLI")
    return run


def test_latest_plan_is_the_basis_and_open_lines_are_on_demand() -> None:
    scene = gap_scene()
    run = plan(scene.request)
    body = gap(scene.officer)
    assert body["basis"]["run"] == str(run.public_id)
    assert counts(body) == (1, 1)
    assert body["demand"]["reasons"][0]["reason"] == "no_theme"
    assert counts(gap(scene.officer, f"?run={run.public_id}")) == (1, 1)
    assert gap(scene.officer, "?run=open")["basis"]["run"] is None
    assert counts(gap(scene.officer, "?run=open")) == (3, 2)


def test_agency_counts_open_lines_where_the_plan_is_not_for_it() -> None:
    scene = gap_scene()
    run = plan(scene.request)
    assert gap(scene.focal)["basis"]["run"] is None
    problem = check_problem(speak(scene.focal).get(f"/reports/gap?run={run.public_id}"), ErrorCode.UNKNOWN_REFERENCE)
    assert places(problem) == {"run": "unknown_reference"}


@pytest.mark.parametrize("named", ["nonsense", "0198c0de-0000-7000-8000-0000000000a2"])
def test_unknown_run_is_named(named: str) -> None:
    answer = speak(market().officer).get(f"/reports/gap?run={named}")
    assert places(check_problem(answer, ErrorCode.UNKNOWN_REFERENCE)) == {"run": "unknown_reference"}


def test_run_of_one_request_is_no_plan() -> None:
    scene = gap_scene()
    run = MatchRun.objects.filter(request=scene.request).first()
    assert run is not None
    check_problem(speak(scene.officer).get(f"/reports/gap?run={run.public_id}"), ErrorCode.UNKNOWN_REFERENCE)


# --- who sees how much --------------------------------------------------------------------------------------------


def test_everybody_counts_what_they_may_read_and_no_more() -> None:
    scene = gap_scene()
    unmet_request(OrganizationFactory.create(roles=["member"]), visibility="group")
    work()
    other = member(OrganizationFactory.create(roles=["member"]))
    stranger = member(OrganizationFactory.create())
    assert counts(gap(scene.officer)) == (4, 3)
    assert counts(gap(scene.focal)) == (4, 3)
    assert counts(gap(other)) == (1, 1)
    assert counts(gap(stranger)) == (0, 0)
    assert gap(stranger)["ranking"]["singles"] == []


def test_auditor_counts_the_needs_of_the_own_programme() -> None:
    programme = ProgrammeFactory.create()
    scene = market(visibility="agency")
    unmet_request(scene.requester, programme=programme.code)
    work()
    auditor = member(OrganizationFactory.create(), "auditor", programmes=[programme.code])
    assert counts(gap(auditor)) == (1, 1)


def test_draft_is_in_nobodys_report() -> None:
    scene = gap_scene()
    before = counts(gap(scene.focal))
    draft(scene.requester)
    assert counts(gap(scene.focal)) == counts(gap(scene.officer)) == before


def test_titles_and_texts_of_requests_are_never_shown() -> None:
    scene = market()
    unmet_request(scene.requester, title={"en": "Very secret training"}, need_statement={"en": "Very secret need"})
    work()
    for form in ("json", "csv", "svg"):
        answer = speak(scene.officer).get(f"/reports/gap?format={form}")
        assert answer.status_code == 200
        assert b"secret" not in answer.content


def test_caller_who_is_not_signed_in_is_sent_away() -> None:
    check_problem(ApiClient().get("/reports/gap"), ErrorCode.NOT_AUTHENTICATED)


def test_number_of_queries_does_not_grow_with_the_needs() -> None:
    scene = gap_scene()
    client = speak(scene.officer)

    def queries() -> int:
        client.get("/reports/gap")
        with CaptureQueriesContext(connection) as found:
            assert client.get("/reports/gap").status_code == 200
        return len(found)

    few = queries()
    for _ in range(5):
        unmet_request(OrganizationFactory.create(roles=["member"]), "trafficking", "diaspora", "labour-migration")
    work()
    assert queries() == few


# --- tables and picture -------------------------------------------------------------------------------------------


def rows_of(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_csv_has_a_row_for_each_cell_and_headers_in_the_language_asked() -> None:
    scene = gap_scene()
    answer = speak(scene.officer).get("/reports/gap?format=csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == 'attachment; filename="gap.csv"'
    head, *rows = rows_of(answer)
    assert head[:4] == ["Theme (code)", "Theme", "Region (M49)", "Region"]
    assert sum(int(row[8]) for row in rows) == 2
    assert {len(row) for row in rows} == {len(head)}
    french = rows_of(speak(scene.officer, **{"Accept-Language": "fr"}).get("/reports/gap?format=csv"))
    assert french[0][:4] == ["Thème (code)", "Thème", "Région (M49)", "Région"]
    assert "Afrique occidentale" in french[1]


def test_csv_of_the_offerings_is_the_second_table() -> None:
    head, first, *_ = rows_of(speak(gap_scene().officer).get("/reports/gap?format=csv&table=offerings"))
    assert head[0] == "Rank"
    assert (first[0], first[8]) == ("1", "1")


def test_accept_chooses_the_form_as_the_parameter_does() -> None:
    client = speak(gap_scene().officer)
    assert client.get("/reports/gap", Accept="text/csv").content == client.get("/reports/gap?format=csv").content
    picture = client.get("/reports/gap", Accept="image/svg+xml")
    assert picture["Content-Type"] == "image/svg+xml; charset=utf-8"
    check_problem(client.get("/reports/gap", Accept="application/pdf"), ErrorCode.NOT_ACCEPTABLE)


def test_xlsx_has_two_sheets_with_numbers_as_numbers_and_is_the_same_file_twice() -> None:
    client = speak(gap_scene().officer)
    answer = client.get("/reports/gap?format=xlsx")
    assert answer["Content-Disposition"] == 'attachment; filename="gap.xlsx"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        names = ET.fromstring(book.read("xl/workbook.xml")).iter(f"{SHEET}sheet")
        assert [sheet.get("name") for sheet in names] == ["Gaps", "Offerings wanted"]
        sheet = ET.fromstring(book.read("xl/worksheets/sheet1.xml"))
    rows = list(sheet.iter(f"{SHEET}row"))
    unmet = [cell.find(f"{SHEET}v") for row in rows[1:] for cell in row if (cell.get("r") or "").startswith("I")]
    assert sum(int(value.text or 0) for value in unmet if value is not None) == 2
    assert client.get("/reports/gap?format=xlsx").content == answer.content


def test_picture_says_in_words_what_it_shows_in_both_languages() -> None:
    scene = gap_scene()
    english = ET.fromstring(speak(scene.officer).get("/reports/gap?format=svg").content)
    assert english.get("role") == "img"
    assert english.findtext(f"{SVG}title") == "Needs not yet met, by theme and region"
    assert "2 with 60 participants" in (english.findtext(f"{SVG}desc") or "")
    cells = [group.findtext(f"{SVG}title") or "" for group in english.iter(f"{SVG}g")]
    assert len(cells) == 2
    assert all(text.endswith("Western Africa: 1 unmet") for text in cells)
    answer = speak(scene.officer, **{"Accept-Language": "fr"}).get("/reports/gap?format=svg")
    french = ET.fromstring(answer.content)
    assert french.get("lang") == "fr"
    assert french.findtext(f"{SVG}title") == "Besoins non encore satisfaits, par thème et par région"


def test_picture_of_nothing_unmet_is_a_picture_still() -> None:
    picture = ET.fromstring(speak(market().officer).get("/reports/gap?format=svg").content)
    assert list(picture.iter(f"{SVG}g")) == []


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("format=pdf", "format"),
        ("theme=cooking", "theme"),
        ("region=XXX", "region"),
        ("language=tlh", "language"),
        ("form=party", "form"),
        ("table=secrets", "table"),
        ("offerings=0", "offerings"),
        ("offerings=many", "offerings"),
    ],
)
def test_parameter_that_cannot_be_is_named(query: str, parameter: str) -> None:
    answer = speak(market().officer).get(f"/reports/gap?{query}")
    assert list(places(check_problem(answer, ErrorCode.INVALID_INPUT))) == [parameter]


def test_unknown_parameter_is_refused() -> None:
    check_problem(speak(market().officer).get("/reports/gap?colour=red"), ErrorCode.UNKNOWN_PARAMETER)


def test_known_etag_is_answered_without_a_body() -> None:
    client = speak(gap_scene().officer)
    tag = client.get("/reports/gap")["ETag"]
    assert client.get("/reports/gap", If_None_Match=tag).status_code == 304


def test_report_of_a_later_day_leaves_out_what_no_offering_could_reach() -> None:
    scene = gap_scene()
    with time_machine.travel(later(400), tick=False):
        owner = scene.officer.user
        assert owner is not None
        body = ApiClient.of(owner, later(400)).get("/reports/gap?run=open").body
    assert body["ranking"]["closable"] == 0
    assert {code for row in body["ranking"]["out_of_reach"] for code in row["codes"]} >= {"window_missed"}


def test_system_reads_everything() -> None:
    gap_scene()
    assert reports.gap_report(actor=SYSTEM, at=AT, policy=DEFAULT_POLICY).total.asked.lines == 3
