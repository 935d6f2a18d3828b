"""The lists of what can be done: job kinds, periodic jobs, and the chores of the process that keeps house.

A job has two halves. ``prepare`` runs outside any transaction: long reading, computing, calls to others. ``effect``
runs in one transaction together with the job's completion, guarded by the claim's fence, so that it commits once.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

Payload = dict[str, Any]  # a JSON object; each kind knows its own keys


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as its claimant sees it; ``fence`` is the token that every later word about the job must carry."""

    job_id: int
    public_id: UUID
    kind: str
    payload: Payload
    fence: int
    attempt: int  # 1 at the first try
    max_attempts: int
    worker: str
    request_id: str


class Progress(Protocol):
    """Tells how far a long preparation has come, and renews the lease; raises LeaseLost or ShuttingDown to stop it."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


class Prepare(Protocol):
    """The half outside the transaction; what it returns is given to the effect."""

    def __call__(self, payload: Payload, *, at: datetime, progress: Progress) -> Any: ...


class Effect(Protocol):
    """The half inside the transaction."""

    def __call__(self, payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None: ...


class LeaseLost(Exception):  # noqa: N818  it is news, not an error of the code
    """The job is no longer this worker's: its lease lapsed and another has it, or it was cancelled."""


class ShuttingDown(Exception):  # noqa: N818  likewise
    """The process was asked to stop while preparing; the job goes back to the queue as if never claimed."""


class OutOfTime(Exception):  # noqa: N818  likewise
    """The attempt was stopped at the time limit of its kind; it counts as a failure."""


class GiveUp(Exception):  # noqa: N818  likewise
    """Raised by a job that knows that no further attempt can succeed: it goes to the dead letters at once."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """What is known of one kind of job; seconds where the name says so."""

    kind: str
    effect: Effect
    prepare: Prepare | None
    lease_seconds: int
    time_limit_seconds: float  # an attempt that lasts longer is stopped, and has failed
    max_attempts: int
    at_most: int | None  # how many may run at a time over all workers
    backoff_seconds: int
    backoff_cap_seconds: int


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job that is wanted once in each period; periods are counted from the Unix epoch in UTC."""

    kind: str
    every: timedelta


class ChoreRun(Protocol):
    """A short piece of housekeeping; returns how much it found to do."""

    def __call__(self, *, at: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class Chore:
    """Housekeeping that one process at a time does every so often (sequencing, sweeping, scheduling)."""

    name: str
    run: ChoreRun
    every: timedelta


class Reading(Protocol):
    """Reads ahead into the memory of this process; quick where nothing changed."""

    def __call__(self, *, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class WarmUp:
    """What each process that does jobs reads before the first of them, and again from time to time."""

    name: str
    run: Reading


_kinds: dict[str, JobKind] = {}
_periodic: dict[str, Periodic] = {}
_chores: dict[str, Chore] = {}
_warm_ups: dict[str, WarmUp] = {}

E = TypeVar("E", bound=Effect)
C = TypeVar("C", bound=ChoreRun)
R = TypeVar("R", bound=Reading)


def job(
    kind: str,
    *,
    prepare: Prepare | None = None,
    lease_seconds: int = 15,
    time_limit_seconds: float = 300,
    max_attempts: int = 8,
    at_most: int | None = None,
    backoff_seconds: int = 2,
    backoff_cap_seconds: int = 900,
) -> Callable[[E], E]:
    """List the decorated effect as the job ``kind``; raises ValueError where the name is taken."""

    def register(effect: E) -> E:
        _refuse_second(_kinds, kind)
        _kinds[kind] = JobKind(
            kind=kind,
            effect=effect,
            prepare=prepare,
            lease_seconds=lease_seconds,
            time_limit_seconds=time_limit_seconds,
            max_attempts=max_attempts,
            at_most=at_most,
            backoff_seconds=backoff_seconds,
            backoff_cap_seconds=backoff_cap_seconds,
        )
        return effect

    return register


def periodic(kind: str, *, every: timedelta) -> Callable[[E], E]:
    """List the job ``kind`` (decorate the same effect) to run once in each period of length ``every``."""

    def register(effect: E) -> E:
        _refuse_second(_periodic, kind)
        _periodic[kind] = Periodic(kind, every)
        return effect

    return register


def chore(name: str, *, every: timedelta) -> Callable[[C], C]:
    """List the decorated function as housekeeping; it must be safe when two processes run it at once."""

    def register(run: C) -> C:
        _refuse_second(_chores, name)
        _chores[name] = Chore(name, run, every)
        return run

    return register


def warm_up(name: str) -> Callable[[R], R]:
    """List the decorated function among what is read ahead; no job may count on its having been done."""

    def register(run: R) -> R:
        _refuse_second(_warm_ups, name)
        _warm_ups[name] = WarmUp(name, run)
        return run

    return register


def _refuse_second(listed: dict[str, Any], name: str) -> None:
    if name in listed:
        raise ValueError(f"{name} is listed already")


def job_kind(kind: str) -> JobKind:
    """Find a kind by its name; raises LookupError where no such job is listed."""
    try:
        return _kinds[kind]
    except KeyError:
        raise LookupError(f"no job of the kind {kind!r} is listed") from None


def job_kinds() -> dict[str, JobKind]:
    """Give all kinds by name."""
    return dict(_kinds)


def periodic_jobs() -> list[Periodic]:
    """Give all periodic jobs, by name."""
    return [_periodic[kind] for kind in sorted(_periodic)]


def chores() -> list[Chore]:
    """Give all chores, by name."""
    return [_chores[name] for name in sorted(_chores)]


def warm_ups() -> list[WarmUp]:
    """Give all that is read ahead, by name."""
    return [_warm_ups[name] for name in sorted(_warm_ups)]


def forget(kind: str) -> None:
    """Unlist a job kind and its period, or a warm-up, of this name; for tests that list their own."""
    _kinds.pop(kind, None)
    _periodic.pop(kind, None)
    _warm_ups.pop(kind, None)


Watcher = Callable[[Claim], AbstractContextManager[object]]
_watchers: list[Watcher] = []


def watch_jobs(watcher: Watcher) -> None:
    """Have every job done inside what ``watcher`` makes of its claim, such as a span of a trace."""
    _watchers.append(watcher)


@contextmanager
def watched(claim: Claim) -> Iterator[None]:
    """Do a job with all watchers looking on."""
    with ExitStack() as eyes:
        for watcher in _watchers:
            eyes.enter_context(watcher(claim))
        yield
