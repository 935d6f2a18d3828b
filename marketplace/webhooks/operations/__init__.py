"""What can be done to webhooks."""

from marketplace.webhooks.operations.sending import Replayed, ping_webhook, replay_delivery, replay_since
from marketplace.webhooks.operations.subscriptions import (
    OVERLAP,
    change_webhook,
    create_webhook,
    delete_webhook,
    disable_webhook,
    enable_webhook,
    rotate_secret,
)
from marketplace.webhooks.operations.turns import JOB, Sent, attend, begin_turns, end_turn, pause, purge, spread

__all__ = [
    "JOB",
    "OVERLAP",
    "Replayed",
    "Sent",
    "attend",
    "begin_turns",
    "change_webhook",
    "create_webhook",
    "delete_webhook",
    "disable_webhook",
    "enable_webhook",
    "end_turn",
    "pause",
    "ping_webhook",
    "purge",
    "replay_delivery",
    "replay_since",
    "rotate_secret",
    "spread",
]
