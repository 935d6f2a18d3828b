"""What can be done to jobs."""

from marketplace.work.operations.claiming import backoff, claim, complete, fail, heartbeat, hold, release
from marketplace.work.operations.deciding import OPEN_ACTIONS, cancel, discard_dead, open_actions, retry_dead
from marketplace.work.operations.enqueueing import NewJob, enqueue, enqueue_many
from marketplace.work.operations.housekeeping import beat, purge, say_goodbye, sweep

__all__ = [
    "OPEN_ACTIONS",
    "NewJob",
    "backoff",
    "beat",
    "cancel",
    "claim",
    "complete",
    "discard_dead",
    "enqueue",
    "enqueue_many",
    "fail",
    "heartbeat",
    "hold",
    "open_actions",
    "purge",
    "release",
    "retry_dead",
    "say_goodbye",
    "sweep",
]
