"""Jobs for tests. Each effect leaves one audit record behind, so that effects can be counted in the database."""

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from marketplace.audit import operations as audit
from marketplace.audit.models import AuditRecord
from marketplace.work.registry import Claim, GiveUp, Payload, Progress, forget, job, job_kinds

SPACE = UUID("00000000-0000-0000-0000-0000000000aa")
KINDS = ("test.mark", "test.fail", "test.give_up", "test.slow", "test.limited", "test.half")


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


def list_test_jobs() -> None:
    """List the kinds; twice does no harm."""
    if "test.mark" in job_kinds():
        return
    job("test.mark")(mark)
    job("test.fail", max_attempts=3, backoff_seconds=10, backoff_cap_seconds=15)(fail)
    job("test.give_up")(give_up)
    job("test.slow", prepare=wait, lease_seconds=int(os.environ.get("TEST_LEASE_SECONDS", "60")))(mark)
    job("test.limited", at_most=2)(mark)
    job("test.half")(half)


def forget_test_jobs() -> None:
    for kind in KINDS:
        forget(kind)
