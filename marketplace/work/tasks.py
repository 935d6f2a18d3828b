"""What Celery calls, and the work room's own periodic job."""

import os
from datetime import datetime, timedelta
from typing import Any

from celery.signals import worker_init, worker_process_init, worker_shutting_down
from django.db import connections
from django.utils import timezone

from marketplace.celery import app
from marketplace.work import loop, operations, process, processes
from marketplace.work.crew import SharedFlag
from marketplace.work.models import WorkerRole
from marketplace.work.registry import Claim, Payload, job, periodic
from marketplace.work.warmth import Warmth

DRAIN_SECONDS = 60.0  # then the next message's turn, so that a child process can be renewed
KEEP_FINISHED = timedelta(days=30)
STARTED_AT = timezone.now()
warmth = Warmth()
stopping = SharedFlag()  # by which the processes of a pool, forked later, learn that the parent was asked to stop


@app.task(name="marketplace.work.drain")
def drain() -> None:
    """Do due jobs until none is left or a minute has passed."""
    name = processes.worker_name(WorkerRole.CELERY)
    operations.beat(name=name, role=WorkerRole.CELERY, pid=os.getpid(), started_at=STARTED_AT, at=timezone.now())
    loop.run_until_idle(worker=name, max_seconds=DRAIN_SECONDS, stop=stopping)
    warmth.keep()


@worker_shutting_down.connect
def begin_to_stop(**_: object) -> None:
    """Take no further jobs, and give the one under way back when it takes too long (Celery itself would wait for ever)."""
    stopping.set()


@worker_init.connect
def begin_anew(**_: object) -> None:
    """Share the flag with the pool that is forked next and nobody else: this process may be a fork, too."""
    stopping.renew()


@worker_init.connect
def warm_parent(**_: object) -> None:
    """Read ahead before the pool is forked: its processes, the renewed ones too, begin with what the parent has read.

    An error is logged by Celery and keeps nobody from starting. A connection must not be shared with the children.
    """
    try:
        warmth.keep()
    finally:
        connections.close_all()
        process.ready()


@worker_process_init.connect
def warm_child(**_: object) -> None:
    """Read what has changed since the parent read ahead."""
    warmth.keep()


@app.task(name="marketplace.work.sweep")
def sweep() -> None:
    """Keep house once (Celery beat asks for it, in case the dispatcher is gone), then do what is due."""
    loop.Housekeeper().attend(at=timezone.now())
    drain()


@periodic("work.purge", every=timedelta(hours=1))
@job("work.purge")
def purge(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
    """Delete jobs that are long over."""
    operations.purge(at=at, older_than=KEEP_FINISHED)
