"""Systems in test mode: what they write is theirs to see, and leaves no trace anywhere else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from marketplace.accounts import operations as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, ServiceClient
from marketplace.accounts.roles import SCOPES
from marketplace.audit.models import AuditRecord, PendingRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.lifecycles.deadlines import sweep
from marketplace.search.models import SearchDocument
from marketplace.work.models import Job
from providers import tasks as providers
from providers.models import Offering
from requests_app import tasks as requests
from requests_app.models import ReferenceCounter, RequestLine, RequestRevision, TrainingRequest
from tests.factories.accounts import ServiceClientFactory
from tests.factories.providers import ProviderFactory
from tests.factories.requests import draft
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import EVER, SYSTEM, SmallGroup, small_group

pytestmark = pytest.mark.django_db

NEED = {
    "requesting_organization": "REQ",
    "title": {"en": "Canary of a need"},
    "need_statement": {"en": "Officials need training."},
    "languages": {"must": ["en"]},
    "window": {"start": "2027-03-01", "end": "2027-04-30"},
    "lines": [
        {
            "theme": "fair-recruitment",
            "audience": "national_government",
            "country": "MLI",
            "language": "en",
            "participants": {"min": 5, "max": 20},
        }
    ],
    "visibility": "public",
}
SILENT: tuple[Any, ...] = (AuditRecord, PendingRecord, OutboxEvent, Job, ReferenceCounter)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def group() -> SmallGroup:
    return small_group(EVER)


def speaking(owner: Any, now: datetime) -> ApiClient:
    return ApiClient.of(owner, now)


def in_test_mode(of: Organization, client_id: str = "req-trial") -> ServiceClient:
    return ServiceClientFactory.create(client_id=client_id, organization=of, scopes=sorted(SCOPES), test_mode=True)


@pytest.fixture
def trial(group: SmallGroup, now: datetime) -> ApiClient:
    return speaking(in_test_mode(group.requester), now)


def test_need_is_drafted_changed_submitted_and_withdrawn_without_a_trace(
    trial: ApiClient, group: SmallGroup, now: datetime
) -> None:
    before = [model.objects.count() for model in SILENT]
    made = trial.post("/requests", NEED)
    assert made.status_code == 201, made.body
    path = f"/requests/{made.body['id']}"
    changed = trial.patch(path, {"title": {"en": "Another canary"}}, If_Match=made["ETag"])
    assert changed.body["title"]["en"] == "Another canary"
    sent = trial.post(f"{path}/submit")
    assert (sent.status_code, sent.body["state"]) == (200, "submitted"), sent.body
    assert sent.body["reference"].startswith("TESTGMG-MLI-")
    assert sent.body["allowed_actions"] == ["change", "withdraw"]
    assert sent.body["waiting_for"] == "secretariat"
    assert trial.get(f"/requests/{sent.body['reference']}").status_code == 200
    assert sweep(at=now + timedelta(days=400)) == 0
    edited = trial.patch(path, {"languages": {"must": ["fr"]}}, If_Match=sent["ETag"])
    assert edited.body["content_version"] == 2
    gone = trial.post(f"{path}/withdraw", {"reason_code": "other"})
    assert gone.body["state"] == "withdrawn", gone.body
    for answer in (made, changed, sent, edited, gone, trial.get("/me"), trial.get("/"), trial.get("/requests?x=1")):
        assert answer["Test-Mode"] == "true"
    assert [model.objects.count() for model in SILENT] == before


def test_both_ways_nothing_is_seen(trial: ApiClient, group: SmallGroup, now: datetime) -> None:
    real = draft(group.requester)
    made = trial.post("/requests", NEED).body
    trial.post(f"/requests/{made['id']}/submit")
    others = [
        *(speaking(one, now) for one in (group.client, group.officer, group.head, group.focal_point, group.auditor)),
        speaking(in_test_mode(group.stranger, "str-trial"), now),
    ]
    for other in others:
        check_problem(other.get(f"/requests/{made['id']}"), ErrorCode.NOT_FOUND)
        listed = other.get("/requests?with_count=true&facets=state").body
        assert made["id"] not in str(listed)
    assert "Test-Mode" not in others[0].get("/requests")
    assert check_problem(trial.get(f"/requests/{real.public_id}"), ErrorCode.NOT_FOUND)
    mine = trial.get("/requests?with_count=true&facets=state,theme&q=canary").body
    assert ([row["id"] for row in mine["results"]], mine["count"]) == ([made["id"]], 1)
    assert mine["facets"]["state"] == [{"code": "submitted", "label": "submitted", "count": 1}]
    beside = speaking(in_test_mode(group.requester, "req-other-trial"), now)
    assert [row["id"] for row in beside.get("/requests").body["results"]] == [made["id"]]


def test_outside_ids_of_test_and_real_things_do_not_meet(trial: ApiClient, group: SmallGroup, now: datetime) -> None:
    content = {**NEED, "external_id": "N-1"}
    first, again = trial.post("/requests", content), trial.post("/requests", content)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.body["id"] == again.body["id"]
    live = speaking(group.client, now).post("/requests", content)
    assert live.status_code == 201
    check_problem(
        trial.post("/requests", {**NEED, "parent_request": live.body["id"], "parent_relation": "repeat"}),
        ErrorCode.UNKNOWN_REFERENCE,
    )


@pytest.fixture
def catalogue(group: SmallGroup, now: datetime) -> tuple[ApiClient, ApiClient, dict[str, Any]]:
    """Give a system in test mode and a real one of the provider, and an offering to send."""
    provider = ProviderFactory.create(organization=group.provider)
    live = ServiceClientFactory.create(organization=group.provider, scopes=sorted(SCOPES))
    body = {
        "provider": provider.code,
        "titles": {"en": "Canary course"},
        "summaries": {"en": "For officers."},
        "themes": ["fair-recruitment"],
        "form": "workshop",
        "modality": "in_person",
        "languages": ["en"],
        "audiences": ["national_government"],
        "duration_hours": 14,
        "on_request": True,
        "lead_time_days": 30,
        "participants_min": 5,
        "participants_max": 20,
        "external_id": "C-1",
        "source": "lms",
    }
    return speaking(in_test_mode(group.provider, "pro-trial"), now), speaking(live, now), body


def test_offering_stays_apart(
    catalogue: tuple[ApiClient, ApiClient, dict[str, Any]], group: SmallGroup, now: datetime
) -> None:
    trial, live, body = catalogue
    before = [model.objects.count() for model in SILENT]
    made = trial.post("/offerings", body)
    assert made.status_code == 201, made.body
    assert trial.post("/offerings", body).status_code == 200
    path = f"/offerings/{made.body['id']}"
    sent = trial.post(f"{path}/submit")
    assert sent.body["state"] == "in_vetting", sent.body
    assert [row["id"] for row in trial.get("/offerings?q=canary&theme=fair-recruitment").body["results"]] == [
        made.body["id"]
    ]
    assert [model.objects.count() for model in SILENT] == before
    for other in (live, speaking(group.head, now), speaking(group.provider_staff, now)):
        check_problem(other.get(path), ErrorCode.NOT_FOUND)
    real = live.post("/offerings", {**body, "is_umbrella": True})
    assert (real.status_code, real.body["id"] != made.body["id"]) == (201, True)
    again = trial.get(path)
    refused = trial.patch(path, {"series": real.body["id"]}, If_Match=again["ETag"])
    check_problem(refused, ErrorCode.UNKNOWN_REFERENCE)
    assert trial.post(f"{path}/retire").body["state"] == "retired"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/events", "/sessions", "/proposals", "/engagements", "/webhooks", "/imports")),
        *(("GET", path) for path in ("/reports/gap", "/notifications", "/harvests", "/memberships")),
        *(("POST", path) for path in ("/match-runs", "/imports", "/uploads", "/sessions", "/webhooks", "/providers")),
    ],
)
def test_what_concerns_others_is_refused(trial: ApiClient, method: str, path: str) -> None:
    refused = trial.call(method, path, {} if method == "POST" else None)
    check_problem(refused, ErrorCode.NOT_IN_TEST_MODE)
    assert refused["Test-Mode"] == "true"


def test_verbs_of_others_on_test_data_are_refused(trial: ApiClient) -> None:
    made = trial.post("/requests", NEED).body
    for verb in ("open", "shares", "endorsements", "documents", "waive-call", "consent-to-posting", "offers"):
        check_problem(trial.post(f"/requests/{made['id']}/{verb}", {}), ErrorCode.NOT_IN_TEST_MODE)


def test_database_lets_no_test_data_go_further(trial: ApiClient) -> None:
    made = trial.post("/requests", NEED).body
    row = TrainingRequest.everything.filter(public_id=made["id"])
    with pytest.raises(IntegrityError), transaction.atomic():
        row.update(state="open", reference="X", submitted_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert row.get().is_test
    assert not TrainingRequest.objects.filter(public_id=made["id"]).exists()


def test_it_is_gone_after_some_days(
    trial: ApiClient, catalogue: tuple[ApiClient, ApiClient, dict[str, Any]], group: SmallGroup, now: datetime
) -> None:
    lms, live, body = catalogue
    series = lms.post("/offerings", {**body, "external_id": "S", "is_umbrella": True}).body
    lms.post("/offerings", {**body, "series": series["id"]})
    parent = trial.post("/requests", NEED)
    trial.post(f"/requests/{parent.body['id']}/submit")
    read = trial.get(f"/requests/{parent.body['id']}")
    trial.patch(f"/requests/{parent.body['id']}", {"languages": {"must": ["fr"]}}, If_Match=read["ETag"])
    trial.post("/requests", {**NEED, "parent_request": parent.body["id"], "parent_relation": "repeat"})
    kept = [draft(group.requester), live.post("/offerings", body).body]
    for days, left in ((13, 2), (15, 0)):
        for run in (requests.clear_test_data, providers.clear_test_data, providers.clear_test_data):
            run({}, at=now + timedelta(days=days))
        assert TrainingRequest.everything.filter(is_test=True).count() == left
        assert Offering.everything.filter(is_test=True).count() == left
    assert not RequestRevision.objects.exists()
    assert set(RequestLine.objects.values_list("request_id", flat=True)) <= {kept[0].pk}
    words = SearchDocument.objects.values_list("resource", "record_id").distinct()
    assert {resource for resource, _ in words} == {"training_request", "training_request_summary", "offering"}
    assert len(words) == 3
    assert (TrainingRequest.objects.count(), Offering.objects.count()) == (1, 1)


def test_secretariat_makes_it_so_when_it_registers_a_system_and_never_after(group: SmallGroup, now: datetime) -> None:
    office = speaking(group.head, now)
    body = {"client_id": "req-new", "name": "Trial", "organization": "REQ", "scopes": ["requests:read"]}
    made = office.post("/service-clients", {**body, "test_mode": True})
    assert (made.status_code, made.body["test_mode"]) == (201, True), made.body
    refused = office.patch(f"/service-clients/{made.body['id']}", {"test_mode": False}, If_Match=made["ETag"])
    assert places(check_problem(refused, ErrorCode.INVALID_INPUT)) == {"/test_mode": "unknown_field"}
    renamed = office.patch(f"/service-clients/{made.body['id']}", {"name": "Other"}, If_Match=made["ETag"])
    assert (renamed.body["name"], renamed.body["test_mode"]) == ("Other", True)
    client = ServiceClient.objects.get(client_id="req-new")
    accounts.save_service_client(
        actor=SYSTEM, at=now, client_id="req-new", name="", organization=group.requester, scopes=[], test_mode=False
    )
    client.refresh_from_db()
    assert Actor.for_client(client).is_test
    assert speaking(client, now).get("/me").status_code in (200, 403)
    assert speaking(group.client, now).get("/me").body["test_mode"] is False
