"""Mixed-integer and linear programs, solved in a process of their own that is ended when its time is up.

A limit of time is given to the solver, which then hands over what it has; if it does not answer within the grace
period, its process is killed. Either way the caller learns what is proven and what is not.
"""

import math
import os
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from matching.engine.portfolio.instance import Ints
from matching.engine.portfolio.worker import LENGTH_BYTES, Arrays, unpacked, write_arrays

GRACE_SECONDS = 5.0
WORKER = Path(__file__).with_name("worker.py").resolve()
NO_LIMIT = math.inf

SOLVED, STOPPED, IMPOSSIBLE, FAILED = "solved", "stopped", "impossible", "failed"
# Statuses of scipy.optimize: 0 optimal, 1 limit reached, 2 infeasible.
STATUS = {0: SOLVED, 1: STOPPED, 2: IMPOSSIBLE}


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Maximise `gain` [columns] with x in {0, 1} under `least <= A x <= most` [rows]; entries `row`, `column`, `amount`."""

    gain: Ints | NDArray[np.float64]
    least: NDArray[np.float64]
    most: NDArray[np.float64]
    row: Ints
    column: Ints
    amount: Ints | NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What became of a program: `status` is solved, stopped, impossible or failed; `chosen` [columns] may be missing."""

    status: str
    chosen: NDArray[np.bool_] | None = None
    bound: float = math.inf


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock, or never."""

    at: float = NO_LIMIT

    @staticmethod
    def after(seconds: float | None) -> "Deadline":
        """Return the deadline some seconds from now."""
        return Deadline(NO_LIMIT if seconds is None else time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds that are left; infinite without a limit, never negative."""
        return max(0.0, self.at - time.monotonic())

    def passed(self) -> bool:
        """Tell whether no time is left."""
        return self.left() <= 0


class Helper:
    """The solving process: started when first needed, started anew after it was killed, given back at the end of the context.

    A process that has answered all it was asked waits for the next helper, since loading SciPy takes longer than most
    programs; at most one waits, and it ends with the process that started it.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_asked = False  # and its answer not read to the end

    def __enter__(self) -> "Helper":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is None or self._is_asked or not _Waiting.take_in(self._process):
            self.end()
        self._process = None

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
        self._is_asked = False

    def process_id(self) -> int | None:
        """Return the id of the running process, None when there is none."""
        return None if self._process is None else self._process.pid

    def best(self, program: Program, deadline: Deadline) -> Answer:
        """Solve in whole numbers, to the proven optimum or until the deadline."""
        reply = self._ask(program, deadline, whole=True)
        if reply is None:
            return Answer(FAILED)
        chosen = reply["x"] > 0 if len(reply["x"]) == len(program.gain) and int(reply["status"]) < 2 else None
        return Answer(STATUS.get(int(reply["status"]), FAILED), chosen, float(reply["bound"]))

    def prices(self, program: Program, deadline: Deadline) -> tuple[str, NDArray[np.float64]]:
        """Solve in fractions: return the status and the dual prices of the rows. [rows]"""
        reply = self._ask(program, deadline, whole=False)
        if reply is None:
            return FAILED, np.zeros(len(program.least))
        return STATUS.get(int(reply["status"]), FAILED), reply["price"]

    def _ask(self, program: Program, deadline: Deadline, *, whole: bool) -> Arrays | None:
        limit = deadline.left()
        if limit <= 0:
            return None
        process = self._running()
        self._is_asked = True
        try:
            write_arrays(_pipe(process.stdin), _arrays(program, whole, 0.0 if limit == NO_LIMIT else limit))
            content = _read_message(process, Deadline(deadline.at + GRACE_SECONDS))
        except (BrokenPipeError, EOFError, TimeoutError):
            self.end()
            return None
        self._is_asked = False
        return unpacked(content)

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.end()
            self._process = _Waiting.give_out() or _started()
        return self._process


class _Waiting:
    """The process that has nothing to do, if there is one; a fork does not speak with that of its parent."""

    _process: "subprocess.Popen[bytes] | None" = None
    _owner = 0
    _lock = threading.Lock()

    @classmethod
    def take_in(cls, process: "subprocess.Popen[bytes]") -> bool:
        """Let a process wait; False where one waits already."""
        with cls._lock:
            if cls._process is not None and cls._owner == os.getpid():
                return False
            cls._process, cls._owner = process, os.getpid()
            return True

    @classmethod
    def give_out(cls) -> "subprocess.Popen[bytes] | None":
        """Return the process that waits, to one helper alone; None where there is none, or where it has ended."""
        with cls._lock:
            process, cls._process = cls._process, None
            return process if process and cls._owner == os.getpid() and process.poll() is None else None


def _started() -> "subprocess.Popen[bytes]":
    # By its path and without that folder on the path of imports: it starts fast and loads SciPy alone.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-P", str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:  # never so: both were asked for
        raise EOFError
    return stream


def _arrays(program: Program, whole: bool, limit: float) -> Arrays:
    return {
        "gain": program.gain,
        "least": program.least,
        "most": program.most,
        "row": program.row,
        "column": program.column,
        "amount": program.amount,
        "whole": np.array(whole),
        "limit": np.array(limit),
    }


def _read_message(process: "subprocess.Popen[bytes]", deadline: Deadline) -> bytes:
    length = int.from_bytes(_read(process, LENGTH_BYTES, deadline), "little")
    return _read(process, length, deadline)


def _read(process: "subprocess.Popen[bytes]", count: int, deadline: Deadline) -> bytes:
    """Read so many bytes. Raises EOFError when the process ends before, TimeoutError at the deadline."""
    channel, parts = _pipe(process.stdout).fileno(), bytearray()
    while len(parts) < count:
        left = deadline.left()
        ready, _, _ = select.select([channel], [], [], None if left == NO_LIMIT else left)
        if not ready:
            raise TimeoutError
        part = os.read(channel, count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
