"""Periodic jobs exist once in each period."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Any

import pytest
from django.db import connections

from marketplace.work import registry, schedule
from marketplace.work.checks import check_periodic_kinds
from marketplace.work.models import Job
from marketplace.work.registry import Claim, Payload, job, periodic

FORK = get_context("fork")
pytestmark = pytest.mark.usefixtures("whole_schedule")


@pytest.fixture
def hourly(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    @periodic("test.hourly", every=timedelta(hours=1))
    @job("test.hourly")
    def effect(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None: ...

    only = [p for p in registry.periodic_jobs() if p.kind == "test.hourly"]
    monkeypatch.setattr(registry, "periodic_jobs", lambda: only)
    yield "test.hourly"
    monkeypatch.undo()
    registry.forget("test.hourly")


@pytest.mark.parametrize(
    ("moment", "every", "start"),
    [
        ("2026-11-23T09:59:59", timedelta(hours=1), "2026-11-23T09:00:00"),
        ("2026-11-23T10:00:00", timedelta(hours=1), "2026-11-23T10:00:00"),
        ("2026-11-23T09:59:59", timedelta(days=1), "2026-11-23T00:00:00"),
        ("2026-11-23T09:00:07", timedelta(seconds=5), "2026-11-23T09:00:05"),
    ],
)
def test_period_start_is_the_last_boundary(moment: str, every: timedelta, start: str) -> None:
    found = schedule.period_start(datetime.fromisoformat(moment).replace(tzinfo=UTC), every)
    assert found == datetime.fromisoformat(start).replace(tzinfo=UTC)


@pytest.mark.django_db
def test_keep_enqueues_each_period_once(hourly: str, at: datetime) -> None:
    found = [schedule.keep(at=at + timedelta(minutes=m)) for m in (0, 1, 59, 60, 61)]
    assert found == [1, 0, 0, 1, 0]
    starts = [job.payload["period"] for job in Job.objects.order_by("id")]
    assert starts == ["2026-11-23T09:00:00+00:00", "2026-11-23T10:00:00+00:00"]


@pytest.mark.django_db
def test_keep_does_not_make_up_for_missed_periods(hourly: str, at: datetime) -> None:
    schedule.keep(at=at)
    assert schedule.keep(at=at + timedelta(days=3)) == 1


def test_check_finds_a_period_without_a_job() -> None:
    assert check_periodic_kinds(None) == []
    periodic("test.lonely", every=timedelta(hours=1))(lambda payload, **_: None)
    try:
        assert [error.id for error in check_periodic_kinds(None)] == ["work.E001"]
    finally:
        registry.forget("test.lonely")


def test_registry_refuses_a_second_job_of_the_same_name() -> None:
    with pytest.raises(ValueError, match=r"work\.purge is listed already"):
        job("work.purge")(lambda payload, **_: None)


@pytest.mark.django_db(transaction=True)
def test_many_who_keep_the_schedule_at_once_make_one_job_of_a_period(at: datetime) -> None:
    connections.close_all()  # a forked child must not speak on its parent's connection
    together = FORK.Barrier(6)

    def keep() -> None:
        together.wait(30)
        for hour in range(5):
            schedule.keep(at=at + timedelta(hours=hour))

    keepers = [FORK.Process(target=keep) for _ in range(6)]
    for keeper in keepers:
        keeper.start()
    for keeper in keepers:
        keeper.join(60)
    assert [keeper.exitcode for keeper in keepers] == [0] * 6
    keys = list(Job.objects.values_list("key", flat=True))
    assert len(keys) == len(set(keys))
    assert Job.objects.filter(kind="work.purge").count() == 5
