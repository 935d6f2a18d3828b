"""The corpus and what is no HTTP at all, over raw sockets to a real gunicorn with the product's own settings."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from marketplace.api.problems import MEDIA_TYPE
from marketplace.kernel.errors import CATALOGUE
from marketplace.kernel.errors import ErrorCode as C
from tests.hostile.corpus import CORPUS, GOOD_BYTES, Hostile
from tests.kit.servers import die_with_parent, free_port
from tests.kit.stack import outside_of_tests

pytestmark = pytest.mark.e2e
START_SECONDS, ANSWER_SECONDS = 90, 30
HOST = b"Host: localhost\r\n"


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers in small letters, body."""

    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start gunicorn on a database without a table: what is refused here is refused before any look at it."""
    folder, port = tmp_path_factory.mktemp("gunicorn"), free_port()
    variables = {
        **outside_of_tests(),
        "VAR_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/empty.sqlite3",
        "REDIS_URL": "",
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": "1",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("gunicorn")), "marketplace.wsgi:application"],
            cwd=settings.BASE_DIR,
            env=variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509
        )
    try:
        wait_until_it_answers(port, process, folder / "log")
        yield port
        assert process.poll() is None, (folder / "log").read_text()
    finally:
        process.terminate()
        process.wait(30)


def wait_until_it_answers(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            if send(port, b"GET /api/v1/health/live HTTP/1.1\r\n" + HOST + b"\r\n").status == 200:
                return
        time.sleep(0.2)
    raise AssertionError(log.read_text())


def send(port: int, sent: bytes, *, then_close: bool = False) -> Answer:
    """Send bytes and read the whole answer; ``then_close`` ends our half, as a client that breaks off does."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
            connection.sendall(sent)
            if then_close:
                connection.shutdown(socket.SHUT_WR)
        return read(connection)


def read(connection: socket.socket) -> Answer:
    """Read to the end: our workers close after each answer."""
    found = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    assert first.startswith("HTTP/1.1 "), found[:200]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(body.split(b"\r\n")[1::2])
    return Answer(int(first.split()[1]), headers, body)


def check_problem(answer: Answer, code: C) -> None:
    assert answer.status == CATALOGUE[code].status, answer
    assert answer.headers["content-type"] == MEDIA_TYPE, answer
    assert json.loads(answer.body)["code"] == code.value


def call(
    path: bytes = b"/api/v1", *headers: bytes, method: bytes = b"GET", body: bytes = b"", host: bytes = HOST
) -> bytes:
    lines = b"".join(line + b"\r\n" for line in headers)
    return method + b" " + path + b" HTTP/1.1\r\n" + host + lines + b"\r\n" + body


LENGTH = b"Content-Length: %d"
LOGIN = b"/api/v1/session"
NO_HTTP = {
    "noise": (os.urandom(64).replace(b"\n", b"") + b"\r\n\r\n", C.MALFORMED_REQUEST),
    "a TLS greeting": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", C.MALFORMED_REQUEST),
    "no version": (b"GET /api/v1\r\n\r\n", C.MALFORMED_REQUEST),
    "version 9": (b"GET /api/v1 HTTP/9.9\r\n" + HOST + b"\r\n", C.MALFORMED_REQUEST),
    "two blanks": (b"GET  /api/v1 HTTP/1.1\r\n" + HOST + b"\r\n", C.MALFORMED_REQUEST),
    "a method of signs": (b"G\x00T /api/v1 HTTP/1.1\r\n" + HOST + b"\r\n", C.MALFORMED_REQUEST),
    "a header without a colon": (call(b"/api/v1", b"nonsense"), C.MALFORMED_REQUEST),
    "a header name with a blank": (call(b"/api/v1", b"X Y: 1"), C.MALFORMED_REQUEST),
    "a folded header": (call(b"/api/v1", b"X-A: 1", b" folded"), C.MALFORMED_REQUEST),
    "NUL in a header": (call(b"/api/v1", b"X-A: a\x00b"), C.MALFORMED_REQUEST),
    "a bare line end in a header": (call(b"/api/v1", b"X-A: a\rb"), C.MALFORMED_REQUEST),
    "two lengths": (call(LOGIN, LENGTH % 5, LENGTH % 6, method=b"POST", body=b"{}"), C.MALFORMED_REQUEST),
    "a negative length": (call(LOGIN, b"Content-Length: -1", method=b"POST"), C.MALFORMED_REQUEST),
    "a length of words": (call(LOGIN, b"Content-Length: ten", method=b"POST"), C.MALFORMED_REQUEST),
    "length and chunks (smuggling)": (
        call(
            LOGIN,
            LENGTH % 4,
            b"Transfer-Encoding: chunked",
            method=b"POST",
            body=b"0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n",
        ),
        C.MALFORMED_REQUEST,
    ),
    "an unknown transfer coding": (call(LOGIN, b"Transfer-Encoding: rot13", method=b"POST"), C.MALFORMED_REQUEST),
    "chunks": (
        call(LOGIN, b"Transfer-Encoding: chunked", method=b"POST", body=b"2\r\n{}\r\n0\r\n\r\n"),
        C.LENGTH_REQUIRED,
    ),
    "a line without end": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", C.URI_TOO_LONG),
    "a query at our own limit": (call(b"/api/v1?q=" + b"a" * 8_050), C.URI_TOO_LONG),
    "a header without end": (call(b"/api/v1", b"X-A: " + b"a" * 9_000), C.HEADERS_TOO_LARGE),
    "headers without end": (call(b"/api/v1", *(b"X-%d: 1" % number for number in range(120))), C.HEADERS_TOO_LARGE),
    "somebody else's host": (call(b"/api/v1", host=b"Host: evil.example\r\n"), C.INVALID_INPUT),
    "an absolute address of somebody else": (
        b"GET http://evil.example/api/v1/nothing HTTP/1.1\r\n" + HOST + b"\r\n",
        C.NOT_FOUND,
    ),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", C.NOT_FOUND),
    "a way upwards": (call(b"/api/v1/../../etc/passwd"), C.NOT_FOUND),
    "an encoded way upwards": (call(b"/static/%2e%2e/%2e%2e/etc/passwd"), C.NOT_FOUND),
    "raw bytes in the path": (call(b"/api/v1/\xff\xfe"), C.MALFORMED_REQUEST),
    "TRACE": (call(b"/api/v1", method=b"TRACE"), C.METHOD_NOT_ALLOWED),
}


