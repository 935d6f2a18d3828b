"""gunicorn's worker, which answers what is no HTTP request with a problem as everything else is answered.

gunicorn imports this before the settings are loaded, hence the imports inside.
"""

from collections.abc import Callable, Iterator
from typing import Any

from gunicorn import util
from gunicorn.http.errors import (
    ConfigurationProblem,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.sync import SyncWorker

OURS = (ConfigurationProblem, InvalidResponseHeader, InvalidResponseHeaderName)  # not the caller's mistakes


class Alive:
    """An answer that is sent piece by piece: each piece tells the master that its worker is alive."""

    def __init__(self, answer: Any, tell: Callable[[], None]) -> None:
        self.answer, self.tell = answer, tell

    def __iter__(self) -> Iterator[bytes]:
        """Give the pieces; the first one may take as long as any call."""
        for piece in self.answer:
            self.tell()
            yield piece

    def close(self) -> None:
        """End the answer, as Django wants it."""
        self.answer.close()


class ProblemWorker(SyncWorker):  # type: ignore[misc]  # gunicorn has no types
    """A sync worker: the fastest of six arrangements measured for this stack."""

    def load_wsgi(self) -> None:
        """Load the application; whole lists are sent for longer than a call may take (`WEB_TIMEOUT_SECONDS`)."""
        super().load_wsgi()
        application: Any = self.wsgi  # type: ignore[has-type]

        def alive(environ: Any, start_response: Any) -> Any:
            answer = application(environ, start_response)
            return Alive(answer, self.notify) if getattr(answer, "streaming", False) else answer

        self.wsgi = alive

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read; what the application raised stays gunicorn's to answer."""
        if not isinstance(exc, ParseException) or isinstance(exc, OURS):
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Invalid request from ip=%s: %s", addr[0] if addr else "", exc)
        try:
            util.write_nonblock(client, self.answer(exc))
        except OSError:
            self.log.debug("Failed to send error message.")

    def answer(self, exc: ParseException) -> bytes:
        """Write the whole answer; English, since the header that names a language may be what is broken."""
        from django.http import HttpRequest
        from django.utils import translation

        from marketplace.api.problems import refuse
        from marketplace.kernel.errors import ErrorCode

        code, params = ErrorCode.MALFORMED_REQUEST, {}
        if isinstance(exc, LimitRequestLine):
            code, params = ErrorCode.URI_TOO_LONG, {"length": self.cfg.limit_request_line, "parameters": "-"}
        elif isinstance(exc, LimitRequestHeaders):
            sizes = {"length": self.cfg.limit_request_field_size, "headers": self.cfg.limit_request_fields}
            code, params = ErrorCode.HEADERS_TOO_LARGE, sizes
        with translation.override("en"):
            response = refuse(HttpRequest(), code, **params)
        response.headers["Connection"] = "close"
        response.headers["Content-Length"] = str(len(response.content))
        head = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n".encode()
        return head + response.serialize_headers() + b"\r\n\r\n" + response.content
