"""Imports through the API: what is written, what is told, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts.models import Membership, Organization
from marketplace.audit.models import AuditRecord
from marketplace.bulk.models import Import, ImportRow
from marketplace.bulk.targets import targets
from marketplace.bulk.tasks import tidy
from marketplace.events.models import OutboxEvent
from marketplace.files import uploads
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.imports import RESOURCES
from marketplace.search.models import SearchDocument
from marketplace.work.loop import settle
from marketplace.work.models import Job, JobState
from providers.models import Offering, OfferingFacet, Provider, Session
from requests_app.models import TrainingRequest
from tests.bulk.files import as_csv, as_jsonl, as_xlsx, begin, counts, imported, rows, told
from tests.factories.providers import OfferingFactory, ProviderFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


def columns_of(offering: Offering) -> dict[str, Any]:
    left_out = ("id", "public_id", "created_at", "updated_at", "external_id")
    return {one.name: getattr(offering, one.name) for one in offering._meta.concrete_fields if one.name not in left_out}


# --- what is written ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_offering_imported_is_the_one_that_a_single_write_makes(staff: ApiClient, kind: str) -> None:
    body = {
        "provider": "PRO",
        "source": "lms",
        "titles": {"en": "Course", "fr": "Cours"},
        "themes": ["fair-recruitment", "mainstreaming"],
        "languages": ["en", "fr"],
        "duration_hours": 14,
    }
    assert staff.post("/offerings", {**body, "external_id": "single"}).status_code == 201
    table = [{**rows(1)[0], "external_id": "many", "titles.en": "Course", "titles.fr": "Cours"}]
    content = {
        "csv": lambda: as_csv(table),
        "xlsx": lambda: as_xlsx(table),
        "jsonl": lambda: as_jsonl([{**body, "external_id": "many"}]),
    }[kind]()
    one = imported(staff, content, format=kind)
    assert (one["status"], counts(one), one["rows_done"], one["rows_total"]) == ("done", (1, 0, 0, 0), 1, 1), one
    single, many = Offering.objects.get(external_id="single"), Offering.objects.get(external_id="many")
    assert columns_of(many) == columns_of(single)
    for offering in (single, many):
        acts = AuditRecord.objects.filter(resource_id=offering.public_id)
        assert [(act.action, act.to_state, act.actor_label) for act in acts] == [("created", "draft", "staff")]
        event = OutboxEvent.objects.get(resource_id=offering.public_id)
        assert (event.type, event.version, event.audience) == ("offering.created", 1, "organizations")
        assert event.addressees.count() == 1
        assert OfferingFacet.objects.filter(offering=offering).count() == 4
        assert SearchDocument.objects.filter(resource="offering", record_id=offering.pk).count() == 2


def test_second_import_changes_what_differs_and_leaves_the_rest(staff: ApiClient) -> None:
    imported(staff, as_csv(rows(3)))
    again = rows(2) + rows(1, first=2, duration_hours="21") + rows(1, first=3)
    one = imported(staff, as_csv(again))
    assert counts(one) == (1, 1, 2, 0)
    assert sorted(Offering.objects.values_list("external_id", "duration_hours", "version")) == [
        ("course-0", 14, 1),
        ("course-1", 14, 1),
        ("course-2", 21, 2),
        ("course-3", 14, 1),
    ]
    changed = AuditRecord.objects.get(resource="offering", action="changed")
    assert changed.changes == {"duration_hours": [14, 21]}
    assert OutboxEvent.objects.filter(type="offering.changed").count() == 1


def test_same_offering_twice_in_a_file_is_made_once_and_then_changed(staff: ApiClient) -> None:
    one = imported(staff, as_csv(rows(1) + rows(1, duration_hours="7") + rows(1, duration_hours="7")))
    assert counts(one) == (1, 1, 1, 0)
    assert Offering.objects.get().duration_hours == 7


def test_empty_cell_says_nothing(staff: ApiClient) -> None:
    imported(staff, as_csv(rows(1)))
    one = imported(staff, as_csv([{**rows(1)[0], "titles.fr": "", "duration_hours": ""}]))
    assert counts(one) == (0, 1, 0, 0)  # a map of texts is given whole, as in the single write
    assert Offering.objects.get().titles == {"en": "Course 0"}
    assert Offering.objects.get().duration_hours == 14


def test_row_of_a_known_request_changes_what_it_names_and_leaves_the_rest(group: SmallGroup) -> None:
    focal = ApiClient.of(group.focal_point, timezone.now())
    need = {
        "external_id": "n",
        "title.en": "Need",
        "award": "completion",
        "languages.must": "en;fr",
        "place.city": "Bamako",
    }
    need |= {"place.country": "MLI", "lines.1.theme": "mainstreaming", "lines.2.theme": "fair-recruitment"}
    assert counts(imported(focal, as_csv([need], header=tuple(need)), resource="requests")) == (1, 0, 0, 0)
    row = {"external_id": "n", "title.en": "Need, changed", "place.city": "Ségou", "award": ""}
    one = imported(focal, as_csv([row], header=tuple(row)), resource="requests")
    assert counts(one) == (0, 1, 0, 0), told(focal, one)
    request = TrainingRequest.objects.get(external_id="n")
    assert (request.title, request.award, request.languages_must) == (
        {"en": "Need, changed"},
        "completion",
        ["en", "fr"],
    )
    assert (request.place_country, request.place_city) == ("MLI", "Ségou")
    assert [line.theme for line in request.lines.order_by("number")] == ["mainstreaming", "fair-recruitment"]
    second = {"external_id": "n", "lines.1.theme": "mainstreaming", "lines.1.country": "SEN"}
    assert counts(imported(focal, as_csv([second], header=tuple(second)), resource="requests")) == (0, 1, 0, 0)
    request.refresh_from_db()
    assert [(line.number, line.country) for line in request.lines.exclude(state="dropped")] == [(1, "SEN")]


def test_partners_in_a_row_are_those_of_the_offering(staff: ApiClient) -> None:
    row = {"provider": "PRO", "external_id": "p", "partners": [{"organization": "REQ", "role": "member"}]}
    bad = {"provider": "PRO", "external_id": "q", "partners": [{"organization": "NOBODY", "role": "member"}]}
    one = imported(staff, as_jsonl([row, bad]), format="jsonl", mode="partial")
    assert counts(one) == (1, 0, 0, 1), told(staff, one)
    assert [one.organization.code for one in Offering.objects.get().partners.all()] == ["REQ"]
    assert not Offering.objects.filter(external_id="q").exists()


def test_each_resource_is_imported_by_its_own_operation(group: SmallGroup, staff: ApiClient) -> None:
    officer = ApiClient.of(group.officer, timezone.now())
    focal = ApiClient.of(group.focal_point, timezone.now())
    organizations = [
        {"code": "NEW-A", "names": {"en": "New"}, "kind": "member_agency"},
        {"code": "NEW-B", "names": {"en": "Newer"}, "kind": "regional_centre", "parent": "NEW-A"},
    ]
    for expected in ((2, 0, 0, 0), (0, 0, 2, 0)):
        assert counts(imported(officer, as_jsonl(organizations), format="jsonl", resource="organizations")) == expected
    assert Organization.objects.get(code="NEW-B").parent == Organization.objects.get(code="NEW-A")
    for names, expected in (({"en": "B"}, (1, 0, 0, 0)), ({"en": "B"}, (0, 0, 1, 0)), ({"en": "BB"}, (0, 1, 0, 0))):
        provider = [{"organization": "NEW-B", "names": names}]
        assert counts(imported(officer, as_jsonl(provider), format="jsonl", resource="providers")) == expected
    assert Provider.objects.get(code="NEW-B").names == {"en": "BB"}
    offering = OfferingFactory.create(provider=Provider.objects.get(code="PRO"))
    header = ("offering", "external_id", "period.start", "period.end", "seats_total", "city")
    session = {"offering": str(offering.public_id), "external_id": "s", "period.start": "2027-03-08"}
    session |= {"period.end": "2027-03-10", "seats_total": "30", "city": "Dakar"}
    for expected in ((1, 0, 0, 0), (0, 0, 1, 0)):
        assert counts(imported(staff, as_csv([session], header=header), resource="sessions")) == expected
    assert Session.objects.get(external_id="s").city == "Dakar"
    need = {"requesting_organization": "REQ", "external_id": "n", "title.en": "Need", "language": "en"}
    need |= {"lines.1.theme": "mainstreaming", "lines.1.participants.min": "5", "lines.1.participants.max": "9"}
    need |= {"lines.2.theme": "fair-recruitment", "languages.must": "en;fr"}
    for expected in ((1, 0, 0, 0), (0, 0, 1, 0)):
        one = imported(focal, as_csv([need], header=tuple(need)), resource="requests")
        assert counts(one) == expected, told(focal, one)
    request = TrainingRequest.objects.get(external_id="n")
    assert [line.theme for line in request.lines.order_by("number")] == ["mainstreaming", "fair-recruitment"]
    assert request.state == "draft"


def test_names_of_the_resources_are_those_that_apps_list() -> None:
    assert tuple(targets()) == RESOURCES


# --- modes --------------------------------------------------------------------------------------------------------
def test_refused_row_of_an_atomic_import_keeps_all_out(staff: ApiClient) -> None:
    one = imported(staff, as_csv(rows(2) + rows(1, first=2, themes="coffee")))
    assert (one["status"], counts(one)) == ("refused", (2, 0, 0, 1))
    assert not Offering.objects.exists()
    assert not AuditRecord.objects.filter(resource="offering").exists()
    assert not OutboxEvent.objects.filter(resource="offering").exists()
    (row,) = told(staff, one)
    (error,) = row.pop("errors")
    assert row == {"line": 4, "outcome": "refused", "reference": "course-2", "changes": {}}
    assert (error["code"], error["pointer"], error["column"]) == ("unknown_reference", "/themes/0", "themes")
    assert "fair-recruitment" in error["allowed"]


def test_refused_rows_of_a_partial_import_leave_the_others_alone(staff: ApiClient) -> None:
    bad = [
        *rows(1, first=10, themes="coffee"),
        *rows(1, first=11, duration_hours="many"),
        *rows(1, first=12, external_id=""),
        *rows(1, first=13, provider="NOBODY"),
        {**rows(1, first=14)[0], "titles.xx": "no language"},
    ]
    header = (*rows(1)[0], "titles.xx")
    one = imported(staff, as_csv(rows(2) + bad + rows(1, first=2), header=header), mode="partial")
    assert (one["status"], counts(one)) == ("done", (3, 0, 0, 5))
    assert sorted(Offering.objects.values_list("external_id", flat=True)) == ["course-0", "course-1", "course-2"]
    found = {row["line"]: {(error["pointer"], error["code"]) for error in row["errors"]} for row in told(staff, one)}
    assert found[4] == {("/themes/0", "unknown_reference")}
    assert found[5] == {("/duration_hours", "invalid")}
    assert found[6] == {("/external_id", "required")}
    assert found[7] == {("/provider", "unknown_reference")}
    assert next(code for _, code in found[8]) == "language"


def test_dry_run_tells_field_by_field_and_writes_nothing(staff: ApiClient) -> None:
    imported(staff, as_csv(rows(2)))
    before = (Offering.objects.count(), AuditRecord.objects.filter(resource="offering").count())
    table = rows(1) + rows(1, first=1, duration_hours="21") + rows(1, first=2) + rows(1, first=3, themes="coffee")
    one = imported(staff, as_csv(table), dry_run=True)
    assert (one["status"], counts(one), one["rows_done"]) == ("done", (1, 1, 1, 1), 4)
    assert (Offering.objects.count(), AuditRecord.objects.filter(resource="offering").count()) == before
    told_rows = {row["line"]: (row["outcome"], row["changes"]) for row in told(staff, one)}
    assert told_rows[3] == ("changed", {"duration_hours": [14, 21]})
    assert told_rows[4][0] == "created"
    assert told_rows[5][0] == "refused"
    assert 2 not in told_rows
    assert [row["line"] for row in told(staff, one, "?outcome=refused")] == [5]


def test_row_of_a_dry_run_finds_what_an_earlier_row_would_make(group: SmallGroup) -> None:
    officer = ApiClient.of(group.officer, timezone.now())
    table = [
        {"code": f"N-{n}", "names": {"en": "N"}, "kind": "member_agency", "parent": f"N-{n - 1}"} for n in range(5)
    ]
    table[0]["parent"] = None  # type: ignore[assignment]
    one = imported(officer, as_jsonl(table), format="jsonl", resource="organizations", dry_run=True)
    assert counts(one) == (5, 0, 0, 0)
    assert not Organization.objects.filter(code__startswith="N-").exists()


def test_many_rows_in_one_transaction_are_refused_where_they_would_hold_up_everybody(
    staff: ApiClient, settings: Settings, is_postgres: bool
) -> None:
    settings.IMPORT_ROWS_UNDER_LOCK = 2
    one = imported(staff, as_csv(rows(3)))
    if is_postgres:
        assert (one["status"], counts(one)) == ("done", (3, 0, 0, 0))
    else:
        assert (one["status"], one["problems"][0]["code"]) == ("refused", "too_many_rows")
        assert counts(imported(staff, as_csv(rows(3)), mode="partial")) == (3, 0, 0, 0)


# --- who may ------------------------------------------------------------------------------------------------------
def test_row_about_somebody_elses_provider_is_refused_as_the_single_write_is(staff: ApiClient) -> None:
    ProviderFactory.create(code="OTHER")
    one = imported(staff, as_csv(rows(1) + rows(1, first=1, provider="OTHER")), mode="partial")
    assert counts(one) == (1, 0, 0, 1)
    assert [(row["line"], row["errors"][0]["code"]) for row in told(staff, one)] == [(3, "permission_denied")]
    check_problem(staff.post("/offerings", {"provider": "OTHER", "titles": {"en": "X"}}), C.PERMISSION_DENIED)


def test_rights_are_those_of_the_moment_at_which_rows_are_written(group: SmallGroup, staff: ApiClient) -> None:
    answer = begin(staff, as_csv(rows(2)), mode="partial")
    Membership.objects.filter(user=group.provider_staff).delete()
    settle()
    one = Import.objects.get(public_id=answer.body["id"])
    assert (one.created, one.refused) == (0, 2)
    assert not Offering.objects.exists()


def test_person_who_left_imports_nothing(group: SmallGroup, staff: ApiClient) -> None:
    begin(staff, as_csv(rows(1)), mode="partial")
    group.provider_staff.is_active = False
    group.provider_staff.save()
    settle()
    assert Import.objects.get().refused == 1
    assert not Offering.objects.exists()


def test_token_writes_no_more_by_import_than_by_single_writes(group: SmallGroup) -> None:
    narrow = ApiClient.of(group.officer, timezone.now(), "organizations:write", "catalogue:read")
    check_problem(begin(narrow, as_csv(rows(1))), C.INSUFFICIENT_SCOPE)
    one = begin(narrow, as_jsonl([{"code": "X-1", "names": {"en": "X"}, "kind": "member_agency"}]), format="jsonl")
    assert one.status_code == 403
    kept = {"format": "jsonl", "resource": "organizations"}
    assert counts(imported(narrow, as_jsonl([{"code": "X-1", "names": {"en": "X"}, "kind": "member_agency"}]), **kept))


def test_import_is_its_callers_own(group: SmallGroup, staff: ApiClient) -> None:
    one = imported(staff, as_csv(rows(1)))
    for person in (group.officer, group.focal_point):
        other = ApiClient.of(person, timezone.now())
        check_problem(other.get(f"/imports/{one['id']}"), C.NOT_FOUND)
        check_problem(other.get(f"/imports/{one['id']}/rows"), C.NOT_FOUND)
        check_problem(other.post(f"/imports/{one['id']}/cancel"), C.NOT_FOUND)
        assert other.get("/imports").body["results"] == []
    assert [row["id"] for row in staff.get("/imports").body["results"]] == [one["id"]]


def test_upload_is_its_callers_own_and_of_the_format(group: SmallGroup, staff: ApiClient) -> None:
    focal = ApiClient.of(group.focal_point, timezone.now())
    sent = begin(staff, as_csv(rows(1)))
    row = Import.objects.select_related("upload").get(public_id=sent.body["id"])
    body = {"resource": "requests", "format": "csv", "upload": str(row.upload.public_id)}
    assert places(check_problem(focal.post("/imports", body), C.UNKNOWN_REFERENCE)) == {"/upload": "unknown_reference"}
    body = {**body, "resource": "offerings", "format": "xlsx"}
    assert places(check_problem(staff.post("/imports", body), C.RULE_BROKEN)) == {"/format": "other_format"}
    body = {**body, "resource": "coffee"}
    assert check_problem(staff.post("/imports", body), C.INVALID_INPUT)["errors"][0]["allowed"] == list(RESOURCES)


# --- the job ------------------------------------------------------------------------------------------------------
def test_import_is_answered_at_once_with_its_place(staff: ApiClient) -> None:
    answer = begin(staff, as_csv(rows(1)))
    assert answer.status_code == 202
    assert answer["Location"].endswith(f"/api/v1/imports/{answer.body['id']}")
    assert answer["Retry-After"] == "1"
    assert (answer.body["status"], answer.body["allowed_actions"]) == ("queued", ["cancel"])
    assert answer.body["links"]["rows"].endswith(f"/imports/{answer.body['id']}/rows")


def test_import_called_off_writes_nothing_and_cannot_be_called_off_again(staff: ApiClient) -> None:
    place = f"/imports/{begin(staff, as_csv(rows(1))).body['id']}"
    assert staff.post(f"{place}/cancel").body["status"] == "cancelled"
    settle()
    assert staff.get(place).body["status"] == "cancelled"
    assert not Offering.objects.exists()
    check_problem(staff.post(f"{place}/cancel"), C.WRONG_STATE)


def test_import_whose_job_died_is_told_to_have_failed(staff: ApiClient) -> None:
    begin(staff, as_csv(rows(1)))
    now = timezone.now()
    Job.objects.filter(kind="bulk.import").update(state=JobState.DEAD, finished_at=now, last_error="killed")
    assert tidy(at=now) == 1
    assert Import.objects.get().status == "failed"
    Job.objects.filter(kind="bulk.import").update(state=JobState.QUEUED, finished_at=None)
    settle()  # somebody has revived the job
    assert (Import.objects.get().status, Offering.objects.count()) == ("done", 1)


def test_rows_told_of_are_forgotten_after_a_month(staff: ApiClient) -> None:
    imported(staff, as_csv(rows(1, themes="coffee")))
    assert ImportRow.objects.count() == 1
    assert tidy(at=timezone.now() + timedelta(days=29)) == 0
    assert tidy(at=timezone.now() + timedelta(days=31)) == 1
    assert not ImportRow.objects.exists()
    assert Import.objects.get().refused == 1


def test_file_of_an_import_stays_while_it_is_needed(staff: ApiClient) -> None:
    begin(staff, as_csv(rows(1)))
    assert uploads.sweep(at=timezone.now() + timedelta(days=2)) == 0
    assert uploads.sweep(at=timezone.now() + timedelta(days=8)) == 1


def test_statements_of_a_batch_do_not_grow_with_its_new_offerings(staff: ApiClient) -> None:
    def statements(first: int, count: int) -> int:
        begin(staff, as_csv(rows(count, first=first)), mode="partial")
        with CaptureQueriesContext(connection) as caught:
            settle()
        tables = ("providers_offering", "providers_offeringfacet", "audit_auditrecord", "search_searchdocument")
        return sum((one["sql"] or "").startswith(tuple(f'INSERT INTO "{name}"' for name in tables)) for one in caught)

    few, many = statements(0, 3), statements(100, 40)
    assert many <= few + 3, "SQLite takes so many values in one statement, and no more"
