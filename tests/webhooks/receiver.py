"""A receiver on this machine: it verifies with the library that receivers use, and does as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook as Verifier


@dataclass
class Call:
    """One request as it came."""

    headers: dict[str, str]
    body: bytes
    peer: int = 0  # port that it came from: one for each connection


@dataclass
class Receiver:
    """What came, and what is answered: a status, or a function of the call that gives one."""

    url: str = ""
    answer: Callable[[Call], int] = lambda call: 204
    location: str = ""
    keeps_connections: bool = False
    calls: list[Call] = field(default_factory=list)

    def events(self, secret: str) -> list[dict[str, Any]]:
        """Verify every call and give the bodies."""
        return [Verifier(secret).verify(call.body, call.headers) for call in self.calls]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = Call({name.lower(): value for name, value in self.headers.items()}, body, self.client_address[1])
            receiver.calls.append(call)
            self.send_response(receiver.answer(call))
            if receiver.location:
                self.send_header("Location", receiver.location)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "keep-alive" if receiver.keeps_connections else "close")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.url = f"http://127.0.0.1:{server.server_port}/hook?key=a"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()
