"""Ties a request to everything that follows from it: its id in audit, events, jobs and the answer."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from marketplace.accounts.addresses import client_address
from marketplace.work.context import Origin, originating

SAFE = re.compile(r"[^A-Za-z0-9._:-]")
LENGTH = 64  # characters kept of an id that came from outside
HEADER = "X-Request-ID"


def current_request_id() -> str:
    """Give the id of the request being served; empty outside of one."""
    return SAFE.sub("", str(structlog.contextvars.get_contextvars().get("request_id", "")))[:LENGTH]


class RequestOrigin:
    """Remember the origin while the request is served, and say its id in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request under its id."""
        request_id, address = current_request_id(), client_address(request)
        structlog.contextvars.bind_contextvars(ip=address)
        with originating(Origin(request_id, address or None)):
            response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
