"""The running product: `manage.py demo` with its own folder, database and port, on the engine of this run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx

from tests.kit.caller import TRUST
from tests.kit.servers import die_with_parent, free_port, fresh_database

READY_SECONDS, STOP_SECONDS, LOOK_SECONDS = 240, 40, 0.3
TAIL = 6_000  # characters of each log that are shown when something failed
# Tests call faster than anybody; what limits do is looked at where they are tested.
UNHURRIED = {f"CALLS_PER_MINUTE_{who}": "1000000" for who in ("ANONYMOUS", "PERSON", "CLIENT")}
REDIS_DATABASE = 7  # apart from the doorbell of other tests on the same server


class StackFailedError(RuntimeError):
    """The product did not start or did not stop as it should; the message has its last words."""


@dataclass(frozen=True)
class Stack:
    """A running demo: what it told to scripts, and where its processes write."""

    folder: Path

    @property
    def told(self) -> Path:
        """The file with address and accounts."""
        return self.folder / "demo.json"

    def logs(self) -> str:
        """Give the last words of every process."""
        files = sorted(self.folder.rglob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-TAIL:]}" for file in files)


@contextmanager
def running_demo(
    root: Path, folder: Path, *, database_url: str = "", redis_url: str = "", template: str = "template1"
) -> Iterator[Stack]:
    """Start the demo of the checkout at ``root``, wait until it is ready, and see that it stops cleanly.

    ``database_url`` names a PostgreSQL server, on which it gets a database of its own, a copy of ``template``; without one
    it runs on SQLite with the embedded worker. Raises StackFailedError.
    """
    with ExitStack() as things:
        url = f"sqlite:///{folder}/demo.sqlite3"
        if database_url.startswith("postgres"):
            url = things.enter_context(fresh_database(database_url, template))
        if redis_url:
            redis_url = urlunsplit(urlsplit(redis_url)._replace(path=f"/{REDIS_DATABASE}"))
        variables = {**outside_of_tests(), "DATABASE_URL": url, "REDIS_URL": redis_url, "VAR_DIR": str(folder)}
        yield from _run(root, Stack(folder), variables)


def outside_of_tests() -> dict[str, str]:
    """Give the environment without what makes a process one of a test run."""
    inside = ("PYTEST", "TESTING", "DJANGO_SETTINGS_MODULE", "VOCABULARY_CHECK_SECONDS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(inside)}
    return {**kept, "PYTHONUNBUFFERED": "1", "WEB_CONCURRENCY": "2", **UNHURRIED}


def _run(root: Path, stack: Stack, variables: dict[str, str]) -> Iterator[Stack]:
    port = free_port()
    command = [sys.executable, "manage.py", "demo", "--port", str(port), "--var", str(stack.folder)]
    with (stack.folder / "demo.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=root,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the tests first; we stop the product after them
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/api/v1/health/ready", process, stack)
        yield stack
    finally:
        _stop(process, stack)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], stack: Stack) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _ready(url):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StackFailedError(f"the demo did not become ready\n{stack.logs()}")
        time.sleep(LOOK_SECONDS)


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False, verify=TRUST).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _stop(process: subprocess.Popen[bytes], stack: Stack) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise StackFailedError(f"the demo did not stop within {STOP_SECONDS} s\n{stack.logs()}") from None
    if code != 0:
        raise StackFailedError(f"the demo ended with {code}\n{stack.logs()}")
