"""Processes that work until they are told to stop, and what each of them does."""

import gc
import os
import signal
import threading
from types import FrameType

from django.utils import timezone

from marketplace.work import loop, processes
from marketplace.work.crew import SharedFlag
from marketplace.work.dispatcher import Ringer
from marketplace.work.loop import Presence
from marketplace.work.models import WorkerRole
from marketplace.work.warmth import Warmth

TURN_SECONDS = 60.0  # of jobs, then a look at what is to be read ahead
STAND_IN_SECONDS = 5.0  # of jobs, then a look whether the broker is back


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


def keep_house() -> None:
    """Publish events, sweep and keep the schedule until SIGTERM."""
    loop.keep_house(stop=stop_on_signal(), presence=presence(WorkerRole.DISPATCHER))


def do_jobs() -> None:
    """Do jobs until SIGTERM; the one under way is finished first, or given back when that takes too long."""
    stop, warmth, me = stop_on_signal(), Warmth(), presence(WorkerRole.WORKER)

    def turn() -> int:
        warmth.keep()
        return loop.run_until_idle(worker=me.name, stop=stop, max_seconds=TURN_SECONDS)

    with loop.beating(presence=me):
        loop.run_forever(turn=turn, stop=stop)


def ring(away: SharedFlag) -> None:
    """Ring Celery for due jobs until SIGTERM; ``away`` says whether the broker was there last time."""
    loop.run_forever(turn=Ringer(away=away).turn, stop=stop_on_signal())


def stand_in(away: SharedFlag) -> None:
    """Do the jobs oneself as long as the broker is ``away``, until SIGTERM."""
    stop, me = stop_on_signal(), presence(WorkerRole.WORKER)

    def turn() -> int:
        if not away.is_set():
            return 0
        me.try_to_beat(at=timezone.now())  # before anything is claimed: the first beat may still be a second away
        return loop.run_until_idle(worker=me.name, stop=stop, max_seconds=STAND_IN_SECONDS)

    with loop.beating(presence=me, while_set=away):
        loop.run_forever(turn=turn, stop=stop)
