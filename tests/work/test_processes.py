"""What happens when several processes are at it, and when one of them is killed. Real processes, on both engines."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from marketplace.work import loop, operations, process, processes, queries
from marketplace.work.models import Job, JobState, WorkerHeartbeat
from marketplace.work.registry import Claim, Payload, forget, job
from tests.work import children
from tests.work.jobs import effects

WORKER = "tests/work/worker.py"
GONE = 2**22 + 1  # above the highest process id of Linux
pytestmark = pytest.mark.django_db(transaction=True)


def all_done(count: int) -> bool:
    return Job.objects.filter(state=JobState.DONE, kind__startswith="test.").count() == count


def test_workers_side_by_side_do_each_job_once() -> None:
    """On SQLite this is also the test that no writer is told "database is locked"."""
    jobs = 150
    operations.enqueue_many([operations.NewJob("test.mark", {"n": n}) for n in range(jobs)], at=timezone.now())
    with children.several(4, WORKER, "idle", "side-by-side") as workers:
        shares = [int(said.split()[-1]) for said in children.finish(workers)]
    assert sum(shares) == jobs
    assert sorted(map(int, effects())) == list(range(jobs))
    assert set(Job.objects.values_list("state", "attempts", "fence")) == {("done", 1, 1)}


def test_enqueuers_side_by_side_make_one_job_of_a_key() -> None:
    code = (
        "import django; django.setup()\n"
        "from django.utils import timezone\n"
        "from marketplace.work import operations\n"
        "print(*[operations.enqueue('work.purge', {}, key=f'k{n}', at=timezone.now()).pk for n in range(50)])\n"
    )
    with children.several(3, "-c", code) as processes:
        answers = [said.split() for said in children.finish(processes)]
    assert Job.objects.count() == 50
    assert answers[0] == answers[1] == answers[2]


def test_kill_of_a_worker_while_preparing_leaves_the_job_to_the_next(tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    operations.enqueue("test.slow", {"n": 1, "started": str(started), "go": str(go)}, at=timezone.now())
    with children.running(WORKER, "forever") as worker:
        children.wait_for_file(started)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    assert Job.objects.get(kind="test.slow").state == JobState.RUNNING
    go.touch()
    with children.running(WORKER, "forever"):  # finds the dead process's job long before its lease of a minute ends
        children.wait_until(lambda: all_done(1), seconds=20)
    job = Job.objects.get(kind="test.slow")
    assert (job.attempts, job.fence, effects()) == (2, 2, ["1"])


def test_kill_of_a_worker_between_effect_and_completion_leaves_one_effect(tmp_path: Path) -> None:
    started, go = tmp_path / "started", tmp_path / "go"
    operations.enqueue("test.half", {"n": 1, "started": str(started), "go": str(go)}, at=timezone.now())
    with children.running(WORKER, "forever") as worker:
        children.wait_for_file(started)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    go.touch()
    with children.running(WORKER, "forever"):
        children.wait_until(lambda: all_done(1), seconds=30)
    assert effects() == ["1"]


def test_frozen_worker_that_wakes_after_its_lease_takes_no_effect(tmp_path: Path) -> None:
    """The case that leases alone get wrong: the job went to another, then the first one wakes and goes on."""
    started, go = tmp_path / "started", tmp_path / "go"
    operations.enqueue("test.slow", {"n": 1, "started": str(started), "go": str(go)}, at=timezone.now())
    with children.running(WORKER, "forever", TEST_LEASE_SECONDS="1") as frozen:
        children.wait_for_file(started)
        children.freeze(frozen)
        go.touch()
        with children.running(WORKER, "forever", TEST_LEASE_SECONDS="1"):
            children.wait_until(lambda: all_done(1), seconds=30)
        os.killpg(frozen.pid, signal.SIGCONT)
        operations.enqueue("test.mark", {"n": 2}, at=timezone.now())  # it goes on, and does what is its own
        children.wait_until(lambda: all_done(2))
    assert effects() == ["1", "2"]
    assert Job.objects.get(kind="test.slow").fence == 2


def test_sigterm_lets_the_job_under_way_give_itself_back(tmp_path: Path) -> None:
    started = tmp_path / "started"
    payload = {"n": 1, "started": str(started), "go": str(tmp_path / "never"), "tells": True}
    operations.enqueue("test.slow", payload, at=timezone.now())
    with children.running(WORKER, "forever") as worker:
        children.wait_for_file(started)
        # Each part says so itself; the one that works may be first to.
        children.wait_until(
            lambda: {beat.role for beat in queries.live_processes(timezone.now())} == {"worker", "dispatcher"}
        )
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(15) == 0
    job = Job.objects.get(kind="test.slow")
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert not WorkerHeartbeat.objects.exists()


def test_worker_publishes_keeps_the_schedule_and_works_without_a_broker() -> None:
    with children.running(WORKER, "forever") as worker:
        children.wait_until(lambda: Job.objects.filter(kind="work.purge", state=JobState.DONE).exists(), seconds=20)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(timeout=15) == 0, worker.said()
        said = worker.said()
    assert "is ready" in said
    assert "has stopped" in said


def test_two_workers_keep_one_schedule() -> None:
    with children.several(2, WORKER, "forever"):
        children.wait_until(lambda: Job.objects.filter(kind="work.purge", state=JobState.DONE).exists(), seconds=20)
        children.wait_until(lambda: queries.live_processes(timezone.now()).count() == 4)
    periods = list(Job.objects.filter(kind="work.purge").values_list("key", flat=True))
    assert len(periods) == len(set(periods))


@pytest.mark.postgres
def test_job_whose_lock_outlives_its_dead_worker_is_given_back_once_the_lock_is_gone(at: datetime) -> None:
    """PostgreSQL keeps what a killed process held until it finds nobody at the other end."""
    operations.beat(name="w1", role="worker", pid=GONE, started_at=at, at=at)
    operations.enqueue("test.mark", {}, at=at)
    assert operations.claim(worker="w1", at=at)
    holder = connection.copy()
    with closing(holder), holder.cursor() as cursor:
        cursor.execute("BEGIN; SELECT 1 FROM work_job FOR UPDATE")
        assert operations.sweep(at=at) == 0
        assert WorkerHeartbeat.objects.filter(name="w1").exists()  # else nobody would know before the lease lapses
        cursor.execute("ROLLBACK")
    assert operations.sweep(at=at) == 1
    assert Job.objects.get().state == JobState.QUEUED
    assert not WorkerHeartbeat.objects.exists()


def test_process_that_has_ended_is_gone_whether_its_parent_has_asked_or_not() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        assert not processes.is_gone(os.getpid())
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays as it is
        os.kill(child.pid, 0)  # for the kernel it is still there
        assert processes.is_gone(child.pid)
        child.wait()
        assert processes.is_gone(child.pid)


class Later:
    """A flag that is set from the second look on."""

    def __init__(self) -> None:
        self.looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.looks > 1


def test_stand_in_is_known_before_it_claims_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the job of one that dies at its first would wait until its lease lapses."""
    monkeypatch.setattr(loop, "BEAT_LOOK_SECONDS", 3_600.0)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    known: list[int] = []

    @job("test.own")
    def effect(payload: Payload, *, at: datetime, prepared: object, claim: Claim) -> None:
        known.extend(WorkerHeartbeat.objects.values_list("pid", flat=True))
        os.kill(os.getpid(), signal.SIGTERM)

    operations.enqueue("test.own", {}, at=timezone.now())
    try:
        process.stand_in(Later())  # type: ignore[arg-type]  # what is asked of a flag
    finally:
        forget("test.own")
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert known == [os.getpid()]


