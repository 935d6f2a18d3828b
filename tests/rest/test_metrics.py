"""The metrics: for the secretariat and its systems alone, and true."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings
from redis import Redis

from marketplace.audit import sequencer, verification
from marketplace.audit.models import PendingRecord
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.metrics import Installation
from marketplace.work import registry
from marketplace.work.models import JobState
from tests.factories.accounts import ServiceClientFactory
from tests.factories.machinery import AuditRecordFactory, JobFactory, OutboxEventFactory, WorkerHeartbeatFactory
from tests.factories.webhooks import DeliveryFactory, WebhookFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
AS_PROMETHEUS = {"Accept": "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}


def numbers(api: ApiClient) -> dict[str, float]:
    answer = api.get("/metrics", **AS_PROMETHEUS)
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = [line.rpartition(" ") for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_numbers_are_those_of_work_events_and_processes(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    JobFactory.create(kind="notifications.tell", due_at=at - timedelta(minutes=5))
    JobFactory.create(kind="of.tomorrow")
    JobFactory.create(state=JobState.DEAD, last_error="no", finished_at=at)
    OutboxEventFactory.create(at=at - timedelta(seconds=90))
    WorkerHeartbeatFactory.create(started_at=at, beat_at=at + timedelta(days=365))
    DeliveryFactory.create(webhook__failing_since=at, webhook__failures=1, created_at=at - timedelta(minutes=5))
    WebhookFactory.create()
    found = numbers(api)
    assert found['marketplace_jobs{kind="unknown",state="dead"}'] == 1
    assert found['marketplace_jobs{kind="unknown",state="queued"}'] == 1
    assert found['marketplace_jobs{kind="notifications.tell",state="queued"}'] == 1
    assert found['marketplace_jobs_due{kind="notifications.tell"}'] == 1
    assert found["marketplace_jobs_of_unknown_kind"] == 1
    assert found['marketplace_job_oldest_due_seconds{kind="notifications.tell"}'] >= 300
    assert found["marketplace_outbox_age_seconds"] >= 90
    assert found['marketplace_webhooks{state="failing"}'] == 1
    assert found['marketplace_webhooks{state="well"}'] == 1
    assert found['marketplace_webhooks{state="switched_off"}'] == 0
    assert found["marketplace_webhook_deliveries_pending"] == 1
    assert found["marketplace_webhook_delivery_oldest_seconds"] >= 300
    assert found['marketplace_processes{role="worker"}'] == 1
    assert found['marketplace_processes{role="dispatcher"}'] == 0


def test_kind_that_is_at_its_limit_can_be_told_from_the_others(group: SmallGroup, at: datetime) -> None:
    lease = {"state": JobState.RUNNING, "worker": "w1", "lease_until": at + timedelta(days=365)}
    JobFactory.create_batch(2, kind="webhooks.deliver", **lease)
    JobFactory.create(kind="webhooks.deliver", due_at=at - timedelta(minutes=5))
    found = numbers(ApiClient.of(group.officer, at))
    running = 'marketplace_jobs{kind="webhooks.deliver",state="running"}'
    assert found[running] == found['marketplace_jobs_at_most{kind="webhooks.deliver"}'] == 2
    assert found['marketplace_jobs_due{kind="webhooks.deliver"}'] == 1
    assert found['marketplace_jobs{kind="notifications.tell",state="running"}'] == 0, "none is a number, too"
    assert found['marketplace_job_oldest_due_seconds{kind="notifications.tell"}'] == 0
    assert 'marketplace_jobs_at_most{kind="notifications.tell"}' not in found


def test_kinds_of_jobs_are_those_that_are_listed_whatever_the_table_holds(at: datetime) -> None:
    for number in range(3):
        JobFactory.create(kind=f"of.another.version.{number}", due_at=at)
    [jobs] = [family for family in Installation(at).collect() if family.name == "marketplace_jobs"]
    assert {sample.labels["kind"] for sample in jobs.samples} == {*registry.job_kinds(), "unknown"}
    assert [s.value for s in jobs.samples if s.labels == {"kind": "unknown", "state": "queued"}] == [3]


def test_chain_that_lags_is_told(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    sequencer.link_pending(at=at, limit=10_000)
    found = numbers(api)
    assert (found["marketplace_audit_pending"], found["marketplace_audit_pending_oldest_seconds"]) == (0, 0)
    AuditRecordFactory.create()
    PendingRecord.objects.update(since=timezone.now() - timedelta(minutes=5))
    found = numbers(api)
    assert found["marketplace_audit_pending"] == 1
    assert 300 <= found["marketplace_audit_pending_oldest_seconds"] < 400


def test_last_walk_along_the_chain_is_told(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    found = numbers(api)
    assert (found["marketplace_audit_findings"], found["marketplace_audit_verified_timestamp_seconds"]) == (0, 0)
    verification.keep(verification.Report(findings=2), at=at)
    verification.keep(verification.Report(findings=3), at=at - timedelta(days=1))
    found = numbers(api)
    assert found["marketplace_audit_findings"] == 2
    assert found["marketplace_audit_verified_timestamp_seconds"] == at.timestamp()


@pytest.mark.parametrize("up", [True, False])
def test_redis_is_told_where_it_is_used(
    at: datetime, settings: Settings, monkeypatch: pytest.MonkeyPatch, up: bool
) -> None:
    settings.REDIS_URL = ""
    assert "marketplace_redis_up" not in {family.name for family in Installation(at).collect()}
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    if up:
        monkeypatch.setattr(Redis, "ping", lambda self: True)
    [told] = [family for family in Installation(at).collect() if family.name == "marketplace_redis_up"]
    assert [sample.value for sample in told.samples] == [up]


def test_number_of_queries_does_not_grow_with_what_there_is(at: datetime) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert list(Installation(at).collect())
        return len(made)

    before = queries()
    for kind in ("notifications.tell", "webhooks.deliver", "files.sweep"):
        JobFactory.create_batch(3, kind=kind)
    AuditRecordFactory.create_batch(3)
    verification.keep(verification.Report(), at=at)
    DeliveryFactory.create_batch(2)
    assert queries() == before


def test_calls_are_counted_by_route(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    name = 'django_http_responses_total_by_status_view_method_total{method="GET",status="200",view="me"}'
    before = numbers(api).get(name, 0)
    api.get("/me")
    assert numbers(api)[name] == before + 1


def test_sign_ins_that_were_refused_are_counted(group: SmallGroup, at: datetime) -> None:
    """An alarm rings on them (deploy/alerts.yml)."""
    api = ApiClient.of(group.officer, at)
    name = 'django_http_responses_total_by_status_view_method_total{method="POST",status="429",view="%s"}'
    wrong, before = {"login": "focal", "password": "wrong"}, numbers(api)
    answers = [Client().post("/sign-in", wrong).status_code for _ in range(settings.AXES_FAILURE_LIMIT)]
    assert answers.count(429) == 1
    ApiClient().call("POST", "/session", wrong)
    found = numbers(api)
    for view in ("sign-in", "session"):
        assert found.get(name % view, 0) == before.get(name % view, 0) + 1


def test_system_of_the_secretariat_reads_them_and_that_of_an_agency_does_not(group: SmallGroup, at: datetime) -> None:
    own = ServiceClientFactory.create(organization=group.secretariat, scopes=["metrics:read"])
    other = ServiceClientFactory.create(organization=group.requester, scopes=["metrics:read"])
    assert "marketplace_jobs_of_unknown_kind" in numbers(ApiClient.of(own, at, "metrics:read"))
    check_problem(ApiClient.of(other, at, "metrics:read").get("/metrics", **AS_PROMETHEUS), C.PERMISSION_DENIED)
    check_problem(ApiClient.of(group.focal_point, at).get("/metrics", **AS_PROMETHEUS), C.PERMISSION_DENIED)
    check_problem(ApiClient().get("/metrics", **AS_PROMETHEUS), C.NOT_AUTHENTICATED)
