"""What was exported can be changed and imported again: what is shown only is passed over, and said so."""

import csv
from io import BytesIO, StringIO
from typing import Any

import orjson
import pytest
from django.utils import timezone
from openpyxl import load_workbook

from marketplace.accounts.models import Organization
from marketplace.accounts.roles import SCOPES
from providers.models import Offering, Provider, Session
from requests_app.models import TrainingRequest
from tests.bulk.files import as_csv, as_jsonl, counts, imported, rows, told
from tests.factories.accounts import client_of
from tests.factories.providers import OfferingFactory, SessionFactory
from tests.kit.api import ApiClient
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
FORMATS = ("csv", "xlsx", "jsonl")
NEED = {
    "requesting_organization": "REQ",
    "external_id": "need-1",
    "title": {"en": "Need", "es": "Necesidad"},
    "language": "en",
    "lines": [
        {"theme": "mainstreaming", "country": "MLI", "participants": {"min": 5, "max": 9}},
        {"theme": "fair-recruitment", "region": "011"},
    ],
    "languages": {"must": ["en", "fr"]},
    "window": {"start": "2031-03-01", "end": "2031-09-30"},
}


def exported(client: ApiClient, path: str, kind: str) -> bytes:
    answer: Any = client.client.get(f"/api/v1{path}{'&' if '?' in path else '?'}format={kind}", headers=client.headers)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def names_in(content: bytes, kind: str) -> set[str]:
    if kind == "csv":
        return set(next(csv.reader(StringIO(content.decode("utf-8-sig")))))
    if kind == "xlsx":
        return {str(cell.value) for cell in next(load_workbook(BytesIO(content), read_only=True).worksheets[0].rows)}
    return set(orjson.loads(content.splitlines()[0]))


@pytest.fixture
def filled(group: SmallGroup, staff: ApiClient) -> dict[str, ApiClient]:
    """Make something of each resource, through imports; give who keeps it."""
    officer, focal = (ApiClient.of(one, timezone.now()) for one in (group.officer, group.focal_point))
    with_partner = {"provider": "PRO", "external_id": "with-partner", "titles": {"en": "Two"}, "participants_min": 5}
    with_partner |= {"partners": [{"organization": "REQ", "role": "member"}], "cost_per_delivery": "2400.00"}
    with_partner |= {"currency": "USD", "places": [{"city": "Dakar", "country": "SEN"}], "objectives": {"en": ["One"]}}
    assert counts(imported(staff, as_csv(rows(2)))) == (2, 0, 0, 0)
    assert counts(imported(staff, as_jsonl([with_partner]), format="jsonl")) == (1, 0, 0, 0)
    known = OfferingFactory.create(provider=Provider.objects.get(code="PRO"), external_id="taught")
    session = {"offering": str(known.public_id), "external_id": "s", "city": "Dakar", "seats_total": 30}
    session |= {"period": {"start": "2031-03-08", "end": "2031-03-10"}}
    assert counts(imported(staff, as_jsonl([session]), format="jsonl", resource="sessions")) == (1, 0, 0, 0)
    assert counts(imported(focal, as_jsonl([NEED]), format="jsonl", resource="requests")) == (1, 0, 0, 0)
    return {"offerings": staff, "sessions": staff, "requests": focal, "organizations": officer, "providers": officer}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(
    "path",
    [
        "offerings",
        "offerings?expand=provider",
        "sessions",
        "requests",
        "requests?expand=lines",
        "organizations",
        "providers",
    ],
)
def test_what_was_exported_is_imported_without_a_change(filled: dict[str, ApiClient], path: str, kind: str) -> None:
    resource = path.partition("?")[0]
    client = filled[resource]
    content = exported(client, f"/{path}", kind)
    one = imported(client, content, format=kind, resource=resource, from_export=True)
    created, changed, unchanged, refused = counts(one)
    assert (one["status"], created, changed, refused) == ("done", 0, 0, 0), (one, told(client, one))
    assert unchanged == one["rows_total"] > 0
    shown_only = set(one["passed_over"])
    assert {"version", "created_at"} <= shown_only < names_in(content, kind)
    assert not shown_only & {"external_id", "titles.en", "titles", "lines", "names", "organization"}


def test_what_was_changed_in_the_file_is_changed_and_nothing_else(filled: dict[str, ApiClient]) -> None:
    focal = filled["requests"]
    (shown,) = csv.DictReader(StringIO(exported(focal, "/requests?expand=lines", "csv").decode("utf-8-sig")))
    lines = orjson.loads(shown["lines"])
    lines[1]["country"], lines[1]["region"] = "SEN", ""
    table = {**shown, "title.en": "Need, changed", "lines": orjson.dumps(lines).decode(), "state": "approved"}
    one = imported(focal, as_csv([table], header=tuple(table)), resource="requests", from_export=True)
    assert counts(one) == (0, 1, 0, 0), told(focal, one)
    assert "state" in one["passed_over"]
    request = TrainingRequest.objects.get(external_id="need-1")
    assert (request.title, request.state) == ({"en": "Need, changed", "es": "Necesidad"}, "draft")
    found = [(line.number, line.theme, line.country, line.region) for line in request.lines.order_by("number")]
    assert found[0] == (1, "mainstreaming", "MLI", "")
    assert found[1][:3] == (2, "fair-recruitment", "SEN")