@pytest.mark.postgres
def test_worker_on_postgresql_is_woken_by_the_commit() -> None:
    """Half of the polling interval would be the mean without the doorbell."""
    with children.running(WORKER, "forever"):
        children.wait_until(lambda: queries.worker_alive(timezone.now()))
        operations.enqueue("test.mark", {"n": "warm"}, at=timezone.now())
        children.wait_until(lambda: all_done(1))
        waits = []
        for n in range(5):
            job = operations.enqueue("test.mark", {"n": n}, at=timezone.now())
            children.wait_until(partial(all_done, n + 2))
            job.refresh_from_db()
            assert job.finished_at is not None
            waits.append((job.finished_at - job.created_at).total_seconds())
    assert sorted(waits)[2] < 0.3, waits


@pytest.mark.postgres
def test_claims_that_overlap_in_time_keep_the_limit_of_a_kind(tmp_path: Path) -> None:
    operations.enqueue_many([operations.NewJob("test.limited", {"n": n}) for n in range(40)], at=timezone.now())
    code = (
        "import django; django.setup()\n"
        "from django.utils import timezone\n"
        "from marketplace.work import operations\n"
        "from tests.work.jobs import list_test_jobs\n"
        "list_test_jobs()\n"
        "print(sum(operations.claim(worker='c', at=timezone.now()) is not None for _ in range(20)))\n"
    )
    with children.several(4, "-c", code) as processes:
        taken = [int(said.split()[-1]) for said in children.finish(processes)]
    assert sum(taken) == 2
