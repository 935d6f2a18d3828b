"""A process that works until it is told to stop."""

import gc
import os
import signal
import threading
from types import FrameType

from django.utils import timezone

from marketplace.work import processes
from marketplace.work.loop import Presence


def stop_on_signal() -> threading.Event:
    """Make an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = threading.Event()

    def heed(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, heed)
    return stop


def ready() -> None:
    """Take the code that has been read out of the garbage collection: it stays, and the end need not tidy it up."""
    gc.collect()
    gc.freeze()


def presence(role: str) -> Presence:
    """Make the presence of this process in the given role."""
    return Presence(name=processes.worker_name(role), role=role, pid=os.getpid(), started_at=timezone.now())
