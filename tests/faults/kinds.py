"""The kinds of faults: what is done to which process, and over when the function returns."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from os import kill

import redis

from tests.faults.processes import Service
from tests.faults.shapes import EMBEDDED, PRODUCTION, Shape
from tests.kit import trees

REDIS_FROZEN_SECONDS = 7.0  # longer than the 5 s after which a client of the broker gives up
DATABASE_FROZEN_SECONDS = 3.0
SLOW_SECONDS = 1.2  # of receivers; the product gives a call up after 2
UNWELL_SECONDS = 5.0  # at most: until the fault has met two calls
DOWN_SECONDS = 1.0  # between the death of a server and its next start

Inject = Callable[[Shape, random.Random], None]


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    name: str
    shapes: tuple[str, ...]
    says: str
    inject: Inject


KINDS: dict[str, Kind] = {}


def fault(name: str, says: str, *shapes: str) -> Callable[[Inject], Inject]:
    """List a fault for these shapes (the production shape by default)."""

    def register(inject: Inject) -> Inject:
        KINDS[name] = Kind(name, shapes or (PRODUCTION,), says, inject)
        return inject

    return register


def of_shape(shape: str) -> list[Kind]:
    """Give the kinds that apply to a shape."""
    return [kind for kind in KINDS.values() if shape in kind.shapes]


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; a process that is gone already needs none."""
    with suppress(ProcessLookupError):
        kill(pid, number)


def strike_child(service: Service, chance: random.Random, number: signal.Signals) -> None:
    """Send a signal to one of the processes that a service has started."""
    workers = service.workers()
    if workers:
        send(chance.choice(workers), number)


def frozen(service: Service, seconds: float) -> None:
    """Stop a service where it stands, for a time."""
    pid = service.pid
    trees.freeze(pid)
    time.sleep(seconds)
    trees.thaw(pid)


# --- web ----------------------------------------------------------------------------------------------------------
@fault("web_term", "gunicorn's master gets SIGTERM and is started again", PRODUCTION, EMBEDDED)
def _web_term(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["web"].pid, signal.SIGTERM)


@fault("web_kill", "gunicorn's master gets SIGKILL, its workers with it", PRODUCTION, EMBEDDED)
def _web_kill(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["web"].pid, signal.SIGKILL)


@fault("web_worker_kill", "one of gunicorn's workers gets SIGKILL", PRODUCTION, EMBEDDED)
def _web_worker_kill(shape: Shape, chance: random.Random) -> None:
    strike_child(shape.supervisor["web"], chance, signal.SIGKILL)


# --- those who work -----------------------------------------------------------------------------------------------
@fault("worker_term", "the embedded worker gets SIGTERM and is started again", EMBEDDED)
def _worker_term(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["worker"].pid, signal.SIGTERM)


@fault("worker_kill", "the embedded worker gets SIGKILL", EMBEDDED)
def _worker_kill(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["worker"].pid, signal.SIGKILL)


@fault(
    "worker_freeze", "the embedded worker stands still for longer than its leases last (short profile: 4 s)", EMBEDDED
)
def _worker_freeze(shape: Shape, chance: random.Random) -> None:
    frozen(shape.supervisor["worker"], shape.frozen_seconds)


@fault("celery_term", "one Celery worker gets SIGTERM and is started again")
def _celery_term(shape: Shape, chance: random.Random) -> None:
    send(chance.choice(shape.supervisor.named("celery")).pid, signal.SIGTERM)


@fault("celery_kill", "one Celery worker gets SIGKILL, its pool with it")
def _celery_kill(shape: Shape, chance: random.Random) -> None:
    send(chance.choice(shape.supervisor.named("celery")).pid, signal.SIGKILL)


@fault("celery_child_kill", "one process of a Celery pool gets SIGKILL")
def _celery_child_kill(shape: Shape, chance: random.Random) -> None:
    strike_child(chance.choice(shape.supervisor.named("celery")), chance, signal.SIGKILL)


@fault("celery_all_kill", "all Celery workers get SIGKILL at once")
def _celery_all_kill(shape: Shape, chance: random.Random) -> None:
    for service in shape.supervisor.named("celery"):
        send(service.pid, signal.SIGKILL)


@fault(
    "celery_absent", "no Celery worker is there for half a minute (short profile: 8 s), while Redis takes every ring"
)
def _celery_absent(shape: Shape, chance: random.Random) -> None:
    workers = shape.supervisor.named("celery")
    with shape.supervisor.holding(*workers):
        for service in workers:
            trees.kill(service.pid)
        time.sleep(shape.absence_seconds)


@fault("celery_freeze", "one Celery worker and its pool stand still for longer than its leases last (short: 4 s)")
def _celery_freeze(shape: Shape, chance: random.Random) -> None:
    frozen(chance.choice(shape.supervisor.named("celery")), shape.frozen_seconds)