@pytest.mark.parametrize("name", NO_HTTP)
def test_what_is_no_request_is_a_problem(port: int, name: str) -> None:
    sent, code = NO_HTTP[name]
    check_problem(send(port, sent), code)


def test_a_body_that_breaks_off_is_malformed(port: int) -> None:
    said = call(LOGIN, LENGTH % 1_000, b"Content-Type: application/json", method=b"POST", body=b'{"login": "a')
    answer = send(port, said, then_close=True)
    assert 400 <= answer.status < 500, answer
    assert answer.headers["content-type"] == MEDIA_TYPE


def test_a_length_beyond_all_bounds_is_answered_at_once(port: int) -> None:
    began = time.monotonic()
    answer = send(port, call(b"/api/v1/requests", LENGTH % 10**15, b"Content-Type: application/json", method=b"POST"))
    check_problem(answer, C.NOT_AUTHENTICATED)
    assert time.monotonic() - began < 10


def test_no_header_of_a_caller_comes_back_as_a_header(port: int) -> None:
    answer = send(port, call(b"/api/v1/x%0d%0aX-Injected:%201", b"X-Request-ID: a%0d%0aX-Injected: 1"))
    assert "x-injected" not in answer.headers
    assert "\n" not in answer.headers["x-request-id"]


def as_sent(one: Hostile) -> bytes:
    """Write a case of the corpus as bytes on the line."""
    headers = {"Host": "localhost", "Content-Type": one.content_type, **one.headers}
    if one.raw is not None and "Transfer-Encoding" not in headers:
        headers["Content-Length"] = str(len(one.raw))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    first = f"{one.method} /api/v1{one.path.replace('{draft}', 'x')} HTTP/1.1\r\n"
    return first.encode() + lines.encode("utf-8") + b"\r\n" + (one.raw or b"")


@pytest.mark.parametrize("kind", ["codings", "paths", "headers", "methods"])
def test_the_corpus_over_a_socket_ends_no_process(port: int, kind: str) -> None:
    """Nobody is signed in and there is no table, so most is refused early: what counts is that everything is answered."""
    for one in CORPUS[kind]:
        if "gmg_" in one.headers.get("Authorization", ""):
            continue  # somebody looks for the token in a table
        answer = send(port, as_sent(one))
        assert answer.status < 500, (one.name, answer)
        if answer.status >= 400:
            assert answer.headers["content-type"] == MEDIA_TYPE, (one.name, answer)
    assert send(port, call()).status == 200


def test_good_bytes_are_read_as_a_request(port: int) -> None:
    """The socket carries a good call, too: without a sign-in it is refused for that alone."""
    said = call(
        b"/api/v1/requests",
        LENGTH % len(GOOD_BYTES),
        b"Content-Type: application/json",
        method=b"POST",
        body=GOOD_BYTES,
    )
    check_problem(send(port, said), C.NOT_AUTHENTICATED)
