"""Several processes under one: each does its part, and is replaced when it dies.

A job that takes its process with it (a crash in native code, memory, `os._exit`) therefore takes nothing else along:
neither the sequencer nor the schedule, which run next door, nor the jobs after it. The parent has neither threads nor
connections, so that a fork is safe; it does nothing but look after its children.
"""

import ctypes
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

import structlog
from django.db import connections

from marketplace.work import guard

log = structlog.get_logger(__name__)
FORK = get_context("fork")
LOOK_SECONDS = 0.1
AGAIN_SECONDS = 1.0  # at least so long between two starts of one part
STOP_SECONDS = guard.SHUTDOWN_SECONDS + guard.GRACE_SECONDS + 5.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Part:
    """What one process does, until SIGTERM tells it to stop."""

    name: str
    run: Callable[[], None]


class SharedFlag:
    """One byte that processes forked later share; no lock, so that nobody can die holding it."""

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def renew(self) -> None:
        """Take a byte that is not set and that no process forked so far knows of."""
        self._byte = mmap.mmap(-1, 1)

    def is_set(self) -> bool:
        """Tell whether it is set."""
        return self._byte[0] == 1

    def set(self, to: bool = True) -> None:
        """Set or clear it."""
        self._byte[0] = int(to)


def look_after(parts: Sequence[Part], *, stop: threading.Event) -> None:
    """Keep a process for each part until ``stop``; then end them in order, each when the one before has ended."""
    members = [_Member(part) for part in parts]
    try:
        while not stop.is_set():
            for member in members:
                member.look_after()
            stop.wait(LOOK_SECONDS)
    finally:
        for member in members:
            member.end()


class _Member:
    """The present process of a part."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._process: BaseProcess | None = None
        self._again_at = 0.0  # on the monotonic clock

    def look_after(self) -> None:
        if self._process is not None and not self._process.is_alive():
            log.error("part.died", part=self._part.name, pid=self._process.pid, exit_code=self._process.exitcode)
            self._process = None
        if self._process is None and time.monotonic() >= self._again_at:
            self._process, self._again_at = _start(self._part), time.monotonic() + AGAIN_SECONDS

    def end(self) -> None:
        if self._process is not None:
            _end(self._process)


def _start(part: Part) -> BaseProcess:
    connections.close_all()  # a connection must not be shared with a child
    child = FORK.Process(target=_be_child, args=(part, os.getpid()), name=part.name)
    child.start()
    return child


def _be_child(part: Part, parent: int) -> None:
    _die_with(parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)  # until the part says how it wants to be told
    part.run()


def _end(child: BaseProcess) -> None:
    child.terminate()
    child.join(STOP_SECONDS)
    if child.is_alive():
        child.kill()
        child.join()


def _die_with(parent: int) -> None:
    """End this process together with its parent, whose end nobody else would notice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
