"""The claim loop: what happens to a job between claim and completion."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import structlog
from django.db import OperationalError, connection
from django.utils import timezone

from marketplace.work import loop, operations, registry
from marketplace.work.context import current_origin
from marketplace.work.models import Job, JobState, WorkerHeartbeat
from marketplace.work.registry import Chore, Claim, Payload, Progress, forget, job
from tests.work.children import wait_until
from tests.work.jobs import effects


@pytest.fixture
def clock(at: datetime) -> loop.Clock:
    return lambda: at


@pytest.fixture
def forgotten() -> Iterator[str]:
    """A kind that the test lists and that is gone afterwards."""
    yield "test.own"
    forget("test.own")


@pytest.mark.django_db
def test_run_one_does_the_effect_and_completes_the_job(at: datetime, clock: loop.Clock) -> None:
    operations.enqueue("test.mark", {"n": 1}, at=at)
    assert loop.run_one(worker="w1", clock=clock)
    assert effects() == ["1"]
    assert Job.objects.get().state == JobState.DONE
    assert not loop.run_one(worker="w1", clock=clock)


@pytest.mark.django_db
def test_run_one_undoes_the_effect_of_a_job_that_fails(at: datetime, clock: loop.Clock) -> None:
    operations.enqueue("test.fail", {"n": 1}, at=at)
    assert loop.run_one(worker="w1", clock=clock)
    job = Job.objects.get()
    assert effects() == []
    assert (job.state, job.attempts, job.last_error) == (JobState.QUEUED, 1, "ValueError: it does not work")


@pytest.mark.django_db
def test_run_one_buries_a_job_that_gives_up_at_the_first_attempt(at: datetime, clock: loop.Clock) -> None:
    operations.enqueue("test.give_up", {}, at=at)
    loop.run_one(worker="w1", clock=clock)
    job = Job.objects.get()
    assert (job.state, job.attempts) == (JobState.DEAD, 1)
    assert "nobody lives at that address" in job.last_error


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("words", ["bad \udc80 name", "nul \x00 here"])
def test_run_one_records_a_failure_whose_words_no_database_keeps(
    at: datetime, clock: loop.Clock, forgotten: str, words: str
) -> None:
    @job(forgotten)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        raise ValueError(words)

    operations.enqueue(forgotten, {}, at=at)
    assert loop.run_one(worker="w1", clock=clock)
    row = Job.objects.get()
    assert (row.state, row.lease_until, row.failures.count()) == (JobState.QUEUED, None, 1)
    assert "\ufffd" in row.last_error


@pytest.mark.django_db
def test_poison_does_not_keep_the_others_from_their_turn(at: datetime, clock: loop.Clock) -> None:
    for n, kind in enumerate(["test.fail", "test.mark", "test.give_up", "test.mark"]):
        operations.enqueue(kind, {"n": n}, at=at)
    assert loop.run_until_idle(worker="w1", clock=clock) == 4
    assert effects() == ["1", "3"]


@pytest.mark.django_db
def test_poison_ends_as_a_dead_letter(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at)
    for hour in range(5):
        moment = at + timedelta(hours=hour)
        loop.run_until_idle(worker="w1", clock=partial(datetime.fromtimestamp, moment.timestamp(), UTC))
    job = Job.objects.get()
    assert (job.state, job.attempts) == (JobState.DEAD, 3)


@pytest.mark.django_db(transaction=True)
def test_prepare_runs_outside_the_transaction_and_gives_its_result_to_the_effect(
    at: datetime, clock: loop.Clock, forgotten: str
) -> None:
    seen: list[object] = []

    def prepare(payload: Payload, *, at: datetime, progress: Progress) -> int:
        seen.append(connection.in_atomic_block)
        progress(1, 2, "half")
        return 42

    @job(forgotten, prepare=prepare)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        seen.extend([connection.in_atomic_block, prepared, Job.objects.get().progress["note"]])

    operations.enqueue(forgotten, {}, at=at)
    loop.run_one(worker="w1", clock=clock)
    assert seen == [False, True, 42, "half"]


@pytest.mark.django_db
def test_job_cancelled_while_preparing_takes_no_effect(at: datetime, clock: loop.Clock, forgotten: str) -> None:
    def prepare(payload: Payload, *, at: datetime, progress: Progress) -> None:
        operations.cancel(Job.objects.get(), at=at)

    @job(forgotten, prepare=prepare)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        pytest.fail("the effect of a cancelled job")

    operations.enqueue(forgotten, {}, at=at)
    assert loop.run_one(worker="w1", clock=clock)
    assert Job.objects.get().state == JobState.CANCELLED


@pytest.mark.django_db
def test_job_gives_itself_back_when_the_process_is_to_stop(at: datetime, clock: loop.Clock, forgotten: str) -> None:
    stop = threading.Event()

    def prepare(payload: Payload, *, at: datetime, progress: Progress) -> None:
        stop.set()
        progress(1, 2)
        pytest.fail("prepared on after the stop")

    @job(forgotten, prepare=prepare)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None: ...

    operations.enqueue(forgotten, {}, at=at)
    loop.run_one(worker="w1", clock=clock, stop=stop)
    job_row = Job.objects.get()
    assert (job_row.state, job_row.attempts) == (JobState.QUEUED, 0)


@pytest.mark.django_db(transaction=True)
def test_lease_is_renewed_while_a_long_preparation_runs(forgotten: str) -> None:
    def prepare(payload: Payload, *, at: datetime, progress: Progress) -> None:
        before = Job.objects.get().lease_until
        assert before is not None
        done = threading.Event()
        for _ in range(100):
            after = Job.objects.get().lease_until
            if after is not None and after > before:
                return
            done.wait(0.05)
        pytest.fail("the lease was not renewed")

    @job(forgotten, prepare=prepare, lease_seconds=1)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None: ...

    operations.enqueue(forgotten, {}, at=timezone.now())
    assert loop.run_one(worker="w1")
    assert (Job.objects.get().state, Job.objects.get().last_error) == (JobState.DONE, "")


@pytest.mark.django_db
def test_job_runs_under_the_request_id_of_its_cause(at: datetime, clock: loop.Clock, forgotten: str) -> None:
    seen: list[str] = []

    @job(forgotten)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        seen.append(current_origin().request_id)

    operations.enqueue_many([operations.NewJob(forgotten, {}, request_id="r-7")], at=at)
    loop.run_one(worker="w1", clock=clock)
    assert seen == ["r-7"]
    assert current_origin().request_id == ""


@pytest.mark.django_db
def test_logs_of_a_job_carry_the_request_id_of_its_cause(at: datetime, clock: loop.Clock, forgotten: str) -> None:
    seen: list[dict[str, Any]] = []

    @job(forgotten)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        seen.append(structlog.contextvars.get_merged_contextvars(structlog.get_logger()))

    operations.enqueue_many([operations.NewJob(forgotten, {}, request_id="r-7")], at=at)
    loop.run_one(worker="w1", clock=clock)
    assert (seen[0]["request_id"], seen[0]["kind"], seen[0]["attempt"]) == ("r-7", forgotten, 1)
    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.django_db
def test_settle_goes_on_until_the_jobs_of_jobs_are_done(at: datetime, clock: loop.Clock, forgotten: str) -> None:
    @job(forgotten)
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        if payload["left"]:
            operations.enqueue(forgotten, {"left": payload["left"] - 1}, at=at)

    operations.enqueue(forgotten, {"left": 3}, at=at)
    loop.settle(clock=clock)
    assert Job.objects.filter(kind=forgotten, state=JobState.DONE).count() == 4


@pytest.mark.django_db
def test_housekeeper_does_each_chore_in_its_time_and_outlives_a_broken_one(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def note(name: str, every: int) -> Chore:
        def run(*, at: datetime) -> int:
            done.append(name)
            if name == "broken":
                raise RuntimeError("chore")
            return 1

        return Chore(name, run, timedelta(seconds=every))

    monkeypatch.setattr(registry, "chores", lambda: [note("broken", 0), note("often", 0), note("seldom", 10)])
    keeper = loop.Housekeeper()
    found = [keeper.attend(at=at + timedelta(seconds=s)) for s in (0, 5, 10)]
    assert found == [2, 1, 2]
    assert done == ["broken", "often", "seldom", "broken", "often", "broken", "often", "seldom"]


@pytest.mark.django_db
def test_presence_beats_now_and_then_and_takes_leave(at: datetime) -> None:
    presence = loop.Presence(name="w1", role="worker", pid=1, started_at=at)
    presence.beat(at=at)
    presence.beat(at=at + timedelta(seconds=1))
    assert WorkerHeartbeat.objects.get().beat_at == at
    presence.leave()
    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.django_db
def test_run_forever_waits_for_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "DATABASE_AWAY_SECONDS", 0.0)
    monkeypatch.setattr(connection, "close", lambda: None)  # the test's own transaction lives in it
    stop = threading.Event()
    turns: list[int] = []

    def turn() -> int:
        turns.append(len(turns))
        if len(turns) < 3:
            raise OperationalError("server closed the connection")
        stop.set()
        return 1

    loop.run_forever(turn=turn, stop=stop)
    assert turns == [0, 1, 2]


@pytest.mark.django_db(transaction=True)
def test_process_beats_while_a_long_job_runs_and_takes_leave_at_its_end(at: datetime, clock: loop.Clock) -> None:
    presence = loop.Presence(name="w1", role="worker", pid=1, started_at=at)
    with loop.beating(presence=presence, clock=clock):
        wait_until(WorkerHeartbeat.objects.filter(name="w1").exists, seconds=10)
    assert not WorkerHeartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_process_that_only_stands_in_is_silent_while_it_is_not_needed(at: datetime, clock: loop.Clock) -> None:
    presence, needed = loop.Presence(name="w1", role="worker", pid=1, started_at=at), threading.Event()
    with loop.beating(presence=presence, clock=clock, while_set=needed):
        time.sleep(2 * loop.BEAT_LOOK_SECONDS)
        assert not WorkerHeartbeat.objects.exists()
        for _ in range(2):
            needed.set()
            wait_until(WorkerHeartbeat.objects.filter(name="w1").exists, seconds=10)
            needed.clear()  # the pool is back: silence from here on must not look like death
            wait_until(lambda: not WorkerHeartbeat.objects.exists(), seconds=10)


@pytest.mark.django_db
def test_house_is_kept_until_the_end(at: datetime, clock: loop.Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, seen = threading.Event(), list[bool]()

    def run(*, at: datetime) -> int:
        seen.append(WorkerHeartbeat.objects.filter(name="d1").exists())
        stop.set()
        return 0

    monkeypatch.setattr(registry, "chores", lambda: [Chore("once", run, timedelta(0))])
    loop.keep_house(presence=loop.Presence(name="d1", role="dispatcher", pid=1, started_at=at), stop=stop, clock=clock)
    assert seen == [True]
    assert not WorkerHeartbeat.objects.exists()
