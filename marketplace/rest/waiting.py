"""Waiting for the next event without standing in anybody's way.

A call that waits holds a web process; so only a few may, and the others are told at once that there is no room. Places are
locks on files: the system gives a place back when the process that had it is gone, however it ended. While a call waits it
has neither a transaction nor a database connection.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

MOST_SECONDS = 20  # below WEB_REQUEST_SECONDS, after which the request would be ended
LOOK_SECONDS = 0.5


@contextmanager
def place() -> Iterator[bool]:
    """Take a place among those who wait; gives False where none is free."""
    folder = Path(settings.VAR_DIR) / "waiting"
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        yield any(_taken(folder / str(number), held) for number in range(settings.EVENT_WAITERS))


def _taken(path: Path, held: ExitStack) -> bool:
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return False
    held.callback(file.close)
    return True


def until(is_there: Callable[[], bool], seconds: float) -> bool:
    """Look every half second until ``is_there`` or the time is over; tells whether it came about."""
    give_up_at = time.monotonic() + seconds
    while not is_there():
        left = give_up_at - time.monotonic()
        if left <= 0:
            return False
        if not connection.in_atomic_block:  # only tests are in one
            connection.close()
        time.sleep(min(LOOK_SECONDS, left))
    return True
