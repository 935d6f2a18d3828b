"""A real web server for the races: gunicorn with several processes on the database of the run."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.kit.caller import TRUST
from tests.kit.servers import free_port

START_SECONDS = 90
STOP_SECONDS = 15


@contextmanager
def serving(
    root: Path, log: Path, variables: Mapping[str, str], *, application: str = "marketplace.wsgi", processes: int = 8
) -> Iterator[str]:
    """Serve the checkout at ``root``, wait until it answers, and yield its base URL; what it says goes to ``log``."""
    port = int(os.environ.get("CONCURRENCY_PORT") or free_port())
    unlimited = {f"CALLS_PER_MINUTE_{policy}": "0" for policy in ("ANONYMOUS", "PERSON", "CLIENT")}
    given = {
        **variables,
        **unlimited,
        "LOG_LEVEL": "WARNING",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(processes),
    }
    command = [sys.executable, "-m", "gunicorn", "--preload", "--timeout", "300", f"{application}:application"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=root, env=given, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, server, log)
        yield url
    finally:
        server.terminate()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            httpx.get(f"{url}/api/v1/health/live", timeout=5, trust_env=False, verify=TRUST).raise_for_status()
            return
        except httpx.HTTPError as error:
            if server.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"the web server does not answer:\n{log.read_text(errors='replace')}") from error
            time.sleep(0.1)
