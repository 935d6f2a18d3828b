"""What follows from the loading is told inside the product, before any worker could write letters about it."""

import signal
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import time_machine
from django.conf import LazySettings

from marketplace.demo import history, ranking, stack
from marketplace.demo.children import Child
from marketplace.demo.stack import DemoError
from marketplace.events.models import OutboxEvent
from marketplace.notifications.models import Mail, Notification
from marketplace.work import process
from marketplace.work.queries import due_jobs


@pytest.fixture
def signals_as_before() -> Iterator[None]:
    """What the process heeds for its own stopping does not outlive the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals_as_before")
def test_history_is_told_whole_and_nobody_is_written_to(taken_back: datetime, settings: LazySettings) -> None:
    settings.MAIL_ENABLED = True
    ranking.ask_for_rankings(at=taken_back)
    with time_machine.travel(taken_back, tick=False):
        history.tell()
    assert ranking.unfinished(at=taken_back) == 0
    assert not OutboxEvent.objects.filter(sequence__isnull=True).exists()
    assert not due_jobs(taken_back).exists()
    assert Notification.objects.count() > 100
    assert not Mail.objects.exists()


@pytest.mark.django_db
def test_history_that_was_interrupted_is_not_taken_for_told(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAIL_ENABLED = True
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(process, "stop_on_signal", lambda: stopped)
    with pytest.raises(SystemExit) as end:
        history.tell()
    assert end.value.code not in (0, None)


def test_history_that_failed_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "history.log"
    log.write_text("no such table")
    with pytest.raises(DemoError, match=r"history process has failed(?s:.)*no such table"):
        stack.check_done(Child("history", 1, log, status=256))
    stack.check_done(Child("history", 1, log, status=0))


@pytest.mark.parametrize(
    ("backend", "redis", "name"),
    [("console", "", "worker.log"), ("console", "redis://x", "celery.log"), ("smtp", "", None)],
)
def test_letters_lie_in_the_log_of_the_worker_unless_a_server_sends_them(
    backend: str, redis: str, name: str | None, settings: LazySettings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = f"django.core.mail.backends.{backend}.EmailBackend"
    settings.REDIS_URL = redis
    assert stack.letters(tmp_path) == (tmp_path / name if name else None)
