"""Writers, sequencers and readers of the feed as processes of their own, some of them killed on the way.

The short profile is a test, the long one part of `make concurrency`. Each process notes on disk what it knows: writers the
events whose commit came back, readers what they were given, in order.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from uuid import UUID, uuid5

from django.db import connections, transaction
from django.utils import timezone

from marketplace.events import operations, queries
from marketplace.events.models import OutboxEvent
from marketplace.events.patterns import Choice
from marketplace.events.sequencer import publish_pending

FORK = get_context("fork")  # a fork is there at once
SPACE = UUID("00000000-0000-0000-0000-0000000000ee")
WRITTEN = Choice(resources=["test_thing"])  # races before this run leave events, too
OVER = "over"  # the file that tells readers and sequencers that nothing more comes
LOOK_SECONDS = 0.05
WAIT_SECONDS = 900


@dataclass(frozen=True)
class Profile:
    """How many of whom; ``kills`` hit writers and sequencers in turn, spread over the run."""

    writers: int
    each: int  # events of one writer
    readers: int
    sequencers: int
    kills: int
    limit: int = 500  # events that a sequencer publishes at a time
    stamps_itself: bool = False  # the planted bug: writers number their own events, in the order in which ids are drawn


@dataclass(frozen=True)
class Outcome:
    """What was written and what was read; events are named `writer:number`."""

    acknowledged: set[str]
    stored: set[str]
    read: list[list[tuple[int, str]]]  # per reader: sequence and name, in the order received
    killed: Counter[str]
    seconds: float


# --- the processes ------------------------------------------------------------------------------------------------
def write(profile: Profile, folder: Path, name: str) -> None:
    """Go on after what an earlier life of this writer had committed; transactions last differently long."""
    begun = OutboxEvent.objects.filter(resource_id=uuid5(SPACE, name)).count()
    chance = Random(f"{name}:{begun}")
    with (folder / f"{name}.acknowledged").open("a", buffering=1) as acknowledged:
        for n in range(begun, profile.each):
            with transaction.atomic():
                event = operations.emit(
                    type="test_thing.changed",
                    resource="test_thing",
                    resource_id=uuid5(SPACE, name),
                    reference=f"{name}:{n}",
                    version=n + 1,
                    audience="public",
                    at=timezone.now(),
                )
                if profile.stamps_itself:
                    OutboxEvent.objects.filter(pk=event.pk).update(sequence=event.pk, published_at=event.at)
                time.sleep(chance.random() * 0.004)
            acknowledged.write(f"{name}:{n}\n")


def sequence(profile: Profile, folder: Path) -> None:
    """Publish until it is over; several of these run side by side."""
    while not (folder / OVER).exists():
        if not publish_pending(at=timezone.now(), limit=profile.limit):
            time.sleep(0.005)


def read(folder: Path, number: int) -> None:
    """Follow the feed by its cursor until it is over and nothing more comes."""
    cursor = 0
    with (folder / f"reader{number}.read").open("w") as seen:
        while True:
            is_over = (folder / OVER).exists()
            events = queries.feed(after=cursor, limit=100, choice=WRITTEN)
            seen.writelines(f"{event.sequence} {event.resource_reference}\n" for event in events)
            if events:
                cursor = events[-1].sequence or 0
            elif is_over:
                return
            else:
                time.sleep(0.005)


# --- the conductor ------------------------------------------------------------------------------------------------
def start(run: Callable[..., None], *arguments: object) -> BaseProcess:
    """Fork a process; a connection must not be shared with it."""
    connections.close_all()
    process = FORK.Process(target=run, args=arguments)
    process.start()
    return process


def run_feed(profile: Profile, folder: Path) -> Outcome:
    """Run all of them to the end, killing as the profile says, and gather what they noted."""
    began = time.monotonic()
    names = [f"writer{n}" for n in range(profile.writers)]
    readers = [start(read, folder, n) for n in range(profile.readers)]
    sequencers = [start(sequence, profile, folder) for _ in range(profile.sequencers)]
    writers = {name: start(write, profile, folder, name) for name in names}
    killed = _kill_now_and_then(profile, folder, writers, sequencers)
    for writer in writers.values():
        _end(writer)
    _wait(lambda: not OutboxEvent.objects.filter(sequence__isnull=True).exists())
    (folder / OVER).touch()
    for process in (*sequencers, *readers):
        _end(process)
    written = OutboxEvent.objects.filter(resource="test_thing")
    return Outcome(
        acknowledged=set(_lines(folder, "*.acknowledged")),
        stored=set(written.values_list("resource_reference", flat=True)),
        read=[[_pair(line) for line in _lines(folder, f"reader{n}.read")] for n in range(profile.readers)],
        killed=killed,
        seconds=time.monotonic() - began,
    )


def _kill_now_and_then(
    profile: Profile, folder: Path, writers: dict[str, BaseProcess], sequencers: list[BaseProcess]
) -> Counter[str]:
    """Kill whenever another share of the events is written, and put a new process in the place of the killed one."""
    chance, killed = Random(1), Counter[str]()
    total = profile.writers * profile.each
    for kill in range(1, profile.kills + 1):
        _wait(partial(_have_written, folder, kill * total // (profile.kills + 1)))
        if kill % 2:
            at_work = [name for name, process in writers.items() if process.is_alive()]
            name = chance.choice(at_work or list(writers))
            _kill(writers[name])
            writers[name] = start(write, profile, folder, name)
            killed["writer"] += 1
        else:
            index = chance.randrange(len(sequencers))
            _kill(sequencers[index])
            sequencers[index] = start(sequence, profile, folder)
            killed["sequencer"] += 1
    return killed


def _have_written(folder: Path, events: int) -> bool:
    return len(_lines(folder, "*.acknowledged")) >= events


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


def _end(process: BaseProcess) -> None:
    process.join(WAIT_SECONDS)
    assert process.exitcode == 0, f"a process ended with {process.exitcode}"


def _wait(what: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < give_up_at, "waited in vain"
        time.sleep(LOOK_SECONDS)


def _lines(folder: Path, pattern: str) -> list[str]:
    return [line for path in folder.glob(pattern) for line in path.read_text().splitlines()]


def _pair(line: str) -> tuple[int, str]:
    number, _, name = line.partition(" ")
    return int(number), name


# --- the checker --------------------------------------------------------------------------------------------------
def violations(outcome: Outcome) -> Iterator[str]:
    """Say what a reader missed, was given twice or out of order, and what was lost altogether."""
    if lost := outcome.acknowledged - outcome.stored:
        yield f"{len(lost)} committed events are gone"
    for number, seen in enumerate(outcome.read):
        names = [name for _, name in seen]
        if missed := outcome.stored - set(names):
            yield f"reader {number} missed {len(missed)}"
        if len(names) != len(set(names)):
            yield f"reader {number} was given {len(names) - len(set(names))} again"
        if disorder := _disorder(seen):
            yield f"reader {number} was given {disorder} out of order"


def _disorder(seen: list[tuple[int, str]]) -> int:
    """Count what came before something that is earlier: by the numbers of the feed, or by those of one writer."""
    last, count = {"": 0}, 0
    for number, name in seen:
        writer, _, own = name.partition(":")
        count += number <= last[""] or int(own) < last.get(writer, 0)
        last[""], last[writer] = number, int(own)
    return count