def test_without_being_told_so_an_export_is_refused_by_its_columns(filled: dict[str, ApiClient]) -> None:
    staff = filled["sessions"]
    one = imported(staff, exported(staff, "/sessions", "csv"), resource="sessions")
    assert (one["status"], one["from_export"], one["passed_over"]) == ("refused", False, [])
    assert "unknown_column" in {problem["code"] for problem in one["problems"]}
    assert Session.objects.count() == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_what_has_no_key_or_another_owner_of_it_is_found_by_its_id(
    group: SmallGroup, filled: dict[str, ApiClient], kind: str
) -> None:
    staff, focal = filled["offerings"], filled["requests"]
    here = OfferingFactory.create(provider=Provider.objects.get(code="PRO"), places=[{"country": "SEN"}])
    SessionFactory.create(offering=here)
    known = client_of(group.requester, *SCOPES).client
    assert known is not None
    system = ApiClient.of(known, timezone.now())
    assert system.post("/requests", {"external_id": "need-1", "title": {"en": "The system's"}}).status_code == 201
    for client, resource, rows_there in ((staff, "offerings", 5), (staff, "sessions", 2), (focal, "requests", 2)):
        one = imported(client, exported(client, f"/{resource}", kind), format=kind, resource=resource, from_export=True)
        assert (one["status"], counts(one)) == ("done", (0, 0, rows_there, 0)), (one, told(client, one))


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_over_and_was_not_changed_keeps_nothing_out(filled: dict[str, ApiClient], kind: str) -> None:
    staff, focal = filled["offerings"], filled["requests"]
    Offering.objects.filter(external_id="with-partner").update(state="retired")
    Session.objects.update(state="completed")
    TrainingRequest.objects.update(state="withdrawn")
    for client, path in ((staff, "offerings"), (staff, "sessions"), (focal, "requests?expand=lines")):
        resource = path.partition("?")[0]
        one = imported(client, exported(client, f"/{path}", kind), format=kind, resource=resource, from_export=True)
        assert (one["status"], one["unchanged"]) == ("done", one["rows_total"]), (one, told(client, one))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_two_columns_are_enough_to_change_one(filled: dict[str, ApiClient], kind: str) -> None:
    staff = filled["offerings"]
    content = exported(staff, "/offerings?fields=id,titles&external_id=course-0", kind)
    one = imported(staff, content.replace(b"Course 0", b"Course renamed"), format=kind, from_export=True)
    assert (counts(one), one["passed_over"]) == ((0, 1, 0, 0), []), told(staff, one)
    known = Offering.objects.get(external_id="course-0")
    assert known.titles == {"en": "Course renamed", "fr": "Cours 0"}
    assert (known.duration_hours, known.provider.code) == (14, "PRO")


def test_row_of_an_export_changes_no_key_and_finds_nothing_hidden(filled: dict[str, ApiClient]) -> None:
    staff = filled["offerings"]
    (first, second, third, fourth) = (orjson.loads(row) for row in exported(staff, "/offerings", "jsonl").splitlines())
    rows_sent = [
        {**first, "external_id": "another"},
        {**second, "id": "01976b0e-0000-7000-8000-000000000000"},
        {**third, "id": "no id"},
        {**fourth, "provider_id": "NOBODY"},
        {"provider_code": "PRO", "provider": "PRO", "external_id": "new", "titles": {"en": "A row more"}},
    ]
    one = imported(staff, as_jsonl(rows_sent), format="jsonl", from_export=True, mode="partial")
    assert counts(one) == (1, 0, 0, 4)
    found = [(error["pointer"], error["code"]) for row in told(staff, one) for error in row["errors"]]
    refused = [("/external_id", "other_record"), ("/id", "unknown_reference"), ("/id", "unknown_reference")]
    assert found == [*refused, ("/provider", "other_record")]
    assert Offering.objects.get(external_id="new").titles == {"en": "A row more"}


def test_export_of_what_others_keep_changes_nothing_of_theirs(filled: dict[str, ApiClient]) -> None:
    content = exported(filled["organizations"], "/organizations", "jsonl")
    one = imported(filled["offerings"], content.replace(b'"en":"REQ', b'"en":"X'), format="jsonl", from_export=True)
    assert one["status"] == "refused"
    assert not Organization.objects.filter(names__en__startswith="X").exists()
