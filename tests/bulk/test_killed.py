"""A process that is killed in the middle of an import: the next one goes on, no row is lost and none is written twice."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.audit.models import AuditRecord
from marketplace.bulk.models import Import
from marketplace.events.models import OutboxEvent
from marketplace.work import operations as work
from marketplace.work.models import Job
from providers.models import Offering, OfferingFacet
from tests.bulk.files import as_csv, begin, rows
from tests.kit.api import ApiClient
from tests.work import children

ROWS, KILLS = 5_000, 3
WORKER = "tests/work/worker.py"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def var(tmp_path: Path, settings: Settings, folder: Path) -> Path:
    settings.FILES_DIR = tmp_path / "documents"
    return tmp_path


def test_import_whose_worker_is_killed_again_and_again_is_whole(staff: ApiClient, var: Path) -> None:
    begin(staff, as_csv(rows(ROWS)), mode="partial")
    for number in range(KILLS):
        before = Import.objects.get().rows_done
        with children.running(WORKER, "idle", f"victim-{number}", VAR_DIR=str(var)) as victim:
            children.wait_until(Import.objects.filter(rows_done__gt=before).exists)
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
        done = Import.objects.get()
        assert before < done.rows_done < ROWS, "killed too late to prove anything"
        assert Offering.objects.count() == done.rows_done == done.created
        assert work.sweep(at=timezone.now() + timedelta(minutes=5)) >= 1  # the lease of the dead is over
        work_now()
    with children.running(WORKER, "idle", "survivor", VAR_DIR=str(var)) as survivor:
        children.finish([survivor])
    one = Import.objects.get()
    assert (one.status, one.rows_done, one.created, one.refused) == ("done", ROWS, ROWS, 0)
    assert set(Offering.objects.values_list("external_id", flat=True)) == {f"course-{n}" for n in range(ROWS)}
    assert Offering.objects.count() == ROWS
    assert AuditRecord.objects.filter(resource="offering", action="created").count() == ROWS
    assert OutboxEvent.objects.filter(type="offering.created").count() == ROWS
    assert OfferingFacet.objects.count() == 4 * ROWS


def test_whole_import_whose_worker_is_killed_is_written_once(staff: ApiClient, var: Path) -> None:
    begin(staff, as_csv(rows(2_000)), mode="atomic")
    with children.running(WORKER, "idle", "victim", VAR_DIR=str(var)) as victim:
        children.wait_until(lambda: Import.objects.get().status == "running")
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()
    assert (Offering.objects.count(), Import.objects.get().rows_done) == (0, 0)
    assert work.sweep(at=timezone.now() + timedelta(minutes=5)) >= 1
    work_now()
    with children.running(WORKER, "idle", "survivor", VAR_DIR=str(var)) as survivor:
        children.finish([survivor])
    assert (Import.objects.get().status, Offering.objects.count()) == ("done", 2_000)
    assert AuditRecord.objects.filter(resource="offering", action="created").count() == 2_000


def work_now() -> None:
    """Let the job that was given back be due at once, not after its pause."""
    Job.objects.filter(kind="bulk.import").update(due_at=timezone.now())
