"""Processes of their own for tests that are about processes: same settings, same (test) database, test jobs listed."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

WAIT_SECONDS = 60.0


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


class Child(subprocess.Popen[str]):
    """A process whose words go to a file: a pipe that nobody reads would stop it once it is full."""

    def __init__(self, arguments: list[str], env: dict[str, str]) -> None:
        self.words = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed when the process has ended
        super().__init__(
            arguments,
            env=env,
            cwd=settings.BASE_DIR,
            stdout=self.words,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def said(self) -> str:
        """All that it has written so far."""
        self.words.seek(0)
        return self.words.read()


@contextmanager
def running(*arguments: str, **env: str) -> Iterator[Child]:
    """One child `python ARGUMENTS`, killed at the end of the block if it is still there."""
    child = Child([sys.executable, *arguments], environment(**env))
    try:
        yield child
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, 9)
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
        assert time.monotonic() < give_up_at, f"waited {seconds} s in vain"
        time.sleep(0.05)


def wait_for_file(path: Path) -> None:
    wait_until(path.exists)
