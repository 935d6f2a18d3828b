"""Redis and Celery as doorbell and pool: real broker, real worker process, real dispatcher; the database is the record."""

import os
import signal
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import redis
from django.core.management import CommandError, call_command
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from marketplace.celery import HARD_LIMIT_SECONDS, SOFT_LIMIT_SECONDS, app
from marketplace.work import dispatcher, operations, queries, registry
from marketplace.work.crew import SharedFlag
from marketplace.work.models import Job, JobState
from marketplace.work.tasks import DRAIN_SECONDS, begin_anew, begin_to_stop, drain, stopping, sweep
from tests.factories.machinery import JobFactory
from tests.kit.servers import redis_server
from tests.work import children
from tests.work.jobs import effects


def celery(broker: str, *arguments: str) -> tuple[str, ...]:
    return ("-m", "celery", "-A", "tests.work.celery_pool", *arguments)


def done(count: int) -> bool:
    return Job.objects.filter(kind="test.mark", state=JobState.DONE).count() == count


def doers() -> set[str]:
    names = Job.objects.filter(kind="test.mark", state=JobState.DONE).values_list("worker", flat=True)
    return {name.split("@")[0] for name in names}


# --- settings that must fit together ---------------------------------------------------------------------------------
def test_limits_fit_into_each_other() -> None:
    longest = max(kind.time_limit_seconds for kind in registry.job_kinds().values())
    assert DRAIN_SECONDS + longest < SOFT_LIMIT_SECONDS < HARD_LIMIT_SECONDS
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_ignore_result
    assert app.conf.broker_transport_options["socket_timeout"] <= 5
    assert not app.conf.broker_transport_options["ack_emulation"]
    assert app.conf.worker_cancel_long_running_tasks_on_connection_loss is False


def test_dispatcher_without_a_broker_says_what_to_run_instead(settings: object) -> None:
    settings.REDIS_URL = ""  # type: ignore[attr-defined]  # pytest-django's settings fixture
    with pytest.raises(CommandError, match="run_worker"):
        call_command("run_dispatcher")


# --- the tasks, called as Celery calls them ----------------------------------------------------------------------------
@pytest.mark.django_db
def test_drain_does_all_due_jobs_and_shows_a_living_worker() -> None:
    for n in range(3):
        operations.enqueue("test.mark", {"n": n}, at=timezone.now())
    drain()
    assert effects() == ["0", "1", "2"]
    assert queries.worker_alive(timezone.now())


@pytest.mark.django_db
@pytest.mark.usefixtures("whole_schedule")
def test_sweep_keeps_house_and_then_works() -> None:
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now())
    sweep()
    assert effects() == ["1"]
    assert Job.objects.filter(kind="work.purge", state=JobState.DONE).exists()


@pytest.mark.django_db
def test_pool_takes_no_job_once_it_is_to_stop_and_the_next_one_begins_anew() -> None:
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now())
    begin_to_stop()
    try:
        drain()
        assert effects() == []
        assert not is_set_for_a_fork_after(begin_anew)
        assert stopping.is_set()  # of the one pool; the other was a fork of the same process
    finally:
        begin_anew()
    drain()
    assert effects() == ["1"]


def is_set_for_a_fork_after(first: Callable[[], None]) -> bool:
    """Fork, do something there, and ask the fork whether it is to stop."""
    child = os.fork()
    if child == 0:
        first()
        os._exit(stopping.is_set())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


# --- the dispatcher's turn -------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_ringer_rings_for_due_jobs_and_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[float] = []

    def ring(expires: float) -> None:
        rung.append(expires)

    monkeypatch.setattr(drain, "apply_async", ring)
    ringer = dispatcher.Ringer(away=SharedFlag())
    ringer.turn()
    assert not rung
    for n in range(9):
        operations.enqueue("test.mark", {"n": n}, at=timezone.now())
    ringer.turn()
    ringer.turn()
    assert rung == [dispatcher.RING_EXPIRES_SECONDS] * dispatcher.BELLS
    assert not effects()


@pytest.mark.django_db
def test_ringer_says_that_the_broker_is_away_and_that_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    refused: list[Exception] = [BrokerError("connection refused")]

    def ring(expires: float) -> None:
        if refused:
            raise refused.pop()

    monkeypatch.setattr(drain, "apply_async", ring)
    monkeypatch.setattr(dispatcher, "BROKER_AWAY_SECONDS", 0.0)
    away = SharedFlag()
    ringer = dispatcher.Ringer(away=away)
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now())
    ringer.turn()
    assert away.is_set()
    Job.objects.all().delete()  # whoever stood in has done all there was
    ringer.turn()
    assert not away.is_set()
    assert not effects()


