"""The trail is verified without being asked."""

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from marketplace.audit.models import Verification
from marketplace.work import operations, registry
from marketplace.work.loop import run_until_idle
from tests.audit.trails import linked, tamper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("whole_schedule")]


def verified(at: datetime) -> Verification:
    operations.enqueue("audit.verify", {}, at=at)
    run_until_idle(worker="test", clock=lambda: at)
    return Verification.objects.latest("pk")


def test_job_comes_each_day() -> None:
    assert registry.Periodic("audit.verify", timedelta(days=1)) in registry.periodic_jobs()


def test_first_walk_is_whole_later_ones_go_on_from_it_and_a_week_later_all_is_computed_again(at: datetime) -> None:
    linked(4, at)
    first = verified(at)
    assert (first.first, first.last, first.findings) == (1, 4, 0)
    linked(3, at)
    second = verified(at + timedelta(days=1))
    assert (second.first, second.last, second.findings) == (5, 7, 0)
    third = verified(at + timedelta(days=7))
    assert (third.first, third.last, third.findings) == (1, 7, 0)


def test_what_does_not_fit_is_kept_and_said_aloud(at: datetime) -> None:
    record, *_ = linked(4, at)
    tamper("UPDATE audit_auditrecord SET action = 'forged' WHERE id = %s", record.pk)
    with capture_logs() as logs:
        found = verified(at)
    assert found.findings
    [said] = [line for line in logs if line["event"] == "audit.broken"]
    assert (said["log_level"], said["findings"]) == ("error", found.findings)


def test_after_a_finding_the_whole_chain_is_computed_until_it_fits(at: datetime) -> None:
    record, *_ = linked(4, at)
    tamper("UPDATE audit_auditrecord SET action = 'forged' WHERE id = %s", record.pk)
    verified(at)
    again = verified(at + timedelta(days=1))
    assert (again.first, bool(again.findings)) == (1, True)
