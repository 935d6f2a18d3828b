"""Which process this is, and whether another one on the same machine still lives."""

import os
import socket
from functools import cache
from pathlib import Path


@cache
def machine() -> str:
    """Name the host together with its process-id namespace, so that containers sharing a host name stay apart."""
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:  # not Linux: the host name alone has to do
        namespace = "-"
    return f"{socket.gethostname()[:100]}/{namespace}"


def worker_name(role: str) -> str:
    """Name this process, readable in the work table: role, machine and process id."""
    return f"{role}@{machine()}:{os.getpid()}"


def is_gone(pid: int) -> bool:
    """Tell whether no process of this machine has the id ``pid``; a re-used id counts as alive (the lease then decides)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
