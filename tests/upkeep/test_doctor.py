"""The doctor: what is well, what is not, the command that repairs it, and an exit code for scripts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from marketplace.audit import verification
from marketplace.rest import readiness
from marketplace.rest.readiness import Finding
from marketplace.upkeep import doctor
from marketplace.vocabularies import operations as vocabularies
from marketplace.vocabularies.models import Scheme
from marketplace.webhooks.models import Webhook
from marketplace.work import operations as work
from marketplace.work.models import JobState
from tests.audit.trails import guards_lifted, link_all, linked, tamper, written
from tests.factories.machinery import JobFactory, OutboxEventFactory
from tests.factories.webhooks import WebhookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def stale() -> None:
    """One list is not as it ships."""
    vocabularies.load_vocabularies(at=datetime(2026, 11, 1, tzinfo=UTC))
    Scheme.objects.filter(code="awards").update(checksum="of an older version")


def by_name(at: datetime) -> dict[str, doctor.Diagnosis]:
    return {diagnosis.name: diagnosis for diagnosis in doctor.examine(at)}


def start_worker(at: datetime) -> None:
    for role in ("worker", "celery", "dispatcher"):
        work.beat(name=f"{role}@here:1", role=role, pid=1, started_at=at, at=at)


def test_everything_is_looked_at_and_well_where_it_runs(at: datetime) -> None:
    vocabularies.load_vocabularies(at=at)
    start_worker(at)
    found = by_name(at)
    assert list(found) == [
        "database",
        "migrations",
        "vocabularies",
        "worker",
        "pool",
        "heartbeats",
        "outbox",
        "audit trail",
        "dead letters",
        "webhooks",
        "broker",
        "static files",
        "translations",
    ]
    assert all(diagnosis.ok and not diagnosis.repair for diagnosis in found.values())


@pytest.mark.usefixtures("stale")
def test_stale_vocabularies_and_missing_worker_come_with_their_repair(at: datetime) -> None:
    found = by_name(at)
    assert found["vocabularies"].detail == "Not as shipped: awards"
    assert found["vocabularies"].repair == "python manage.py load_vocabularies"
    assert "make worker" in found["worker"].repair


def test_pool_that_is_silent_is_told_although_the_dispatcher_stands_in(at: datetime, settings: Settings) -> None:
    settings.CELERY_ENABLED = True
    start_worker(at)
    assert by_name(at)["pool"].ok
    later = at + timedelta(minutes=4)
    for role in ("worker", "dispatcher"):
        work.beat(name=f"{role}@here:1", role=role, pid=1, started_at=at, at=later)
    found = by_name(later)
    assert (found["worker"].ok, found["pool"].ok) == (True, False)
    assert "make worker" in found["pool"].repair


def test_process_that_fell_silent_is_named(at: datetime) -> None:
    work.beat(
        name="dispatcher@there:7",
        role="dispatcher",
        pid=7,
        started_at=at - timedelta(hours=2),
        at=at - timedelta(hours=1),
    )
    told = by_name(at)["heartbeats"]
    assert not told.ok
    assert "dispatcher@there:7 since 2026-11-23 08:00 UTC" in told.detail


def test_dead_letters_are_counted_with_what_to_do(at: datetime) -> None:
    JobFactory.create(state=JobState.DEAD, last_error="boom", finished_at=at)
    told = by_name(at)["dead letters"]
    assert not told.ok
    assert "1 jobs gave up" in told.detail
    assert "/discard" in told.repair


def test_webhooks_that_fail_for_long_or_were_switched_off_are_told(at: datetime) -> None:
    webhook = WebhookFactory.create(failing_since=at - timedelta(minutes=30), failures=4)
    assert by_name(at)["webhooks"].ok
    Webhook.objects.filter(pk=webhook.pk).update(failing_since=at - timedelta(hours=2))
    told = by_name(at)["webhooks"]
    assert (told.ok, "1 active, 1 of them failing" in told.detail) == (False, True)
    Webhook.objects.update(active=False, disabled_at=at, disabled_reason="failing")
    assert "1 switched off" in by_name(at)["webhooks"].detail
    Webhook.objects.update(disabled_reason="owner")
    assert by_name(at)["webhooks"].ok


def test_event_that_waits_for_minutes_is_told(at: datetime) -> None:
    OutboxEventFactory.create(at=at - timedelta(minutes=5), sequence=None, published_at=None)
    assert "300 s" in by_name(at)["outbox"].detail
    assert not by_name(at)["outbox"].ok


def test_without_tables_the_rest_is_still_looked_at(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "migrations", lambda at: Finding("migrations", ok=False, detail="Wait."))
    found = by_name(at)
    assert found["migrations"].repair == "python manage.py migrate"
    assert "worker" not in found
    assert "translations" in found


@pytest.mark.usefixtures("stale")
def test_command_ends_with_one_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        call_command("doctor", "--json")
    assert end.value.code == 1
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    assert {check["name"]: check["ok"] for check in told["checks"]}["vocabularies"] is False


@pytest.mark.usefixtures("stale")
def test_command_prints_marks_and_repairs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✓ database")
    assert "    repair: python manage.py load_vocabularies" in lines


def test_audit_trail_that_waits_is_unguarded_or_does_not_fit_is_told(at: datetime) -> None:
    linked(2, at)
    assert by_name(at)["audit trail"] == doctor.Diagnosis("audit trail", True, "2 records in the chain, 0 wait for 0 s")
    written(at)
    late = by_name(timezone.now() + timedelta(minutes=5))["audit trail"]
    assert not late.ok
    assert "make worker" in late.repair or "make dispatcher" in late.repair
    link_all(at)
    tamper("UPDATE audit_auditrecord SET action = 'forged'")
    verification.keep(verification.verify()[0], at=at)
    assert by_name(at)["audit trail"].detail == "3 findings on 2026-11-23 09:00"
    with guards_lifted():
        assert by_name(at)["audit trail"].detail.startswith("Not guarded: audit_")
