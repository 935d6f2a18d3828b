"""Reading ahead: before the first job and when idle, not too often, and no harm where it fails."""

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from celery.signals import worker_init, worker_process_init
from django.db import OperationalError, connections
from django.utils import timezone

from marketplace.work import operations, process, registry, tasks, warmth
from marketplace.work.registry import forget, warm_up
from marketplace.work.warmth import Warmth
from tests.work.jobs import effects

pytestmark = pytest.mark.django_db
OWN = "test.warm_up"


@pytest.fixture
def read() -> Iterator[list[list[str]]]:
    """What had been done each time that it was read ahead."""
    seen: list[list[str]] = []

    @warm_up(OWN)
    def look(*, at: datetime) -> None:
        seen.append(effects())

    yield seen
    forget(OWN)


def test_keep_reads_ahead_once_in_a_while(read: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Warmth()
    kept.keep()
    kept.keep()
    assert len(read) == 1
    monkeypatch.setattr(warmth, "EVERY_SECONDS", 0.0)
    again = Warmth()
    again.keep()
    again.keep()
    assert len(read) == 3


def test_warm_up_that_fails_keeps_no_other_from_its_turn(read: list[list[str]]) -> None:
    name = "test.a_broken_one"

    @warm_up(name)
    def broken(*, at: datetime) -> None:
        raise ValueError("nothing there")

    try:
        assert [entry.name for entry in registry.warm_ups() if entry.name in (name, OWN)] == [name, OWN]
        Warmth().keep()
    finally:
        forget(name)
    assert len(read) == 1


def test_database_that_is_away_is_for_the_loop_to_wait_for() -> None:
    @warm_up(OWN)
    def away(*, at: datetime) -> None:
        raise OperationalError("the database is away")

    try:
        with pytest.raises(OperationalError):
            Warmth().keep()
    finally:
        forget(OWN)


def test_name_that_is_taken_is_refused(read: list[list[str]]) -> None:
    with pytest.raises(ValueError, match="listed already"):
        warm_up(OWN)(lambda *, at: None)


@pytest.mark.django_db(transaction=True)
def test_embedded_worker_reads_ahead_before_its_first_job(
    read: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    monkeypatch.setattr(process, "stop_on_signal", lambda: stop)
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now())

    @warm_up("test.z_end")
    def end(*, at: datetime) -> None:
        if effects():
            stop.set()

    monkeypatch.setattr(warmth, "EVERY_SECONDS", 0.0)
    try:
        process.do_jobs()
    finally:
        forget("test.z_end")
    assert read[0] == []
    assert effects() == ["1"]


def test_drain_reads_ahead_after_its_jobs(read: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "warmth", Warmth())
    operations.enqueue("test.mark", {"n": 1}, at=timezone.now())
    tasks.drain()
    assert read == [["1"]]


def test_pool_reads_ahead_before_the_fork_and_in_each_new_process(
    read: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(connections, "close_all", lambda: closed.append(True))
    monkeypatch.setattr(warmth, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(tasks, "warmth", Warmth())
    tasks.warm_parent()
    assert (len(read), closed) == (1, [True])
    tasks.warm_child()
    assert len(read) == 2
    assert {receiver() for _, receiver in worker_init.receivers} >= {tasks.warm_parent}
    assert {receiver() for _, receiver in worker_process_init.receivers} >= {tasks.warm_child}
