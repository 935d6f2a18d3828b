"""The sweep over open steps: nothing twice, nothing too late, and nothing hidden behind what does not get on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from marketplace.audit.models import AuditRecord
from marketplace.kernel.periods import add_working_days
from marketplace.lifecycles import deadlines
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.registry import lifecycle_models
from marketplace.work import operations as work
from marketplace.work.loop import settle
from marketplace.work.models import Job, JobState
from requests_app.models import TrainingRequest
from tests.factories.requests import TrainingRequestFactory, submitted

pytestmark = pytest.mark.django_db
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def acts(request: TrainingRequest) -> list[str]:
    """List what the clock did to a step, in order."""
    rows = AuditRecord.objects.filter(resource_id=request.public_id, action__in=("reminder_due", "overdue"))
    return list(rows.order_by("pk").values_list("action", flat=True))


def swept(at: datetime) -> int:
    """Sweep, and do the jobs that come of it."""
    found = deadlines.sweep(at=at)
    settle(clock=lambda: at)
    return found


def step(due_at: datetime, remind_at: datetime | None = None, **columns: Any) -> TrainingRequest:
    """Give a request whose screening is owed by a moment."""
    owed = {"step": "request.screen", "waiting_for": "secretariat", "due_at": due_at, "remind_at": remind_at}
    return TrainingRequestFactory.create(submitted=True, **owed, **columns)


def keys() -> set[str | None]:
    return set(Job.objects.filter(kind="lifecycles.deadline").values_list("key", flat=True))


def key_of(request: TrainingRequest, kind: str) -> str:
    assert request.due_at is not None
    return f"deadline:training_request:{request.public_id}:{request.due_at.isoformat()}:{kind}"


# --- once and in time -------------------------------------------------------------------------------------------------


def test_reminder_that_was_missed_is_not_made_up_for_after_the_deadline(at: datetime) -> None:
    request = submitted(at=at)
    assert request.due_at is not None
    overdue = request.due_at + MINUTE  # no worker was there from the reminder on
    assert swept(overdue) == 1
    assert acts(request) == ["overdue"]
    for days in (0, 29, 31, 70):
        later = overdue + days * DAY
        work.purge(at=later, older_than=30 * DAY)
        assert swept(later) == 0
    assert acts(request) == ["overdue"]


def test_step_that_is_escalated_is_met_with_nothing(at: datetime) -> None:
    late = step(at - DAY, at - 3 * DAY)
    earlier = step(at + DAY, at - DAY, escalated_at=at - DAY)  # its deadline was moved by hand
    facts: dict[str, Any] = {"resource": "training_request", "at": at}
    assert deadlines.meet_deadline(public_id=late.public_id, **facts) == "escalated"
    assert deadlines.meet_deadline(public_id=late.public_id, **facts) == "nothing"
    assert deadlines.meet_deadline(public_id=earlier.public_id, **facts) == "nothing"
    assert deadlines.sweep(at=at) == 0
    assert acts(late) == ["overdue"]
    assert acts(earlier) == []


def test_job_of_a_reminder_that_runs_after_the_deadline_escalates(at: datetime) -> None:
    request = step(at + DAY, at)
    assert deadlines.sweep(at=at) == 1
    assert keys() == {key_of(request, "reminder")}
    settle(clock=lambda: at + 2 * DAY)
    assert acts(request) == ["overdue"]
    assert swept(at + 2 * DAY) == 0


@pytest.mark.parametrize("way", ["begun", "moved"])
def test_deadline_that_lies_in_the_past_is_overdue_at_once_and_not_reminded_of(at: datetime, way: str) -> None:
    request = submitted(at=at)
    if way == "moved":
        lifecycles.reschedule_step(request, at=at, due_at=at - 5 * DAY)
    else:
        lifecycles.transition(request, "return", actor=deadlines.CLOCK, at=at, due_at=at - 5 * DAY)
    assert request.remind_at == at
    for moment in (at, at + MINUTE, at + DAY):
        swept(moment)
    assert acts(request) == ["overdue"]


@pytest.mark.parametrize(("seconds", "kinds"), [(-1, []), (0, ["reminder"])])
def test_reminder_is_due_at_its_moment(at: datetime, seconds: int, kinds: list[str]) -> None:
    request = step(at + DAY, at)
    deadlines.sweep(at=at + timedelta(seconds=seconds))
    assert keys() == {key_of(request, kind) for kind in kinds}


def test_deadline_is_over_at_its_moment_and_with_it_the_time_for_a_reminder(at: datetime) -> None:
    request = step(at, at - DAY)
    assert deadlines.sweep(at=at) == 1
    assert keys() == {key_of(request, "overdue")}
    assert deadlines.meet_deadline(resource="training_request", public_id=request.public_id, at=at) == "escalated"


def test_step_without_a_reminder_or_that_was_reminded_of_waits_for_its_deadline(at: datetime) -> None:
    without, done = step(at + DAY), step(at + DAY, at - DAY, reminded_at=at - DAY)
    assert deadlines.sweep(at=at) == 0
    assert deadlines.sweep(at=at + DAY) == 2
    assert keys() == {key_of(without, "overdue"), key_of(done, "overdue")}


# --- nothing is hidden ------------------------------------------------------------------------------------------------


def died(at: datetime) -> None:
    """Have all jobs of deadlines end as dead letters."""
    Job.objects.filter(kind="lifecycles.deadline").update(
        state=JobState.DEAD, finished_at=at, last_error="ValueError: it does not work"
    )


@pytest.mark.parametrize("kind", ["overdue", "reminder"])
def test_steps_whose_jobs_are_dead_letters_hide_nothing_behind_them(
    at: datetime, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "BATCH", 2)
    due_at = at if kind == "overdue" else at + 9 * DAY
    stuck = [step(due_at - number * MINUTE, at - DAY) for number in range(5, 0, -1)]
    for _ in range(3):
        deadlines.sweep(at=at)
    died(at)
    assert keys() == {key_of(request, kind) for request in stuck}
    late, soon = step(at + 10 * DAY, at), step(due_at, at)
    assert deadlines.sweep(at=at) == 2
    assert {key_of(late, "reminder"), key_of(soon, kind)} <= keys()
    assert deadlines.sweep(at=at) == 0


def test_every_step_is_found_once_wherever_the_batches_are_cut(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "BATCH", 2)
    moments = [at - DAY, at - DAY, at - DAY, at - 2 * DAY, at - DAY, at - 2 * DAY, at]
    due = [step(moment) for moment in moments]
    found = [len(keys()) for _ in range(5) if deadlines.sweep(at=at) >= 0]
    assert found == [2, 4, 6, 7, 7]
    order = sorted(due, key=lambda request: (request.due_at, request.pk))
    told = Job.objects.filter(kind="lifecycles.deadline").order_by("pk").values_list("key", flat=True)
    assert list(told) == [key_of(request, "overdue") for request in order]


def test_sweep_ends_with_the_batch_that_fills_up_what_one_sweep_may_do(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "BATCH", 3)
    for number in range(4):
        step(at - DAY + number * MINUTE)
    assert deadlines.sweep(at=at) == 3
    for number in range(8):
        step(at - 2 * DAY + number * MINUTE)
    counts = [deadlines.sweep(at=at) for _ in range(5)]
    assert counts == [3, 3, 3, 0, 0]


def test_sweep_asks_few_questions_however_many_steps_are_due(
    at: datetime, django_assert_num_queries: Callable[..., Any], django_assert_max_num_queries: Callable[..., Any]
) -> None:
    kinds = len(list(lifecycle_models()))
    with django_assert_num_queries(kinds):
        assert deadlines.sweep(at=at) == 0
    for number in range(30):
        step(at - number * MINUTE)
    with django_assert_max_num_queries(
        kinds + 5
    ):  # the keys that are there, the rows, a savepoint around them, the bell
        assert deadlines.sweep(at=at) == 30
    with django_assert_max_num_queries(kinds + 3):
        assert deadlines.sweep(at=at) == 0


def test_sweep_leaves_to_another_what_that_one_enqueued_first(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_late(*_: object, **__: object) -> int:
        raise IntegrityError

    step(at)
    with monkeypatch.context() as patch:
        patch.setattr(work, "enqueue_many", too_late)
        assert deadlines.sweep(at=at) == 0
    assert deadlines.sweep(at=at) == 1


def test_working_days_before_the_deadline_bring_the_reminder_and_no_other(at: datetime) -> None:
    request = submitted(at=at)
    assert [swept(add_working_days(at, days)) for days in (1, 2, 3, 4, 5, 6)] == [0, 1, 0, 0, 1, 0]
    assert acts(request) == ["reminder_due", "overdue"]
