"""The metrics: for the secretariat and its systems alone, and true."""

from datetime import datetime, timedelta

import pytest

from marketplace.kernel.errors import ErrorCode as C
from marketplace.work.models import JobState
from tests.factories.accounts import ServiceClientFactory
from tests.factories.machinery import JobFactory, OutboxEventFactory, WorkerHeartbeatFactory
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
    assert found['marketplace_jobs{state="dead"}'] == 1
    assert found['marketplace_jobs{state="queued"}'] == 2
    assert found["marketplace_jobs_due"] == 1
    assert found["marketplace_jobs_of_unknown_kind"] == 1
    assert found["marketplace_job_oldest_due_seconds"] >= 300
    assert found["marketplace_outbox_age_seconds"] >= 90
    assert found['marketplace_webhooks{state="failing"}'] == 1
    assert found['marketplace_webhooks{state="well"}'] == 1
    assert found['marketplace_webhooks{state="switched_off"}'] == 0
    assert found["marketplace_webhook_deliveries_pending"] == 1
    assert found["marketplace_webhook_delivery_oldest_seconds"] >= 300
    assert found['marketplace_processes{role="worker"}'] == 1
    assert found['marketplace_processes{role="dispatcher"}'] == 0


def test_calls_are_counted_by_route(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.officer, at)
    name = 'django_http_responses_total_by_status_view_method_total{method="GET",status="200",view="me"}'
    before = numbers(api).get(name, 0)
    api.get("/me")
    assert numbers(api)[name] == before + 1


def test_system_of_the_secretariat_reads_them_and_that_of_an_agency_does_not(group: SmallGroup, at: datetime) -> None:
    own = ServiceClientFactory.create(organization=group.secretariat, scopes=["metrics:read"])
    other = ServiceClientFactory.create(organization=group.requester, scopes=["metrics:read"])
    assert "marketplace_jobs_due" in numbers(ApiClient.of(own, at, "metrics:read"))
    check_problem(ApiClient.of(other, at, "metrics:read").get("/metrics", **AS_PROMETHEUS), C.PERMISSION_DENIED)
    check_problem(ApiClient.of(group.focal_point, at).get("/metrics", **AS_PROMETHEUS), C.PERMISSION_DENIED)
    check_problem(ApiClient().get("/metrics", **AS_PROMETHEUS), C.NOT_AUTHENTICATED)
