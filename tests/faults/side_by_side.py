"""The shapes at the same time, each in a process of its own: much of a fault is waiting."""

import multiprocessing
import signal
import sys
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing.connection import Connection

from tests.faults.run import Order, Outcome, run_shape
from tests.faults.shapes import ShapeError
from tests.kit.servers import ServerUnavailableError, free_port

FORKED = multiprocessing.get_context("fork")  # an order holds functions, which no pipe takes
Ended = Outcome | ShapeError | ServerUnavailableError


def run_all(order: Order, shapes: list[str]) -> list[Outcome]:
    """Run the shapes and give their outcomes in the same order; raises what kept one from beginning.

    Each ends its servers and processes also where this one is told to stop.
    """
    with ExitStack() as running:
        outcomes = [running.enter_context(_Running(replace(order, port=free_port()), shape)) for shape in shapes]
        return [outcome.outcome() for outcome in outcomes]


class _Running:
    """One shape under way; told to stop and waited for at the end of the block."""

    def __init__(self, order: Order, shape: str) -> None:
        self.answers, answer = FORKED.Pipe(duplex=False)
        self.process = FORKED.Process(target=_child, args=(order, shape, answer), name=shape)
        self.shape = shape
        self._answer = answer

    def __enter__(self) -> "_Running":
        self.process.start()
        self._answer.close()  # so that the death of the child ends the reading
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()  # nothing where it has ended
        self.process.join()

    def outcome(self) -> Outcome:
        """Wait for what the shape went through."""
        try:
            ended: Ended = self.answers.recv()
        except EOFError:
            self.process.join()
            raise ShapeError(f"{self.shape}: its process ended with {self.process.exitcode}") from None
        if isinstance(ended, Outcome):
            return ended
        raise ended


def _child(order: Order, shape: str, answer: Connection) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        answer.send(run_shape(order, shape))
    except (ShapeError, ServerUnavailableError) as error:
        answer.send(error)
