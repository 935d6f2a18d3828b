"""The words of those who enqueue, decide and keep house, to the last column: what mutation testing asked for."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db.models import QuerySet

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work import operations, processes, registry
from marketplace.work.context import Origin, originating
from marketplace.work.models import Job, JobFailure, JobState, WorkerHeartbeat
from marketplace.work.operations import NewJob, housekeeping
from marketplace.work.operations.deciding import open_actions
from marketplace.work.registry import Claim

pytestmark = pytest.mark.django_db
GONE = 2**22 + 1  # above the highest process id of Linux
SECOND = timedelta(seconds=1)


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each ring of the doorbell."""
    heard: list[int] = []
    monkeypatch.setattr("marketplace.work.doorbell.ring", lambda: heard.append(1))
    return heard


def claimed(at: datetime, worker: str = "w1") -> Claim:
    claim = operations.claim(worker=worker, at=at)
    assert claim is not None
    return claim


def refused(word: object, job: Job, at: datetime) -> dict[str, object]:
    with pytest.raises(DomainError) as refusal:
        word(job, at=at)  # type: ignore[operator]
    assert refusal.value.code is ErrorCode.WRONG_STATE
    return dict(refusal.value.params)


def dead(at: datetime) -> Job:
    job = operations.enqueue("test.fail", {}, at=at, max_attempts=1)
    operations.fail(claimed(at), error="no", at=at)
    job.refresh_from_db()
    return job


# --- enqueueing -----------------------------------------------------------------------------------------------------
def test_job_is_written_whole_and_rings_once(at: datetime, rings: list[int]) -> None:
    with originating(Origin(request_id="r-1")):
        job = operations.enqueue(
            "test.fail", {"n": 1}, at=at, key="once", due_at=at + SECOND, max_attempts=2, priority=4
        )
    row = Job.objects.get()
    assert row == job
    assert (row.kind, row.payload, row.key, row.request_id) == ("test.fail", {"n": 1}, "once", "r-1")
    assert (row.created_at, row.due_at, row.max_attempts, row.priority) == (at, at + SECOND, 2, 4)
    assert (row.state, row.attempts, row.fence) == (JobState.QUEUED, 0, 0)
    assert rings == [1]
    plain = operations.enqueue("test.fail", {}, at=at)
    assert (plain.key, plain.due_at, plain.priority, plain.max_attempts, plain.request_id) == (None, at, 0, 3, "")
    assert rings == [1, 1]


def test_several_jobs_are_written_whole_and_ring_once(at: datetime, rings: list[int]) -> None:
    news = [NewJob("test.mark", {"n": 1}, key="a", request_id="r-2"), NewJob("test.fail", {"n": 2})]
    with originating(Origin(request_id="r-1")):
        assert operations.enqueue_many(news, at=at) == 2
    rows = Job.objects.order_by("id").values_list(
        "kind", "payload", "key", "request_id", "due_at", "created_at", "max_attempts", "priority"
    )
    assert list(rows) == [
        ("test.mark", {"n": 1}, "a", "r-2", at, at, 8, 0),
        ("test.fail", {"n": 2}, None, "r-1", at, at, 3, 0),
    ]
    assert rings == [1]
    assert operations.enqueue_many(news[:1], at=at) == 0
    assert operations.enqueue_many([], at=at) == 0
    assert operations.enqueue_many((new for new in [NewJob("test.mark", {})]), at=at) == 1
    assert (rings, Job.objects.count()) == ([1, 1], 3)


# --- deciding -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("queued", ["cancel"]),
        ("running", ["cancel"]),
        ("dead", ["discard", "retry"]),
        ("done", []),
        ("cancelled", []),
        ("discarded", []),
    ],
)
def test_what_can_be_done_with_a_job_is_told_by_its_state(state: str, actions: list[str]) -> None:
    assert open_actions(Job(state=state)) == actions


def test_dead_letter_that_is_retried_is_due_at_once_and_rings(at: datetime, rings: list[int]) -> None:
    job, other = dead(at), dead(at)
    rings.clear()
    later = at + timedelta(hours=1)
    operations.retry_dead(job, at=later)
    assert (job.state, job.due_at, job.attempts, job.finished_at) == (JobState.QUEUED, later, 0, None)
    assert Job.objects.get(pk=other.pk).state == JobState.DEAD
    assert rings == [1]
    assert refused(operations.retry_dead, job, at) == {
        "verb": "retry",
        "state": "queued",
        "allowed": "cancel",
        "allowed_actions": ("cancel",),
        "resource": "job",
    }


def test_dead_letter_is_discarded_once_and_cannot_be_cancelled(at: datetime) -> None:
    job, other = dead(at), dead(at)
    told = refused(operations.cancel, job, at)
    assert (told["verb"], told["state"], told["allowed"]) == ("cancel", "dead", "discard, retry")
    operations.discard_dead(job, at=at + SECOND)
    assert (job.state, job.finished_at) == (JobState.DISCARDED, at + SECOND)
    assert Job.objects.get(pk=other.pk).state == JobState.DEAD
    told = refused(operations.discard_dead, job, at)
    assert (told["verb"], told["state"], told["allowed"], told["allowed_actions"]) == ("discard", "discarded", "-", ())


def test_job_that_is_cancelled_is_over_for_its_worker(at: datetime) -> None:
    job, other = (operations.enqueue("test.mark", {}, at=at) for _ in range(2))
    claimed(at)
    operations.cancel(job, at=at + SECOND)
    assert (job.state, job.lease_until, job.finished_at, job.fence) == (JobState.CANCELLED, None, at + SECOND, 2)
    assert Job.objects.get(pk=other.pk).state == JobState.QUEUED
    stale = Job(pk=other.pk, state=JobState.DEAD)  # read before another put it back
    assert refused(operations.discard_dead, stale, at)["state"] == "queued"


