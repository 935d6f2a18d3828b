"""Processes of their own for tests that are about processes: same settings, same (test) database, test jobs listed."""

import atexit
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.utils import timezone

from marketplace.work import processes
from marketplace.work.models import Job, JobFailure, WorkerHeartbeat

WAIT_SECONDS = 60.0
_here: list["Child"] = []  # the children that run


def database_url() -> str:
    """The URL of the database that the test is on."""
    there = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{there['NAME']}"
    login = f"{quote(there['USER'] or '')}:{quote(there['PASSWORD'] or '')}"
    return f"postgres://{login}@{there['HOST'] or 'localhost'}:{there['PORT'] or 5432}/{there['NAME']}"


def environment(**more: str) -> dict[str, str]:
    root = str(settings.BASE_DIR)
    own = {"DATABASE_URL": database_url(), "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    return {
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        **kept,
        **own,
        "REDIS_URL": "",
        "LOG_LEVEL": "WARNING",
        **more,
    }


class Nursery:
    """A process that has set Django up, of which children are forks (tests/work/nursery.py); one for each environment."""

    _open: ClassVar[dict[frozenset[tuple[str, str]], "Nursery"]] = {}

    def __init__(self, env: dict[str, str]) -> None:
        command = [sys.executable, "-m", "tests.work.nursery"]
        self._process = subprocess.Popen(
            command, env=env, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        atexit.register(self._process.kill)

    @classmethod
    def of(cls, env: dict[str, str]) -> "Nursery":
        """The nursery of an environment; what only the tests' own jobs read makes no difference."""
        shared = {name: value for name, value in env.items() if not name.startswith("TEST_")}
        key = frozenset(shared.items())
        if key not in cls._open:
            cls._open[key] = cls(shared)
        return cls._open[key]

    def ask(self, **order: object) -> Any:
        """Give an order, and take the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the nursery ended with {self._process.wait()}"
        return json.loads(answer)


class Child:
    """A process whose words go to a file: a pipe that nobody reads would stop it once it is full."""

    def __init__(self, arguments: list[str], env: dict[str, str]) -> None:
        self.words = tempfile.NamedTemporaryFile("r")  # noqa: SIM115 - closed when the process has ended
        self.returncode: int | None = None
        self._nursery = Nursery.of(env)
        own = {name: value for name, value in env.items() if name.startswith("TEST_")}
        self.pid: int = self._nursery.ask(arguments=arguments, env=own, words=self.words.name)

    def poll(self) -> int | None:
        """Tell how it ended, if it has: below 0 by which signal."""
        if self.returncode is None:
            self.returncode = self._nursery.ask(status=self.pid)
        return self.returncode

    def wait(self, timeout: float = WAIT_SECONDS) -> int:
        """Wait until it has ended."""
        wait_until(lambda: self.poll() is not None, timeout)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def said(self) -> str:
        """All that it has written so far."""
        self.words.seek(0)
        return self.words.read()


@contextmanager
def running(*arguments: str, **env: str) -> Iterator[Child]:
    """One child `python ARGUMENTS`, killed at the end of the block if it is still there, with all that it has begun."""
    child = Child(list(arguments), environment(**env))
    _here.append(child)
    try:
        yield child
    finally:
        _here.remove(child)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        child.words.close()


@contextmanager
def several(count: int, *arguments: str, **env: str) -> Iterator[list[Child]]:
    """That many children at once."""
    if count == 0:
        yield []
        return
    with running(*arguments, **env) as first, several(count - 1, *arguments, **env) as others:
        yield [first, *others]


def finish(children: list[Child]) -> list[str]:
    """Wait for children that end by themselves; fail with what they said when one fails."""
    said = []
    for child in children:
        code = child.wait(timeout=WAIT_SECONDS)
        said.append(child.said())
        assert code == 0, said[-1]
    return said


def wait_until(what: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Look again and again until something is there."""
    give_up_at = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < give_up_at, f"waited {seconds} s in vain\n{report()}"
        time.sleep(0.05)


def freeze(child: Child) -> None:
    """Stop a child with all its parts where it stands, but not in a write: on SQLite whoever is frozen there locks all others out."""
    for _ in range(100):
        os.killpg(child.pid, signal.SIGSTOP)
        if _is_writable():
            return
        os.killpg(child.pid, signal.SIGCONT)
        time.sleep(0.05)
    raise AssertionError("it never stops writing")


def _is_writable() -> bool:
    if connection.vendor != "sqlite":
        return True
    with closing(sqlite3.connect(connection.settings_dict["NAME"], timeout=0.5, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


def report() -> str:
    """Tell what is in the work table, who is there, and what the children last said."""
    jobs, failures, beats = Job.objects.order_by("id"), JobFailure.objects.order_by("at"), WorkerHeartbeat.objects.all()
    lines = [
        f"now {timezone.now():%H:%M:%S}",
        *(f"job {job.kind} {job.state}, {job.attempts} attempts, {job.worker} until {job.lease_until}" for job in jobs),
        *(f"failure {failure.at:%H:%M:%S} {failure.error[:200]}" for failure in failures),
        *(
            f"beat {beat.beat_at:%H:%M:%S} {beat.name}{' (gone)' if processes.is_gone(beat.pid) else ''}"
            for beat in beats
        ),
        *(f"child {child.pid}, ended {child.poll()}: {child.said()[-2_000:]}" for child in _here),
    ]
    return "\n".join(lines)


def wait_for_file(path: Path) -> None:
    wait_until(path.exists)
