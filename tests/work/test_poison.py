"""Jobs that hang, kill their process or do not end at a shutdown: they alone suffer, and end where people look."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from marketplace.work import loop, operations, queries
from marketplace.work.models import Job, JobFailure, JobState, WorkerHeartbeat
from marketplace.work.registry import Claim, Payload, Progress, forget, job
from tests.work import children
from tests.work.jobs import effects

WORKER = "tests/work/worker.py"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def forgotten() -> Iterator[str]:
    yield "test.own"
    forget("test.own")


def states(kind: str) -> list[str]:
    return list(Job.objects.filter(kind=kind).order_by("id").values_list("state", flat=True))


# --- time limits --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("half", ["prepare", "effect"])
def test_job_that_hangs_is_stopped_at_the_time_limit_of_its_kind(forgotten: str, half: str) -> None:
    def prepare(payload: Payload, *, at: Any, progress: Progress) -> None:
        if half == "prepare":
            signal.pause()

    @job(forgotten, prepare=prepare, time_limit_seconds=0.3, max_attempts=1, lease_seconds=1)
    def effect(payload: Payload, *, at: Any, prepared: Any, claim: Claim) -> None:
        operations.enqueue("test.mark", {"n": "of the effect"}, at=at)
        if half == "effect":
            signal.pause()

    before = signal.getsignal(signal.SIGALRM)
    operations.enqueue(forgotten, {}, at=timezone.now())
    assert loop.run_one(worker="w1")
    stopped = queries.dead_letters().get()
    assert stopped.last_error == "OutOfTime: stopped after 0.3 s, the time limit of its kind"
    assert not Job.objects.filter(kind="test.mark").exists()
    assert signal.getsignal(signal.SIGALRM) == before


def test_job_that_heeds_no_interruption_loses_its_process_and_dies() -> None:
    operations.enqueue("test.deaf", {}, at=timezone.now())
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now() + timedelta(milliseconds=1))
    with children.running(WORKER, "forever", TEST_GRACE_SECONDS="1"):
        children.wait_until(lambda: states("test.deaf") == ["dead"] and states("test.mark") == ["done"])
    assert effects() == ["1"]
    assert "was lost during attempt 1" in JobFailure.objects.get().error


# --- jobs that kill -------------------------------------------------------------------------------------------------
def test_job_that_kills_its_process_dies_and_takes_nothing_along() -> None:
    now = timezone.now()
    poisons = [operations.enqueue("test.poison", {"n": "x", "how": how}, at=now) for how in ("exit", "crash")]
    for n in range(5):
        operations.enqueue("test.mark", {"n": n}, at=now)
    with children.running(WORKER, "forever"):
        children.wait_until(lambda: states("test.mark") == ["done"] * 5, seconds=30)
        keeper = WorkerHeartbeat.objects.get(role="dispatcher").name
        children.wait_until(lambda: states("test.poison") == ["dead"] * 2)
        assert WorkerHeartbeat.objects.get(role="dispatcher").name == keeper  # the sequencer never noticed
    assert sorted(effects()) == ["0", "1", "2", "3", "4"]
    for poison in poisons:
        attempts = list(poison.failures.order_by("fence").values_list("attempt", flat=True))
        assert attempts == [1, 2]


@pytest.mark.redis
def test_job_that_kills_a_process_of_the_celery_pool_dies_too(broker: str) -> None:
    now = timezone.now()
    operations.enqueue("test.poison", {"n": "x", "how": "out of memory"}, at=now)
    operations.enqueue_many([operations.NewJob("test.mark", {"n": n}) for n in range(5)], at=now)
    pool = ("-m", "celery", "-A", "tests.work.celery_pool", "worker", "--concurrency=2", "--without-mingle")
    with (
        children.running(*pool, "--loglevel=CRITICAL", REDIS_URL=broker) as parent,
        children.running(WORKER, "dispatch", REDIS_URL=broker),
    ):
        # Twice until a dead process is missed, on a machine with much else to do.
        children.wait_until(lambda: states("test.poison") == ["dead"] and states("test.mark") == ["done"] * 5, 120)
        assert parent.poll() is None
    assert sorted(effects()) == ["0", "1", "2", "3", "4"]
    assert JobFailure.objects.count() == 2


# --- shutdown -------------------------------------------------------------------------------------------------------
def test_sigterm_gives_a_long_job_back_within_a_bound(tmp_path: Path) -> None:
    operations.enqueue("test.hang", {"started": str(tmp_path / "started")}, at=timezone.now())
    with children.running(WORKER, "forever", TEST_SHUTDOWN_SECONDS="1") as worker:
        children.wait_for_file(tmp_path / "started")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    waiting = Job.objects.get(kind="test.hang")
    assert (waiting.state, waiting.attempts) == (JobState.QUEUED, 0)
    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.redis
def test_sigterm_gives_a_long_job_of_the_celery_pool_back_within_a_bound(broker: str, tmp_path: Path) -> None:
    operations.enqueue("test.hang", {"started": str(tmp_path / "started")}, at=timezone.now())
    pool = ("-m", "celery", "-A", "tests.work.celery_pool", "worker", "--concurrency=1", "--without-mingle", "--beat")
    given = {"REDIS_URL": broker, "TEST_SHUTDOWN_SECONDS": "1", "TEST_SWEEP_SECONDS": "1"}
    with children.running(*pool, "--loglevel=WARNING", "-s", str(tmp_path / "beat"), **given) as parent:
        children.wait_for_file(tmp_path / "started")
        parent.send_signal(signal.SIGTERM)
        parent.wait(30)
    waiting = Job.objects.get(kind="test.hang")
    assert (waiting.state, waiting.attempts) == (JobState.QUEUED, 0)


# --- limits of a kind -------------------------------------------------------------------------------------------------
def test_kind_with_a_limit_never_runs_more_than_that_at_a_time(tmp_path: Path) -> None:
    payloads = [{"n": n, "folder": str(tmp_path)} for n in range(12)]
    operations.enqueue_many([operations.NewJob("test.overlap", payload) for payload in payloads], at=timezone.now())
    with children.several(4, WORKER, "idle", f"limited-{os.getpid()}") as workers:
        children.finish(workers)
        children.wait_until(lambda: states("test.overlap") == ["done"] * 12)
    assert most_at_once(tmp_path) == 2


def most_at_once(folder: Path) -> int:
    """The highest number of spans, one a file, that have a moment in common."""
    spans = [tuple(map(float, path.read_text().split())) for path in folder.iterdir()]
    return max(sum(began <= moment < ended for began, ended in spans) for moment, _ in spans)


def test_overlap_is_seen(tmp_path: Path) -> None:
    for n, span in enumerate(("0 2", "1 3", "1.5 1.6", "2 4")):
        (tmp_path / str(n)).write_text(span)
    assert most_at_once(tmp_path) == 3
