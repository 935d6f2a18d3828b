"""Calls without sockets: the environ goes in, status and body come out, and the clock runs in between."""

import io
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

Call = Callable[[], bytes]


def call(application: Any, url: str, token: str, *, method: str = "GET", body: bytes = b"") -> Call:
    """Make the call of a WSGI application; it gives the body. Raises RuntimeError where the answer is no success."""
    parts = urlsplit(url)

    def once() -> bytes:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "testserver",
            "HTTP_AUTHORIZATION": f"Bearer {token}",
            "HTTP_ACCEPT": "application/json",
            "HTTP_ACCEPT_LANGUAGE": "en",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.url_scheme": "http",
            "wsgi.version": (1, 0),
            "wsgi.multithread": False,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        seen: list[str] = []
        answer: Iterable[bytes] = application(environ, lambda status, headers, exc=None: seen.append(status))
        found = b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        if seen[0][0] != "2":
            raise RuntimeError(f"{method} {url}: {seen[0]} {found[:500]!r}")
        return found

    return once


def rounds(calls: dict[str, Call], *, times: int, each: int, backends: Iterable[int] = ()) -> dict[str, float]:
    """Give the median CPU milliseconds of each call: round after round all sides take their turn, ``each`` calls a turn.

    What this process spends and what PostgreSQL's processes with the ids ``backends`` spend for it both count; waiting for a
    processor that others use does not.
    """
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(times + 1):
        for name, one in calls.items():
            begun = cpu_seconds(backends)
            for _ in range(each):
                one()
            if number:  # the first round warms up
                spent[name].append((cpu_seconds(backends) - begun) / each)
    return {name: median(found) * 1000 for name, found in spent.items()}


def cpu_seconds(backends: Iterable[int]) -> float:
    """Add up the CPU time of this process and of others, on this machine and under Linux."""
    return time.process_time() + sum(
        int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9 for pid in backends
    )


def percentile(calls: Iterable[Call], share: int, *, times: int, backends: Iterable[int] = ()) -> tuple[float, float]:
    """Give the milliseconds of CPU and of the clock within which ``share`` of a hundred calls are done, taking turns."""
    spent, passed, every = [], [], list(calls)
    for _ in range(times):
        for one in every:
            used, begun = cpu_seconds(backends), time.perf_counter()
            one()
            spent.append(cpu_seconds(backends) - used)
            passed.append(time.perf_counter() - begun)
    return quantiles(spent, n=100)[share - 1] * 1000, quantiles(passed, n=100)[share - 1] * 1000
