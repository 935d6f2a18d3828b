"""Processes of the demo: forked, logged, watched, and ended."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from marketplace.demo import children, stack
from marketplace.demo.children import Child
from marketplace.demo.stack import DemoError


def wait_until(ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def speak_and_wait() -> None:
    sys.stdout.write("here I am\n")
    sys.stdout.flush()
    signal.pause()


def heed_nothing() -> None:
    for number in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.write("deaf\n")
    sys.stdout.flush()
    while True:
        signal.pause()


def fail() -> None:
    raise RuntimeError("nothing works")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    running: list[Child] = []

    def start(name: str, run: Callable[[], None]) -> Child:
        running.append(children.start(name, run, folder=tmp_path / "log"))
        return running[-1]

    yield start
    for child in running:
        if not child.has_ended():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)


def says(child: Child, words: str) -> bool:
    return child.log.exists() and words in child.log.read_text()


def test_child_runs_with_a_log_of_its_own_and_ends_when_asked(started: Callable[..., Child]) -> None:
    child = started("speaker", speak_and_wait)
    wait_until(lambda: says(child, "here I am"))
    assert not child.has_ended()
    assert child.log.stat().st_mode & 0o777 == 0o600
    assert children.stop([child]) == []
    assert child.has_ended()


def test_child_that_heeds_nothing_is_ended_by_force(
    started: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(children, "QUIT_SECONDS", 0.2)
    child = started("deaf", heed_nothing)
    wait_until(lambda: says(child, "deaf"))
    assert children.stop([child]) == [child]


def test_child_that_fails_is_told_with_the_end_of_its_log(started: Callable[..., Child]) -> None:
    child = started("failing", fail)
    wait_until(child.has_ended)
    with pytest.raises(DemoError, match=r"The failing process has ended.*(?s:.)*RuntimeError: nothing works"):
        stack.check_alive([child])


def test_child_can_become_another_program(started: Callable[..., Child]) -> None:
    child = started("other", children.command("-c", "print('another program')"))
    wait_until(child.has_ended)
    assert says(child, "another program")
