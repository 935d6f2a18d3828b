"""One run: the product is started, loaded, broken again and again, left to rest, read and judged."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.faults import final, verdict
from tests.faults.checkers import Violation
from tests.faults.history import Fault, History
from tests.faults.kinds import Kind
from tests.faults.load import Load
from tests.faults.probe import Probe
from tests.faults.profiles import Profile
from tests.faults.receiver import Receiver
from tests.faults.shapes import SHAPES, Shape

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is to be run, and how it is told; ``began`` is when the run of all shapes began (monotonic seconds)."""

    profile: Profile
    folder: Path
    port: int
    seed: int
    say: Say
    began: float

    def time_is_up(self, shape: str) -> bool:
        """Tell whether no further fault is to begin."""
        return time.monotonic() > self.began + self.profile.over_by[shape]


@dataclass
class Outcome:
    """What one shape went through, and what the checkers say."""

    shape: str
    rows: list[verdict.Row] = field(default_factory=list)
    violations: dict[str, list[Violation]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)  # of the run itself: nothing was proved where there are any
    stories: dict[str, int] = field(default_factory=dict)
    abandoned: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    load_average: float = 0.0


def run_shape(order: Order, name: str) -> Outcome:
    """Run one shape through the profile; its logs, its history and its final state stay in the folder."""
    began, outcome, folder, profile = time.monotonic(), Outcome(name), order.folder / name, order.profile
    order.say(f"{name}: preparing servers, demo data and processes ...")
    with SHAPES[name](folder, order.port) as shape, (folder / "history.jsonl").open("w", encoding="utf-8") as file:
        order.say(f"{name}: ready after {time.monotonic() - began:.0f} s")
        shape.absence_seconds, shape.frozen_seconds = profile.absence_seconds, profile.frozen_seconds
        history = History(file, run=f"{name[0]}{order.seed}")
        shape.receiver = Receiver(history)
        shape.receiver.start()
        load = Load(shape.base_url, shape.accounts, history, order.seed, profile.tellers[name])
        try:
            state = _under_load(order, shape, load, outcome)
        finally:
            load.stop_all()
            shape.receiver.stop()
        state.write(folder / "final.json")
    outcome.violations = verdict.judge(history, state)
    outcome.rows = verdict.table(name, history, outcome.violations)
    outcome.troubles += load.broken
    outcome.stories, outcome.abandoned = load.stories, load.abandoned
    outcome.seconds, outcome.load_average = time.monotonic() - began, os.getloadavg()[1]
    return outcome


def _under_load(order: Order, shape: Shape, load: Load, outcome: Outcome) -> final.Final:
    since = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    observer = load.cast("observer", repeats=False, watches=False)
    begins = shape.hooks.subscribe(observer)
    probe = Probe.prepare(observer)
    load.start()
    if probe.wait_until_well() is None:
        outcome.troubles.append("the product did not work before the first fault")
    _break(order, shape, load, probe, outcome)
    probe.close()
    order.say(f"{shape.name}: letting the stories end and the work come to rest ...")
    load.end()
    if not final.rest(observer):
        outcome.troubles.append("the work did not come to rest; see `work` among the violations")
    if not shape.hooks.settle(observer):
        outcome.troubles.append("webhooks did not come to rest; see `webhooks` among the violations")
    order.say(f"{shape.name}: reading the final state ...")
    state = final.read(observer, shape, since)
    state.hooks_begin = begins
    final.wait_for_readers(load.history, state)
    return state


def _break(order: Order, shape: Shape, load: Load, probe: Probe, outcome: Outcome) -> None:
    schedule = order.profile.schedule(shape.name, order.seed)
    chance = Random(f"{order.seed}/{shape.name}/faults")
    for number, kind in enumerate(schedule, start=1):
        if order.time_is_up(shape.name):
            left = sorted({kind.name for kind in schedule[number - 1 :]})
            outcome.troubles.append(f"{shape.name}: time was up before {', '.join(left)}")
            return
        fault = _strike(shape, kind, number, chance, probe)
        load.history.fault(fault)
        order.say(_line(shape, fault, len(schedule), load))
        time.sleep(order.profile.calm_seconds)


def _strike(shape: Shape, kind: Kind, number: int, chance: Random, probe: Probe) -> Fault:
    began = time.time()
    kind.inject(shape, chance)
    ended = time.time()
    return Fault(number, shape.name, kind.name, began, ended, probe.wait_until_well())


def _line(shape: Shape, fault: Fault, of: int, load: Load) -> str:
    recovery = "NOT RECOVERED" if fault.recovery is None else f"recovered in {fault.recovery:5.1f} s"
    done = f"{len(load.history.calls)} calls, {sum(load.stories.values())} stories"
    return f"{shape.name} {fault.number:3}/{of} {fault.kind:22} {recovery}   {done}"


def judge_again(folder: Path, name: str) -> Outcome:
    """Judge what an earlier run recorded."""
    history, state = History.read(folder / "history.jsonl"), final.Final.load(folder / "final.json")
    violations = verdict.judge(history, state)
    return Outcome(name, verdict.table(name, history, violations), violations)
