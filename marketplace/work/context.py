"""Where a piece of work comes from: the request id that ties an HTTP call to its audit rows, events and jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """The request being served, or the request that a job follows from; empty outside of both."""

    request_id: str = ""
    client_address: str | None = None


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


def current_origin() -> Origin:
    """Give the origin of what is being done now."""
    return _origin.get()


def set_origin(origin: Origin) -> Token[Origin]:
    """Remember ``origin`` for this thread or task; undo with ``reset_origin``."""
    return _origin.set(origin)


def reset_origin(token: Token[Origin]) -> None:
    """Undo ``set_origin``."""
    _origin.reset(token)


@contextmanager
def originating(origin: Origin) -> Iterator[None]:
    """Remember ``origin`` inside a ``with`` block."""
    token = set_origin(origin)
    try:
        yield
    finally:
        reset_origin(token)
