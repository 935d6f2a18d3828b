"""A child process of the feed's tests: `writer.py write NAME COUNT`, `sequence STOPFILE` or `read COUNT`."""

import sys
import time
from pathlib import Path
from random import Random
from uuid import UUID, uuid5

import django

SPACE = UUID("00000000-0000-0000-0000-0000000000ee")


def write(name: str, count: int) -> None:
    """Emit events in transactions that last differently long, so that ids and commits come in different orders."""
    from django.db import transaction
    from django.utils import timezone

    from marketplace.events import operations

    chance = Random(name)
    for n in range(count):
        with transaction.atomic():
            operations.emit(
                type="test_thing.changed",
                resource="test_thing",
                resource_id=uuid5(SPACE, name),
                reference=f"{name}:{n}",
                version=n + 1,
                audience="public",
                at=timezone.now(),
            )
            time.sleep(chance.random() * 0.004)


def sequence(stop: Path) -> None:
    """Publish in small steps until the stop file is there; several of these run side by side."""
    from django.utils import timezone

    from marketplace.events.sequencer import publish_pending

    while not stop.exists():
        if not publish_pending(at=timezone.now(), limit=7):
            time.sleep(0.005)


def read(count: int) -> None:
    """Follow the feed by its cursor until ``count`` events were seen; say the references in order."""
    from marketplace.events import queries

    seen: list[str] = []
    cursor = 0
    give_up_at = time.monotonic() + 60
    while len(seen) < count and time.monotonic() < give_up_at:
        events = queries.feed(after=cursor, limit=13)
        seen += [event.resource_reference for event in events]
        if events:
            cursor = events[-1].sequence or 0
        else:
            time.sleep(0.01)
    sys.stdout.write("\n".join(seen) + "\n")


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "write":
        write(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "sequence":
        sequence(Path(sys.argv[2]))
    else:
        read(int(sys.argv[2]))