@pytest.mark.django_db
def test_pool_that_was_rung_and_does_not_stir_is_stood_in_for_until_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[float] = []
    monkeypatch.setattr(drain, "apply_async", lambda expires: rung.append(expires))  # noqa: PLW0108 - by keyword
    for name in ("QUIET_SECONDS", "UNHEARD_QUIET_SECONDS", "LISTEN_SECONDS"):
        monkeypatch.setattr(dispatcher, name, 0.0)
    away, started = SharedFlag(), timezone.now() - timedelta(hours=1)
    ringer = dispatcher.Ringer(away=away, patience=1.0)

    def beat(at: datetime) -> None:
        operations.beat(name="celery@here:1", role="celery", pid=1, started_at=started, at=at)

    def turned_twice() -> bool:
        ringer.turn()
        time.sleep(1.1)
        ringer.turn()
        return away.is_set()

    beat(started)
    assert not turned_twice(), "an idle pool was last heard long ago, and need not stir while nothing is due"
    for n in range(9):
        operations.enqueue("test.mark", {"n": n}, at=timezone.now())
    assert turned_twice()
    rung.clear()
    ringer.turn()
    assert len(rung) == 1  # into a queue that nobody empties
    Job.objects.all().delete()  # whoever stood in has done all there was
    beat(timezone.now())
    ringer.turn()
    assert not away.is_set()


@pytest.mark.django_db
def test_pool_that_is_busy_with_long_jobs_has_stirred() -> None:
    at, within = timezone.now(), timedelta(seconds=3)
    JobFactory.create(state="running", worker="celery@here:1", lease_until=at - within, attempts=1, fence=1)
    JobFactory.create(state="done", worker="celery@here:1", finished_at=at - 2 * within)
    JobFactory.create(state="running", worker="worker@here:2", lease_until=at + within, attempts=1, fence=1)
    assert not queries.pool_stirred(at, within=within)
    JobFactory.create(state="running", worker="celery@here:3", lease_until=at + within, attempts=1, fence=1)
    assert queries.pool_stirred(at, within=within)


# --- for real --------------------------------------------------------------------------------------------------------
@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_jobs_travel_through_the_bell_to_the_pool_and_are_done_without_it_while_no_worker_lives(broker: str) -> None:
    numbers = count()

    def add(jobs: int) -> int:
        news = [operations.NewJob("test.mark", {"n": next(numbers)}) for _ in range(jobs)]
        operations.enqueue_many(news, at=timezone.now())
        return jobs

    pool = celery(broker, "worker", "--concurrency=2", "--without-mingle", "--without-gossip", "--loglevel=WARNING")
    with children.running("tests/work/worker.py", "dispatch", REDIS_URL=broker):
        add(3)  # nobody hears the rings: the dispatcher does the work itself
        children.wait_until(lambda: done(3))
        assert doers() == {"worker"}
        with children.running(*pool, REDIS_URL=broker) as workers:
            children.wait_until(lambda: add(1) and "celery" in doers())
            Job.objects.all().delete()
            add(30)
            children.wait_until(lambda: done(30))
            with redis.Redis.from_url(broker) as client:  # a flushed broker loses the rings, not the jobs
                client.flushdb()
            add(10)
            children.wait_until(lambda: done(40))
            os.killpg(workers.pid, signal.SIGKILL)
        Job.objects.all().delete()
        add(3)
        children.wait_until(lambda: done(3))
        assert doers() == {"worker"}
    assert len(effects()) == len(set(effects()))


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_beat_alone_brings_the_jobs_to_the_pool_when_there_is_no_dispatcher(broker: str) -> None:
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now())
    pool = celery(broker, "worker", "--concurrency=1", "--beat", "--without-mingle", "--loglevel=WARNING")
    with children.running(*pool, REDIS_URL=broker, TEST_SWEEP_SECONDS="1"):
        children.wait_until(lambda: done(1))
    assert effects() == ["1"]


@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_everything_is_done_while_redis_is_frozen_or_gone_and_by_the_pool_once_it_is_back(tmp_path: Path) -> None:
    numbers = count()

    def add(jobs: int) -> float:
        news = [operations.NewJob("test.mark", {"n": next(numbers)}) for _ in range(jobs)]
        began = time.monotonic()
        operations.enqueue_many(news, at=timezone.now())
        return time.monotonic() - began

    with redis_server() as own, redis.Redis.from_url(own) as client:
        server = int(client.info("server")["process_id"])
        pool = celery(own, "worker", "--concurrency=1", "--without-mingle", "--without-gossip", "--loglevel=CRITICAL")
        with (
            children.running(*pool, REDIS_URL=own),
            children.running("tests/work/worker.py", "dispatch", REDIS_URL=own),
        ):
            add(5)
            children.wait_until(lambda: done(5))
            os.kill(server, signal.SIGSTOP)
            time.sleep(2)  # for the last ring to be over
            assert add(5) < 2  # whoever enqueues talks to the database alone
            children.wait_until(lambda: done(10))
            os.kill(server, signal.SIGCONT)
            assert "worker" in doers()
            Job.objects.all().delete()
            children.wait_until(lambda: add(1) >= 0 and "celery" in doers(), seconds=90)
            os.kill(server, signal.SIGKILL)
            Job.objects.all().delete()
            add(5)
            children.wait_until(lambda: done(5))


@pytest.mark.redis
def test_ring_to_a_broker_that_does_not_answer_comes_back_in_seconds(free_tcp_port: int) -> None:
    """A listening socket that never says a word is what a frozen Redis looks like."""
    with socket.create_server(("127.0.0.1", free_tcp_port)):
        started = time.monotonic()
        silent = f"redis://127.0.0.1:{free_tcp_port}/0"
        refused = pytest.raises(dispatcher.BROKER_ERRORS, match="Timeout")
        with app.connection_for_write(silent) as connection, refused:
            app.send_task(drain.name, connection=connection, expires=1)
        assert time.monotonic() - started < 15


@pytest.fixture
def free_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
