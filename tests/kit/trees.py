"""Whole trees of processes at once: killed, frozen, thawed. A server is more than its first process."""

import signal
import time
from contextlib import suppress

import psutil

GONE = (psutil.NoSuchProcess, ProcessLookupError)
WAIT_SECONDS = 10.0


def members(pid: int) -> list[psutil.Process]:
    """Find the process and all that descend from it, the first one first; none where it is gone."""
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def children(pid: int) -> list[int]:
    """Give the ids of the direct children, the oldest first."""
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.NoSuchProcess:
        return []


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to every process of the tree."""
    for process in members(pid):
        with suppress(*GONE):
            process.send_signal(number)


def kill(pid: int) -> None:
    """Kill the tree outright and wait until nothing of it is left."""
    found = members(pid)
    for process in found:  # the first one first: it must not replace what dies under it
        with suppress(*GONE):
            process.kill()
    give_up_at = time.monotonic() + WAIT_SECONDS
    while any(_lives(process) for process in found) and time.monotonic() < give_up_at:
        time.sleep(0.02)


def _lives(process: psutil.Process) -> bool:
    """Tell whether it still does anything; one that only waits for its parent to hear of its end does not."""
    with suppress(*GONE):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def freeze(pid: int) -> None:
    """Stop the tree where it stands: it keeps its connections and answers nothing."""
    send(pid, signal.SIGSTOP)


def thaw(pid: int) -> None:
    """Let a frozen tree go on."""
    send(pid, signal.SIGCONT)
