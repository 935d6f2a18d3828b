"""One call of a receiver: to a checked address, without redirects, in a bounded time, reading a bounded answer."""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from marketplace.webhooks.addresses import ForbiddenAddressError, resolve

MOST_ANSWER_BYTES = 64 * 1024  # of the whole answer, headers included; nothing of it is kept
CONNECT_SECONDS = 5.0
GONE = 410
OK = 200


@dataclass(frozen=True, slots=True)
class Result:
    """How a call ended: ``status`` of HTTP or None, and the code of the problem, empty where it was taken."""

    status: int | None
    problem: str
    duration_ms: int

    @property
    def is_taken(self) -> bool:
        """Tell whether the receiver said 2xx."""
        return not self.problem


class _Watch:
    """The time and the bytes that the present call has left."""

    def __init__(self) -> None:
        self._ends_at, self._bytes = 0.0, 0

    def begin(self, seconds: float, most: int = MOST_ANSWER_BYTES) -> None:
        self._ends_at, self._bytes = time.monotonic() + seconds, most

    def seconds(self) -> float:
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the call has taken too long")
        return left

    def count(self, data: bytes) -> bytes:
        self._bytes -= len(data)
        if self._bytes < 0:
            raise _TooMuchError
        return data


class _TooMuchError(Exception):
    """The answer is larger than anybody needs who says "taken"."""


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the watch: neither a byte a second nor an endless answer holds a worker."""

    def __init__(self, inner: httpcore.NetworkStream, watch: _Watch, *, secure: bool = False) -> None:
        self._inner, self._watch, self._secure = inner, watch, secure

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read for as long as is left."""
        return self._watch.count(self._inner.read(max_bytes, self._watch.seconds()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write for as long as is left."""
        self._inner.write(buffer, self._watch.seconds())

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Begin TLS with the name of the address, which the certificate must bear."""
        inner = self._inner.start_tls(ssl_context, server_hostname, self._watch.seconds())
        return _Stream(inner, self._watch, secure=True)

    def get_extra_info(self, info: str) -> Any:
        """Tell what the connection knows of itself."""
        return self._inner.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    """Connects to what the name leads to now, if that is allowed."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Look the name up, and connect to the first of its addresses that answers, by its number."""
        failure: Exception | None = None
        for address in resolve(host, port):
            seconds = min(CONNECT_SECONDS, self._watch.seconds())
            try:
                inner = self._plain.connect_tcp(str(address), port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Stream(inner, self._watch)
        raise failure or httpcore.ConnectError(host)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Refuse: no receiver is a file. Raises ForbiddenAddressError."""
        raise ForbiddenAddressError(path)


def is_callable_url(url: str) -> bool:
    """Tell whether an address has the form that calls need: https (http where this very machine may be called), a host."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    schemes = ("https", "http") if settings.WEBHOOKS_TO_LOOPBACK else ("https",)
    plain = not (parts.username or parts.password or parts.fragment) and url.isascii() and url.isprintable()
    return plain and " " not in url and parts.scheme in schemes and bool(parts.hostname) and port != 0


class Caller:
    """Makes several calls, one after the other, over the same connection where the receiver keeps it open."""

    def __init__(self) -> None:
        self._watch = _Watch()
        self._pool = httpcore.ConnectionPool(network_backend=_Network(self._watch), max_connections=1, retries=0)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._pool.close()

    def call(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Result:
        """Send one POST and say how it ended; never raises for what the receiver or the network does."""
        began = time.monotonic()
        try:
            status: int | None = self._status_of(url, body, headers)
            problem = "" if status is not None and 200 <= status < 300 else "status"
        except Exception as error:
            status, problem = None, _problem_of(error)
        return Result(status, problem, round((time.monotonic() - began) * 1000))

    def _status_of(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        if not is_callable_url(url):  # what was allowed when it was set up need not be so now
            raise ForbiddenAddressError(url)
        self._watch.begin(settings.WEBHOOK_SECONDS)
        with self._pool.stream("POST", url, content=body, headers=list(headers.items())) as answer:
            for _part in answer.iter_stream():  # to its end, so that a receiver is not cut off in the middle of a word
                pass
        return int(answer.status)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a GET: the content where the answer was 200, else the code of the problem."""

    content: bytes
    problem: str


def fetch(url: str, *, headers: Mapping[str, str], seconds: float, most_bytes: int) -> Fetched:
    """Read an address under the same guard as calls; never raises for what the other side or the network does."""
    watch, parts = _Watch(), []
    try:
        if not is_callable_url(url):
            raise ForbiddenAddressError(url)
        watch.begin(seconds, most_bytes)
        with (
            httpcore.ConnectionPool(network_backend=_Network(watch), max_connections=1, retries=0) as pool,
            pool.stream("GET", url, headers=list(headers.items())) as answer,
        ):
            parts += list(answer.iter_stream())
            problem = "" if answer.status == OK else "status"
    except Exception as error:
        problem = _problem_of(error)
    return Fetched(b"" if problem else b"".join(parts), problem)


def call(url: str, *, body: bytes, headers: Mapping[str, str]) -> Result:
    """Make a single call."""
    with Caller() as caller:
        return caller.call(url, body=body, headers=headers)


def _problem_of(error: Exception) -> str:
    """Word what happened as a stable code; raises what is a mistake of ours."""
    for kinds, code in PROBLEMS:
        if isinstance(error, kinds):
            return code
    raise error


PROBLEMS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((ForbiddenAddressError,), "address_forbidden"),
    ((_TooMuchError,), "answer_too_large"),
    ((httpcore.TimeoutException, TimeoutError), "timeout"),
    ((httpcore.ConnectError, OSError), "unreachable"),  # also: no such name, a certificate that is not right
    ((httpcore.NetworkError, httpcore.ProtocolError), "broken_off"),
)
PROBLEM_CODES = ("status", *(code for _, code in PROBLEMS))
