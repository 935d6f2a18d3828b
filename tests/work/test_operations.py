"""The work table's words, one by one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work import operations, queries, registry
from marketplace.work.context import Origin, originating
from marketplace.work.models import Job, JobFailure, JobState, WorkerHeartbeat
from marketplace.work.operations import claiming
from marketplace.work.registry import Claim, LeaseLost
from tests.work import jobs

pytestmark = pytest.mark.django_db


def claimed(at: datetime, worker: str = "w1") -> Claim:
    claim = operations.claim(worker=worker, at=at)
    assert claim is not None
    return claim


# --- enqueue --------------------------------------------------------------------------------------------------------
def test_enqueue_records_a_due_job_with_the_request_that_caused_it(at: datetime) -> None:
    with originating(Origin(request_id="r-1")):
        job = operations.enqueue("test.mark", {"n": 1}, at=at)
    stored = Job.objects.get(pk=job.pk)
    assert (stored.state, stored.due_at, stored.request_id, stored.max_attempts) == (JobState.QUEUED, at, "r-1", 8)


def test_enqueue_takes_the_number_of_attempts_from_the_kind_unless_told(at: datetime) -> None:
    assert operations.enqueue("test.fail", {}, at=at).max_attempts == 3
    assert operations.enqueue("test.fail", {}, at=at, max_attempts=5).max_attempts == 5


def test_enqueue_with_a_known_key_returns_the_first_job(at: datetime) -> None:
    first = operations.enqueue("test.mark", {"n": 1}, key="once", at=at)
    second = operations.enqueue("test.mark", {"n": 2}, key="once", at=at)
    assert first.pk == second.pk
    assert [job.payload for job in Job.objects.all()] == [{"n": 1}]


def test_enqueue_many_leaves_out_known_keys(at: datetime) -> None:
    operations.enqueue("test.mark", {}, key="a", at=at)
    news = [operations.NewJob("test.mark", {}, key=key) for key in ("a", "b")]
    assert operations.enqueue_many([*news, operations.NewJob("test.mark", {})], at=at) == 2
    assert Job.objects.count() == 3


def test_enqueue_of_an_unlisted_kind_is_refused(at: datetime) -> None:
    with pytest.raises(LookupError, match=r"test\.nothing"):
        operations.enqueue("test.nothing", {}, at=at)


def test_enqueue_in_a_transaction_that_fails_leaves_nothing(at: datetime) -> None:
    with transaction.atomic():
        operations.enqueue("test.mark", {}, at=at)
        transaction.set_rollback(True)
    assert not Job.objects.exists()


# --- claim ----------------------------------------------------------------------------------------------------------
def test_claim_takes_a_job_once(at: datetime) -> None:
    operations.enqueue("test.mark", {"n": 1}, at=at)
    claim = claimed(at)
    assert (claim.payload, claim.fence, claim.attempt) == ({"n": 1}, 1, 1)
    assert operations.claim(worker="w2", at=at) is None
    job = Job.objects.get()
    assert (job.state, job.worker, job.lease_until) == (JobState.RUNNING, "w1", at + timedelta(seconds=15))


def test_claim_goes_by_priority_then_by_due_date_then_by_age(at: datetime) -> None:
    operations.enqueue("test.mark", {"n": "third"}, at=at)
    operations.enqueue("test.mark", {"n": "fourth"}, at=at)
    operations.enqueue("test.mark", {"n": "second"}, at=at, due_at=at - timedelta(hours=1))
    operations.enqueue("test.mark", {"n": "first"}, at=at, priority=1)
    assert [claimed(at).payload["n"] for _ in range(4)] == ["first", "second", "third", "fourth"]


def test_claim_leaves_what_is_not_due(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at, due_at=at + timedelta(seconds=1))
    assert operations.claim(worker="w1", at=at) is None
    assert operations.claim(worker="w1", at=at + timedelta(seconds=1)) is not None


def test_claim_leaves_kinds_of_another_version_alone(at: datetime) -> None:
    operations.enqueue("test.give_up", {}, at=at)
    registry.forget("test.give_up")
    assert operations.claim(worker="w1", at=at) is None
    assert queries.statistics(at).unknown_kinds == 1


def test_claim_keeps_to_the_limit_of_a_kind_and_takes_others(at: datetime) -> None:
    for n in range(3):
        operations.enqueue("test.limited", {"n": n}, at=at)
    operations.enqueue("test.mark", {"n": "other"}, at=at + timedelta(seconds=1))
    later = at + timedelta(seconds=2)
    first = claimed(later)
    assert claimed(later).kind == "test.limited"
    assert claimed(later).kind == "test.mark"
    assert operations.claim(worker="w1", at=later) is None
    operations.complete(first, at=later)
    assert claimed(later).kind == "test.limited"


# --- the fence ------------------------------------------------------------------------------------------------------
def test_complete_by_a_worker_whose_job_went_to_another_is_refused(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    stale = claimed(at)
    operations.sweep(at=at + timedelta(seconds=16))
    fresh = claimed(at + timedelta(seconds=16), worker="w2")
    for word in (operations.complete, operations.heartbeat):
        with pytest.raises(LeaseLost):
            word(stale, at=at)
    with pytest.raises(LeaseLost):
        operations.hold(stale)
    assert operations.fail(stale, error="late", at=at) is None
    operations.release(stale, at=at)
    assert Job.objects.get().state == JobState.RUNNING
    operations.complete(fresh, at=at + timedelta(seconds=17))
    assert Job.objects.get().state == JobState.DONE


def test_fence_grows_with_each_claim(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    fences = []
    for minute in range(3):
        moment = at + timedelta(minutes=minute)
        operations.sweep(at=moment)
        fences.append(claimed(moment + timedelta(seconds=5)).fence)  # after the pause of a second loss
    assert fences == [1, 2, 3]


def test_heartbeat_renews_the_lease_and_notes_progress(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    claim = claimed(at)
    later = at + timedelta(seconds=14)
    operations.heartbeat(claim, at=later, progress={"done": 1, "total": 2, "note": "half"})
    assert operations.sweep(at=at + timedelta(seconds=20)) == 0
    job = Job.objects.get()
    assert (job.lease_until, job.progress["note"]) == (later + timedelta(seconds=15), "half")


# --- failure --------------------------------------------------------------------------------------------------------
def test_fail_puts_the_job_back_after_a_growing_pause(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at)
    assert operations.fail(claimed(at), error="no", at=at) == JobState.QUEUED
    job = Job.objects.get()
    assert timedelta(seconds=10) <= job.due_at - at < timedelta(seconds=12.5)
    second = job.due_at
    operations.fail(claimed(second), error="no", at=second)
    assert timedelta(seconds=15) <= Job.objects.get().due_at - second < timedelta(seconds=18.75)  # 20, capped at 15


def test_fail_at_the_last_attempt_is_death(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at, max_attempts=1)
    assert operations.fail(claimed(at), error="no", at=at) == JobState.DEAD
    job = queries.dead_letters().get()
    assert (job.last_error, job.finished_at, job.lease_until) == ("no", at, None)


def test_fail_without_a_word_is_explained_all_the_same(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at, max_attempts=1)
    operations.fail(claimed(at), error="", at=at)
    assert Job.objects.get().last_error


def test_backoff_spreads_jobs_that_failed_together() -> None:
    kind = registry.job_kind("test.fail")
    pauses = {operations.backoff(kind, attempt=1, job_id=n) for n in range(1, 51)}
    assert len(pauses) == 50
    assert min(pauses) >= timedelta(seconds=10)
    assert max(pauses) <= timedelta(seconds=12.5)


def test_each_failed_attempt_is_kept_with_its_worker_and_error(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at, max_attempts=2)
    operations.fail(claimed(at, "w1"), error="first", at=at)
    later = at + timedelta(minutes=1)
    claimed(later, "w2")
    operations.sweep(at=later + timedelta(minutes=1))
    found = list(JobFailure.objects.order_by("fence").values_list("fence", "attempt", "worker", "error"))
    assert found == [(1, 1, "w1", "first"), (2, 2, "w2", "The worker w2 was lost during attempt 2.")]
    assert Job.objects.get().state == JobState.DEAD


def test_failure_said_by_a_stale_worker_is_not_kept(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    stale = claimed(at)
    operations.sweep(at=at + timedelta(seconds=16))
    claimed(at + timedelta(seconds=16), "w2")
    operations.fail(stale, error="late", at=at + timedelta(seconds=17))
    assert list(JobFailure.objects.values_list("worker", "fence")) == [("w1", 1)]  # the lost one, and once


def test_release_does_not_count_the_attempt(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    operations.release(claimed(at), at=at)
    job = Job.objects.get()
    assert (job.state, job.attempts, job.fence) == (JobState.QUEUED, 0, 1)


# --- claims at the edges: what mutation testing asked for -----------------------------------------------------------
def test_claim_carries_all_that_its_worker_needs(at: datetime) -> None:
    with originating(Origin(request_id="r-7")):
        job = operations.enqueue("test.fail", {"n": 7}, at=at, max_attempts=5)
    operations.fail(claimed(at, "w0"), error="no", at=at)
    later = at + timedelta(minutes=1)
    assert claimed(later, "w1") == Claim(
        job_id=job.pk,
        public_id=job.public_id,
        kind="test.fail",
        payload={"n": 7},
        fence=2,
        attempt=2,
        max_attempts=5,
        worker="w1",
        request_id="r-7",
    )
    row = Job.objects.get()
    assert (row.state, row.fence, row.attempts, row.worker) == (JobState.RUNNING, 2, 2, "w1")
    assert row.lease_until == later + timedelta(seconds=15)


def test_claim_begins_without_the_progress_of_the_attempt_before(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    first = claimed(at)
    operations.heartbeat(first, at=at, progress={"done": 1})
    operations.heartbeat(first, at=at + timedelta(seconds=1))
    assert Job.objects.get().progress == {"done": 1}
    operations.release(first, at=at)
    claimed(at)
    assert Job.objects.get().progress == {}


def test_claim_passes_over_what_others_are_taking(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    lock = QuerySet.select_for_update

    def watched(self: Any, **terms: Any) -> Any:
        asked.append(terms)
        return lock(self, **terms)

    monkeypatch.setattr(QuerySet, "select_for_update", watched)
    operations.enqueue("test.mark", {}, at=at)
    claimed(at)
    assert asked == [{"skip_locked": True}]


def test_claim_of_nothing_opens_no_transaction(at: datetime, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert operations.claim(worker="w1", at=at) is None


def test_claim_passes_over_every_full_kind_in_few_queries(
    at: datetime, django_assert_max_num_queries: Any, one_at_a_time: str
) -> None:
    for kind in ("test.limited", "test.limited", one_at_a_time, "test.limited", one_at_a_time, "test.mark"):
        operations.enqueue(kind, {}, at=at)
    assert [claimed(at).kind for _ in range(3)] == ["test.limited", "test.limited", one_at_a_time]
    with django_assert_max_num_queries(8):
        assert claimed(at).kind == "test.mark"
    assert operations.claim(worker="w1", at=at) is None


@pytest.fixture
def one_at_a_time() -> Iterator[str]:
    """A kind of which one job may run at a time."""
    registry.job("test.single", at_most=1)(jobs.mark)
    yield "test.single"
    registry.forget("test.single")


def test_last_place_that_another_takes_in_between_is_taken_once(
    at: datetime, one_at_a_time: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (one_at_a_time, one_at_a_time, "test.mark"):
        operations.enqueue(kind, {}, at=at)
    claimed(at)
    monkeypatch.setattr(claiming, "_full_kinds", set)  # as if the place had been free when it was looked at first
    assert claimed(at).kind == "test.mark"
    assert operations.claim(worker="w1", at=at) is None


@pytest.mark.postgres
def test_place_of_a_limited_kind_is_counted_under_the_lock(at: datetime, one_at_a_time: str) -> None:
    for kind, statements in ((one_at_a_time, 1), ("test.mark", 0)):
        operations.enqueue(kind, {}, at=at)
        with CaptureQueriesContext(connection) as asked:
            assert claimed(at).kind == kind
        lock = f"SELECT pg_advisory_xact_lock({claiming.CLAIM_LOCK})"
        assert [query["sql"] for query in asked].count(lock) == statements


def test_job_taken_between_look_and_update_is_left(at: datetime) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    kind = registry.job_kind("test.mark")
    for changed in ({"fence": 5}, {"fence": 0, "state": JobState.CANCELLED, "finished_at": at}):
        Job.objects.filter(pk=job.pk).update(**changed)
        assert claiming._take(job, kind, worker="w1", at=at) is None
        assert Job.objects.get().worker == ""


def test_lost_lease_names_its_job(at: datetime) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    claim = claimed(at)
    operations.cancel(job, at=at)
    for word in (
        partial(operations.hold, claim),
        partial(operations.heartbeat, claim, at=at),
        partial(operations.complete, claim, at=at),
    ):
        with pytest.raises(LeaseLost, match=f"^{job.public_id}$"):
            word()


def test_job_that_was_given_back_is_nobodys(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    claim = claimed(at)
    operations.release(claim, at=at)
    for word in (
        partial(operations.hold, claim),
        partial(operations.heartbeat, claim, at=at),
        partial(operations.complete, claim, at=at),
    ):
        with pytest.raises(LeaseLost):
            word()
    operations.release(claim, at=at)
    assert operations.fail(claim, error="late", at=at) is None
    assert Job.objects.get().attempts == 0


def test_words_about_one_job_change_no_other(at: datetime) -> None:
    for _ in range(2):
        operations.enqueue("test.mark", {}, at=at)
    first, second = claimed(at), claimed(at)
    operations.hold(first)
    operations.complete(first, at=at)
    assert dict(Job.objects.values_list("pk", "state")) == {
        first.job_id: JobState.DONE,
        second.job_id: JobState.RUNNING,
    }


def test_job_that_is_done_has_no_lease_and_no_error_left(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at)
    operations.fail(claimed(at), error="no", at=at)
    later = at + timedelta(minutes=1)
    operations.complete(claimed(later), at=later + timedelta(seconds=1))
    row = Job.objects.get()
    assert (row.state, row.lease_until, row.finished_at, row.last_error) == (
        JobState.DONE,
        None,
        later + timedelta(seconds=1),
        "",
    )


def test_job_that_is_given_back_is_due_at_once_with_the_attempts_before(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at)
    operations.fail(claimed(at), error="no", at=at)
    later = at + timedelta(minutes=1)
    operations.release(claimed(later), at=later + timedelta(seconds=1))
    row = Job.objects.get()
    assert (row.state, row.lease_until, row.attempts, row.due_at) == (
        JobState.QUEUED,
        None,
        1,
        later + timedelta(seconds=1),
    )


def test_failed_attempt_is_written_down_whole_and_waits_its_time(at: datetime) -> None:
    job = operations.enqueue("test.fail", {}, at=at)
    claim = claimed(at)
    long = "x" * 4_001
    moment = at + timedelta(seconds=2)
    assert operations.fail(claim, error=long, at=moment) == JobState.QUEUED
    row = Job.objects.get()
    pause = operations.backoff(registry.job_kind("test.fail"), attempt=1, job_id=job.pk)
    assert (row.last_error, row.lease_until, row.finished_at) == ("x" * 4_000, None, None)
    assert row.due_at == moment + pause
    kept = JobFailure.objects.get()
    assert (kept.job_id, kept.fence, kept.attempt, kept.worker, kept.error, kept.at) == (
        job.pk,
        1,
        1,
        "w1",
        "x" * 4_000,
        moment,
    )


def test_final_failure_is_death_at_the_first_attempt_and_leaves_the_due_date(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at)
    moment = at + timedelta(seconds=2)
    assert operations.fail(claimed(at), error="", at=moment, final=True) == JobState.DEAD
    row = Job.objects.get()
    assert (row.state, row.finished_at, row.due_at, row.lease_until) == (JobState.DEAD, moment, at, None)
    assert (row.last_error, JobFailure.objects.get().error) == ("failed without a word", "failed without a word")


@pytest.mark.parametrize("unkept", [0x0, 0xD800, 0xDC80, 0xDFFF])
def test_words_that_no_database_keeps_are_replaced(at: datetime, unkept: int) -> None:
    operations.enqueue("test.fail", {}, at=at)
    assert operations.fail(claimed(at), error=f"bad {chr(unkept)} name" + "x" * 4_000, at=at) == JobState.QUEUED
    kept = ("bad \ufffd name" + "x" * 4_000)[:4_000]
    assert (Job.objects.get().last_error, JobFailure.objects.get().error) == (kept, kept)


def test_words_that_a_database_keeps_stay_as_they_are(at: datetime) -> None:
    operations.enqueue("test.fail", {}, at=at)
    words = "tab\t line\n \x01 é \ud7ff \ue000 \U0001f600"
    operations.fail(claimed(at), error=words, at=at)
    assert Job.objects.get().last_error == words


def test_backoff_doubles_to_its_cap_and_spreads_by_the_id() -> None:
    kind = replace(registry.job_kind("test.fail"), backoff_seconds=10, backoff_cap_seconds=35)
    bare = [operations.backoff(kind, attempt=attempt, job_id=0) for attempt in (1, 2, 3, 4)]
    assert [pause.total_seconds() for pause in bare] == [10, 20, 35, 35]
    golden = 2_654_435_761 / 2**32  # 0.618...: the spread of job 1 is that part of a quarter
    assert operations.backoff(kind, attempt=1, job_id=1) == timedelta(seconds=10 * (1 + golden / 4))
    far = 1_000_003 * 2_654_435_761 % 2**32 / 2**32
    assert operations.backoff(kind, attempt=1, job_id=1_000_003) == timedelta(seconds=10 * (1 + far / 4))
    assert operations.backoff(kind, attempt=1, job_id=2) == timedelta(seconds=10 * (1 + (2 * golden - 1) / 4))


# --- sweep ----------------------------------------------------------------------------------------------------------
def test_sweep_gives_back_what_has_a_lapsed_lease(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    claimed(at)
    assert operations.sweep(at=at + timedelta(seconds=15)) == 0
    assert operations.sweep(at=at + timedelta(seconds=16)) == 1
    job = Job.objects.get()
    assert job.state == JobState.QUEUED
    assert "w1 was lost during attempt 1" in job.last_error


def test_sweep_lets_others_go_first_once_a_job_has_lost_two_workers(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at)
    for second, pause in ((16, 0), (32, 2)):
        claimed(at + timedelta(seconds=second - 16))
        operations.sweep(at=(swept := at + timedelta(seconds=second)))
        assert timedelta(seconds=pause) <= Job.objects.get().due_at - swept <= timedelta(seconds=pause * 1.25)


def test_sweep_buries_what_has_lost_all_its_workers(at: datetime) -> None:
    operations.enqueue("test.mark", {}, at=at, max_attempts=2)
    for second in (0, 16):
        claimed(at + timedelta(seconds=second))
        operations.sweep(at=at + timedelta(seconds=second + 16))
    assert Job.objects.get().state == JobState.DEAD


def test_sweep_gives_back_at_once_what_a_dead_process_of_this_machine_held(at: datetime) -> None:
    gone = 2**22 + 1  # above the highest process id of Linux
    operations.beat(name="w1", role="worker", pid=gone, started_at=at, at=at)
    operations.enqueue("test.mark", {}, at=at)
    claimed(at)
    assert operations.sweep(at=at) == 1
    assert not WorkerHeartbeat.objects.exists()


def test_sweep_leaves_processes_of_other_machines_to_their_leases(at: datetime) -> None:
    WorkerHeartbeat.objects.create(
        name="w1", role="worker", machine="elsewhere/1", pid=2**22 + 1, started_at=at, beat_at=at
    )
    operations.enqueue("test.mark", {}, at=at)
    claimed(at)
    assert operations.sweep(at=at) == 0


# --- the operator ---------------------------------------------------------------------------------------------------
def test_retry_of_a_dead_letter_gives_all_attempts_anew(at: datetime) -> None:
    job = operations.enqueue("test.fail", {}, at=at, max_attempts=1)
    operations.fail(claimed(at), error="no", at=at)
    job.refresh_from_db()
    operations.retry_dead(job, at=at)
    assert (job.state, job.attempts, job.finished_at, job.last_error) == (JobState.QUEUED, 0, None, "no")
    assert claimed(at).fence == 2


def test_retry_of_a_queued_job_names_what_is_open(at: datetime) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    with pytest.raises(DomainError) as refusal:
        operations.retry_dead(job, at=at)
    assert refusal.value.code == ErrorCode.WRONG_STATE
    assert refusal.value.params["allowed"] == "cancel"


def test_discarded_dead_letter_keeps_its_error_and_is_over(at: datetime) -> None:
    job = operations.enqueue("test.fail", {}, at=at, max_attempts=1)
    operations.fail(claimed(at), error="no", at=at)
    later = at + timedelta(days=1)
    operations.discard_dead(job, at=later)
    assert (job.state, job.last_error, job.finished_at) == (JobState.DISCARDED, "no", later)
    with pytest.raises(DomainError) as refusal:
        operations.retry_dead(job, at=later)
    assert refusal.value.params["allowed_actions"] == ()
    assert operations.purge(at=later + timedelta(days=3), older_than=timedelta(days=2)) == 2  # with its failure


def test_cancel_of_a_running_job_takes_it_from_its_worker(at: datetime) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    claim = claimed(at)
    operations.cancel(job, at=at)
    assert job.state == JobState.CANCELLED
    with pytest.raises(LeaseLost):
        operations.complete(claim, at=at)


def test_cancel_of_a_finished_job_is_refused(at: datetime) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    operations.complete(claimed(at), at=at)
    with pytest.raises(DomainError) as refusal:
        operations.cancel(job, at=at)
    assert refusal.value.params["state"] == "done"


def test_purge_keeps_dead_letters_and_what_is_recent(at: datetime) -> None:
    for kind in ("test.mark", "test.give_up", "test.mark"):
        operations.enqueue(kind, {}, at=at, max_attempts=1)
    operations.complete(claimed(at), at=at)
    operations.fail(claimed(at), error="no", at=at, final=True)
    operations.complete(claimed(at + timedelta(days=2)), at=at + timedelta(days=2))
    assert operations.purge(at=at + timedelta(days=3), older_than=timedelta(days=2)) == 1
    assert sorted(Job.objects.values_list("state", flat=True)) == ["dead", "done"]


# --- queries --------------------------------------------------------------------------------------------------------
def test_statistics_count_what_waits_runs_and_died(at: datetime) -> None:
    for kind in ("test.fail", "test.mark", "test.mark"):
        operations.enqueue(kind, {}, at=at)
    operations.enqueue("test.mark", {}, at=at, due_at=at + timedelta(hours=1))
    operations.fail(claimed(at), error="no", at=at, final=True)
    claimed(at)
    found = queries.statistics(at + timedelta(seconds=30))
    assert (found.queued, found.due, found.running, found.dead, found.oldest_due_seconds) == (2, 1, 1, 1, 30.0)


def test_statistics_by_kind_count_each_kind_for_itself(at: datetime) -> None:
    for kind in ("test.fail", "test.mark", "test.mark"):
        operations.enqueue(kind, {}, at=at)
    operations.fail(claimed(at), error="no", at=at, final=True)
    claimed(at)
    dead, mark = queries.statistics_by_kind(at + timedelta(seconds=30))
    assert dead == queries.KindStatistics("test.fail", 0, 0, 0, 1, 0.0)
    assert mark == queries.KindStatistics("test.mark", 1, 1, 1, 0, 30.0)


def test_silent_processes_are_those_that_took_no_leave(at: datetime) -> None:
    for name, role in (("gone", "worker"), ("idle", "celery"), ("left", "worker")):
        operations.beat(name=name, role=role, pid=1, started_at=at, at=at)
    operations.say_goodbye(name="left")
    operations.beat(name="fresh", role="dispatcher", pid=1, started_at=at, at=at + timedelta(minutes=1))
    assert [beat.name for beat in queries.silent_processes(at + timedelta(minutes=1))] == ["gone"]


def test_worker_alive_knows_fresh_beats_and_held_leases(at: datetime) -> None:
    assert not queries.worker_alive(at)
    operations.beat(name="w1", role="worker", pid=1, started_at=at, at=at)
    assert queries.worker_alive(at + timedelta(seconds=59))
    assert not queries.worker_alive(at + timedelta(seconds=61))
    operations.enqueue("test.mark", {}, at=at)
    claimed(at + timedelta(seconds=61))
    assert queries.worker_alive(at + timedelta(seconds=62))


def test_dispatcher_keeps_house_but_does_no_jobs(at: datetime) -> None:
    operations.beat(name="d1", role="dispatcher", pid=1, started_at=at, at=at)
    assert queries.housekeeper_alive(at)
    assert not queries.worker_alive(at)


# --- the database itself --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "lost"},
        {"state": "running"},
        {"state": "done"},
        {"state": "dead", "finished_at": datetime.fromisoformat("2026-11-23T09:00Z")},
        {"lease_until": datetime.fromisoformat("2026-11-23T09:00Z")},
        {"finished_at": datetime.fromisoformat("2026-11-23T09:00Z")},
        {"attempts": 9},
        {"max_attempts": 0},
    ],
    ids=lambda wrong: "-".join(f"{k}" for k in wrong) + "-" + str(next(iter(wrong.values())))[:7],
)
def test_database_refuses_a_job_that_contradicts_itself(at: datetime, wrong: dict[str, object]) -> None:
    job = operations.enqueue("test.mark", {}, at=at)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**wrong)
