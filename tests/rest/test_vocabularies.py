from datetime import datetime

import pytest

from marketplace.audit.models import AuditRecord
from marketplace.kernel.errors import ErrorCode as C
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


def test_vocabulary_gives_labels_in_the_language_asked_for(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    codes = {row["code"] for row in api.get("/vocabularies").body["results"]}
    assert {"themes", "audiences", "organization_kinds"} <= codes
    english = api.get("/vocabularies/audiences", Accept_Language="en")
    french = api.get("/vocabularies/audiences", Accept_Language="fr")
    assert english.body["codes"][0]["label"] != french.body["codes"][0]["label"]
    assert english.body["codes"][0]["labels"] == french.body["codes"][0]["labels"]
    assert english["ETag"] != french["ETag"]
    assert "max-age" in english["Cache-Control"]
    again = api.get("/vocabularies/audiences", Accept_Language="en", If_None_Match=english["ETag"])
    assert again.status_code == 304
    assert again.content == b""
    check_problem(api.get("/vocabularies/nonsense"), C.NOT_FOUND)


def test_themes_come_with_their_relations(group: SmallGroup, at: datetime) -> None:
    rows = ApiClient.of(group.viewer, at).get("/vocabularies/themes").body["codes"]
    assert any(row["broader"] for row in rows)
    assert any(row["alt_labels"] for row in rows)


def test_countries_of_a_region(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    everywhere = api.get("/countries").body["results"]
    western = api.get("/countries?region=011").body["results"]
    assert len(everywhere) > 190
    assert "MLI" in {row["alpha3"] for row in western}
    assert len(western) < 30
    regions = {row["m49"]: row for row in api.get("/regions").body["results"]}
    assert "MLI" in regions["011"]["countries"]


def test_exchange_rates_of_a_day(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    rates = api.get("/exchange-rates?currency=EUR").body["results"]
    assert rates
    assert all(isinstance(row["usd_per_unit"], str) for row in rates)
    day = rates[-1]["valid_on"]
    assert len(api.get(f"/exchange-rates?currency=EUR&on={day}").body["results"]) == 1
    wrong = check_problem(api.get("/exchange-rates?on=2026-02-31"), C.INVALID_INPUT)
    assert places(wrong) == {"on": "invalid"}


def test_head_changes_a_service_level_and_it_is_recorded(group: SmallGroup, at: datetime) -> None:
    head = ApiClient.of(group.head, at)
    level = head.get("/service-levels").body["results"][0]
    path = f"/service-levels/{level['step']}"
    tag = head.get(path)["ETag"]
    check_problem(head.patch(path, {"working_days": 9}), C.PRECONDITION_REQUIRED)
    changed = head.patch(path, {"working_days": 9}, If_Match=tag)
    assert changed.status_code == 200, changed.content
    assert (changed.body["working_days"], changed.body["edited"]) == (9, True)
    check_problem(head.patch(path, {"working_days": 8}, If_Match=tag), C.PRECONDITION_FAILED)
    assert AuditRecord.objects.filter(resource="service_level", action="changed").count() == 1
    officer = ApiClient.of(group.officer, at)
    check_problem(officer.patch(path, {"working_days": 8}, If_Match=tag), C.PERMISSION_DENIED)
    broken = check_problem(head.patch(path, {"owner": "nobody-known"}, If_Match=changed["ETag"]), C.RULE_BROKEN)
    assert places(broken)
