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
    """Tell whether no process of this machine has the id ``pid``; a re-used id counts as alive (the lease then decides).

    One that has ended and that nobody has asked for its end does nothing any more either: it may stay so for long where the
    first process of a container looks after no orphans.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _has_ended(pid)


def _has_ended(pid: int) -> bool:
    try:
        # The state stands behind the name, which may hold anything (proc_pid_stat(5)).
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except (OSError, IndexError):  # not Linux, or gone meanwhile: the lease then decides
        return False