@fault("beat_kill", "Celery beat gets SIGKILL")
def _beat_kill(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["beat"].pid, signal.SIGKILL)


@fault("dispatcher_term", "the dispatcher, which is the sequencer, gets SIGTERM and is started again")
def _dispatcher_term(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["dispatcher"].pid, signal.SIGTERM)


@fault("dispatcher_kill", "the dispatcher gets SIGKILL")
def _dispatcher_kill(shape: Shape, chance: random.Random) -> None:
    send(shape.supervisor["dispatcher"].pid, signal.SIGKILL)


@fault("dispatcher_freeze", "the dispatcher stands still for longer than its leases last (short profile: 4 s)")
def _dispatcher_freeze(shape: Shape, chance: random.Random) -> None:
    frozen(shape.supervisor["dispatcher"], shape.frozen_seconds)


# --- Redis --------------------------------------------------------------------------------------------------------
@fault("redis_kill", "Redis gets SIGKILL and is started again, empty")
def _redis_kill(shape: Shape, chance: random.Random) -> None:
    redis_away(shape, DOWN_SECONDS)


@fault("redis_absent", "Redis is away for half a minute (short profile: 8 s)")
def _redis_absent(shape: Shape, chance: random.Random) -> None:
    redis_away(shape, shape.absence_seconds)


@fault("redis_freeze", f"Redis stands still for {REDIS_FROZEN_SECONDS:.0f} s")
def _redis_freeze(shape: Shape, chance: random.Random) -> None:
    trees.freeze(shape.broker.pid)
    time.sleep(REDIS_FROZEN_SECONDS)
    trees.thaw(shape.broker.pid)


@fault("redis_flush", "FLUSHALL: every message that waits is gone")
def _redis_flush(shape: Shape, chance: random.Random) -> None:
    with redis.Redis.from_url(shape.broker.url, socket_timeout=5) as client:
        client.flushall()


def redis_away(shape: Shape, seconds: float) -> None:
    """Kill Redis and start it again, empty, after that many seconds."""
    trees.kill(shape.broker.pid)
    time.sleep(seconds)
    shape.broker.start()


# --- PostgreSQL ---------------------------------------------------------------------------------------------------
@fault("postgres_kill", "every process of PostgreSQL gets SIGKILL; it is started again on its data")
def _postgres_kill(shape: Shape, chance: random.Random) -> None:
    trees.kill(shape.database.pid)
    time.sleep(DOWN_SECONDS)
    shape.database.start()


@fault("postgres_immediate", "PostgreSQL is stopped at once (immediate shutdown) and started again")
def _postgres_immediate(shape: Shape, chance: random.Random) -> None:
    send(shape.database.pid, signal.SIGQUIT)
    time.sleep(DOWN_SECONDS)
    shape.database.start()


@fault("postgres_backend_kill", "one process of PostgreSQL gets SIGKILL; it recovers by itself")
def _postgres_backend_kill(shape: Shape, chance: random.Random) -> None:
    backends = trees.children(shape.database.pid)
    if backends:
        send(backends[-1], signal.SIGKILL)  # the youngest: one of a client, not of the server's own housekeeping


@fault("postgres_freeze", f"PostgreSQL stands still for {DATABASE_FROZEN_SECONDS:.0f} s")
def _postgres_freeze(shape: Shape, chance: random.Random) -> None:
    trees.freeze(shape.database.pid)
    time.sleep(DATABASE_FROZEN_SECONDS)
    trees.thaw(shape.database.pid)


# --- receivers of webhooks -----------------------------------------------------------------------------------------
@fault(
    "receiver_slow",
    f"the receivers of webhooks take {SLOW_SECONDS:.1f} s for each call, for a while",
    PRODUCTION,
    EMBEDDED,
)
def _receiver_slow(shape: Shape, chance: random.Random) -> None:
    shape.hooks.delay = SLOW_SECONDS
    shape.hooks.wait_for_calls(2, UNWELL_SECONDS)
    shape.hooks.delay = 0.0


@fault("receiver_restart", "the receivers of webhooks answer 500, go away, and come back", PRODUCTION, EMBEDDED)
def _receiver_restart(shape: Shape, chance: random.Random) -> None:
    shape.hooks.fails = True
    shape.hooks.wait_for_calls(2, UNWELL_SECONDS)
    shape.hooks.stop()
    time.sleep(DOWN_SECONDS)
    shape.hooks.start()
    shape.hooks.fails = False


# --- everything ---------------------------------------------------------------------------------------------------
@fault("power_cut", "every process of the product and both servers get SIGKILL; all are started again")
def _power_cut(shape: Shape, chance: random.Random) -> None:
    services = list(shape.supervisor.services.values())
    with shape.supervisor.holding(*services):
        for service in services:
            trees.kill(service.pid)
        trees.kill(shape.broker.pid)
        trees.kill(shape.database.pid)
        time.sleep(DOWN_SECONDS)
        shape.database.start()
        shape.broker.start()
