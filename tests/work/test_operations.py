"""The work table's words, one by one."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work import operations, queries, registry
from marketplace.work.context import Origin, originating
from marketplace.work.models import Job, JobFailure, JobState, WorkerHeartbeat
from marketplace.work.registry import Claim, LeaseLost

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
