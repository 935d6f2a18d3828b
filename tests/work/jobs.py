"""Jobs for tests. Each effect leaves one audit record behind, so that effects can be counted in the database."""

import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from marketplace.audit import operations as audit
from marketplace.audit.models import AuditRecord
from marketplace.work import guard
from marketplace.work.registry import Claim, GiveUp, Payload, Progress, forget, job, job_kinds

SPACE = UUID("00000000-0000-0000-0000-0000000000aa")
KINDS = (
    "test.mark",
    "test.fail",
    "test.give_up",
    "test.slow",
    "test.limited",
    "test.half",
    "test.poison",
    "test.hang",
    "test.deaf",
    "test.overlap",
)


def mark_effect(payload: Payload, claim: Claim, at: datetime) -> None:
    audit.record(
        at=at,
        actor_kind="system",
        actor_label=claim.worker,
        resource="test_job",
        resource_id=uuid5(SPACE, str(payload.get("n", claim.public_id))),
        action="done",
        reference=str(payload.get("n", "")),
    )


def effects() -> list[str]:
    """The numbers of the jobs whose effects took place, in order of commit."""
    return list(AuditRecord.objects.filter(resource="test_job").order_by("id").values_list("reference", flat=True))


def mark(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
    mark_effect(payload, claim, at)


def fail(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
    mark_effect(payload, claim, at)
    raise ValueError("it does not work")


def give_up(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
    raise GiveUp("nobody lives at that address")


def wait(payload: Payload, *, at: datetime, progress: Progress) -> int:
    """Leave a file that says "I am at it", then wait for a file that says "go on"."""
    Path(payload["started"]).write_text(str(os.getpid()))
    steps = 0
    while not Path(payload["go"]).exists():
        time.sleep(0.05)
        steps += 1
        if payload.get("tells"):
            progress(steps, 100, "waiting")
    return steps


def half(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
    """Stop in the middle of the transaction, after the effect and before the completion."""
    mark_effect(payload, claim, at)
    if not Path(payload["go"]).exists():
        Path(payload["started"]).write_text(str(os.getpid()))
        time.sleep(60)


def poison(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
    """Take the process along, in the way that the payload says."""
    mark_effect(payload, claim, at)
    ways: dict[str, Callable[[], object]] = {
        "exit": lambda: os._exit(3),
        "crash": lambda: ctypes.string_at(0),
        "out of memory": lambda: os.kill(os.getpid(), signal.SIGKILL),  # what the kernel does
    }
    ways[payload["how"]]()


def hang(payload: Payload, *, at: datetime, progress: Progress) -> None:
    Path(payload["started"]).write_text(str(os.getpid()))
    time.sleep(600)


def turn_a_deaf_ear(payload: Payload, *, at: datetime, progress: Progress) -> None:
    """Hang, and heed no exception."""
    while True:
        with suppress(Exception):
            time.sleep(600)


def overlap(payload: Payload, *, at: datetime, progress: Progress) -> None:
    """Note when this job ran."""
    began = time.time()
    time.sleep(0.1)
    path = Path(payload["folder"]) / str(payload["n"])
    path.write_text(f"{began} {time.time()}")


def list_test_jobs() -> None:
    """List the kinds; twice does no harm."""
    if "test.mark" in job_kinds():
        return
    guard.SHUTDOWN_SECONDS = float(os.environ.get("TEST_SHUTDOWN_SECONDS", guard.SHUTDOWN_SECONDS))
    guard.GRACE_SECONDS = float(os.environ.get("TEST_GRACE_SECONDS", guard.GRACE_SECONDS))
    job("test.mark")(mark)
    job("test.fail", max_attempts=3, backoff_seconds=10, backoff_cap_seconds=15)(fail)
    job("test.give_up")(give_up)
    job("test.slow", prepare=wait, lease_seconds=int(os.environ.get("TEST_LEASE_SECONDS", "60")))(mark)
    job("test.limited", at_most=2)(mark)
    job("test.half")(half)
    job("test.poison", max_attempts=2, backoff_seconds=1)(poison)
    job("test.hang", prepare=hang)(mark)
    job("test.deaf", prepare=turn_a_deaf_ear, max_attempts=1, time_limit_seconds=1)(mark)
    job("test.overlap", prepare=overlap, at_most=2)(mark)


def forget_test_jobs() -> None:
    for kind in KINDS:
        forget(kind)