# --- keeping house --------------------------------------------------------------------------------------------------
def test_sweep_gives_back_no_more_than_a_batch_and_then_forgets_the_gone(
    at: datetime, rings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "SWEEP_BATCH", 2)
    operations.beat(name="w1", role="worker", pid=GONE, started_at=at, at=at)
    operations.beat(name="w2", role="worker", pid=1, started_at=at, at=at)
    for _ in range(3):
        operations.enqueue("test.mark", {}, at=at)
        claimed(at)
    rings.clear()
    assert operations.sweep(at=at) == 2
    assert WorkerHeartbeat.objects.filter(name="w1").exists()  # one of its jobs is still to be given back
    assert operations.sweep(at=at) == 1
    assert list(WorkerHeartbeat.objects.values_list("name", flat=True)) == ["w2"]
    assert rings == [1, 1]
    assert operations.sweep(at=at) == 0
    assert rings == [1, 1]
    row = Job.objects.first()
    assert row is not None
    assert (row.state, row.due_at, row.last_error) == (
        JobState.QUEUED,
        at,
        "The worker w1 was lost during attempt 1.",
    )


def test_sweep_passes_over_what_others_have_locked(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    operations.enqueue("test.mark", {}, at=at)
    claimed(at)
    asked: list[dict[str, Any]] = []
    lock = QuerySet.select_for_update

    def watched(self: Any, **terms: Any) -> Any:
        asked.append(terms)
        return lock(self, **terms)

    monkeypatch.setattr(QuerySet, "select_for_update", watched)
    assert operations.sweep(at=at + 16 * SECOND) == 1
    assert asked == [{"skip_locked": True}]


def test_sweep_without_anything_lost_takes_no_lock(at: datetime, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert operations.sweep(at=at) == 0


def test_second_loss_waits_as_long_as_a_first_failure(at: datetime) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    claimed(at)
    operations.sweep(at=at + 16 * SECOND)
    claimed(at + 16 * SECOND)
    operations.sweep(at=at + 32 * SECOND)
    pause = operations.backoff(registry.job_kind("test.mark"), attempt=1, job_id=job.pk)
    assert Job.objects.get().due_at == at + 32 * SECOND + pause
    assert list(JobFailure.objects.order_by("id").values_list("at", flat=True)) == [at + 16 * SECOND, at + 32 * SECOND]


def test_lost_job_of_a_kind_that_is_no_longer_known_goes_back_without_a_pause(at: datetime) -> None:
    operations.enqueue("test.give_up", {}, at=at)
    claimed(at)
    Job.objects.update(attempts=2)
    registry.forget("test.give_up")
    assert operations.sweep(at=at + 16 * SECOND) == 1
    assert Job.objects.get().due_at == at + 16 * SECOND


def test_beat_says_who_is_alive_where_and_since_when(at: datetime) -> None:
    operations.beat(name="w1", role="worker", pid=7, started_at=at, at=at + SECOND)
    row = WorkerHeartbeat.objects.get()
    assert (row.name, row.role, row.machine, row.pid) == ("w1", "worker", processes.machine(), 7)
    assert (row.started_at, row.beat_at) == (at, at + SECOND)
    operations.beat(name="w1", role="celery", pid=8, started_at=at + SECOND, at=at)
    row = WorkerHeartbeat.objects.get()
    assert (row.role, row.pid, row.started_at, row.beat_at) == ("celery", 8, at + SECOND, at + SECOND)
    operations.beat(name="w2", role="worker", pid=9, started_at=at, at=at)
    operations.say_goodbye(name="w1")
    assert list(WorkerHeartbeat.objects.values_list("name", flat=True)) == ["w2"]


def test_purge_takes_the_oldest_that_are_over_and_processes_silent_for_an_hour(at: datetime) -> None:
    for state in JobState:
        over = state not in (JobState.QUEUED, JobState.RUNNING)
        Job.objects.create(
            kind="test.mark",
            state=state,
            due_at=at,
            created_at=at,
            finished_at=at if over else None,
            lease_until=None if state != JobState.RUNNING else at,
            worker="w1" if state == JobState.RUNNING else "",
            last_error="no",
        )
    for name, beat_at in (("old", at), ("edge", at + SECOND)):
        WorkerHeartbeat.objects.create(
            name=name, role="worker", machine="elsewhere/1", pid=1, started_at=at, beat_at=beat_at
        )
    moment = at + timedelta(hours=1) + SECOND
    assert operations.purge(at=moment, older_than=timedelta(hours=1) + SECOND) == 0
    assert list(WorkerHeartbeat.objects.values_list("name", flat=True)) == ["edge"]
    assert operations.purge(at=moment, older_than=timedelta(hours=1)) == 3
    assert set(Job.objects.values_list("state", flat=True)) == {"queued", "running", "dead"}


def test_purge_deletes_five_thousand_at_a_time_oldest_first(at: datetime) -> None:
    Job.objects.bulk_create(
        [
            Job(
                kind="test.mark",
                state=JobState.DONE,
                due_at=at,
                created_at=at,
                finished_at=at - number * SECOND,
                public_id=UUID(int=number),
            )
            for number in range(1, 5_002)
        ],
        batch_size=500,
    )
    assert operations.purge(at=at, older_than=timedelta(0)) == 5_000
    assert Job.objects.get().finished_at == at - SECOND
