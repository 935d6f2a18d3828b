"""Processes of the demo: each a fork of this one, so that it starts at once, with a log file of its own."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connections

PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_SECONDS = 15.0  # for ending in good order
QUIT_SECONDS = 5.0  # for ending at once; the work table gives unfinished jobs out again
TAIL_LINES = 20
MOST_FILES = 4096


@dataclass(slots=True)
class Child:
    """One running process."""

    name: str
    pid: int
    log: Path
    status: int | None = None  # wait status, once it has ended

    def has_ended(self) -> bool:
        """Look whether it still runs, without waiting."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = status
        return self.status is not None

    def tail(self) -> str:
        """Give the last lines of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-TAIL_LINES:])


def start(name: str, run: Callable[[], None], *, folder: Path) -> Child:
    """Fork a process that does ``run``; what it prints goes to ``folder``/``name``.log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    connections.close_all()  # a connection does not survive a fork
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return Child(name, pid, log)
    _be_child(run, log, parent)
    raise AssertionError("a child has come back")


def _be_child(run: Callable[[], None], log: Path, parent: int) -> None:
    code = 1
    try:
        os.setsid()  # Ctrl-C reaches the parent alone, which stops its children in order
        _die_with(parent)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (out, 1), (out, 2)):
            os.dup2(source, target)
        os.closerange(3, MOST_FILES)  # nothing that the parent has open is the child's business
        sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", closefd=False)
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # whatever happened, the child must not go on as a second parent
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_with(parent: int) -> None:
    """Ask Linux to stop this process when its parent dies without having stopped it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


def command(*words: str) -> Callable[[], None]:
    """Give what turns a child into another program of this Python."""

    def become() -> None:
        os.execv(sys.executable, [sys.executable, *words])  # noqa: S606  our own Python, no shell

    return become


def stop(children: list[Child]) -> list[Child]:
    """Ask all to end in good order, then to end at once, then end by force those that do not; returns these."""
    left = children
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGQUIT, QUIT_SECONDS)):
        left = [child for child in left if not child.has_ended()]
        for child in left:
            os.kill(child.pid, number)
        left = _wait(left, seconds)
    for child in left:
        os.killpg(child.pid, signal.SIGKILL)
        child.status = os.waitpid(child.pid, 0)[1]
    return left


def _wait(children: list[Child], seconds: float) -> list[Child]:
    give_up_at = time.monotonic() + seconds
    left = [child for child in children if not child.has_ended()]
    while left and time.monotonic() < give_up_at:
        time.sleep(0.05)
        left = [child for child in left if not child.has_ended()]
    return left
