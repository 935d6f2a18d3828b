"""A child process of the chain's tests: `write NAME COUNT`, `write-until STOPFILE NAME`, `link STOPFILE` or `die-after-each`."""

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from uuid import UUID, uuid5

import django

SPACE = UUID("00000000-0000-0000-0000-0000000000ee")


def write(name: str, numbers: Iterable[int]) -> None:
    """Write records in transactions that last differently long, so that ids and commits come in different orders."""
    from django.db import transaction
    from django.utils import timezone

    from marketplace.audit import operations

    chance = Random(name)
    for n in numbers:
        with transaction.atomic():
            operations.record(
                at=timezone.now(),
                actor_kind="system",
                actor_label=name,
                resource="test_thing",
                resource_id=uuid5(SPACE, name),
                reference=f"{name}:{n}",
                action="changed",
            )
            time.sleep(chance.random() * 0.004)


def write_until(stop: Path, name: str) -> None:
    """Write without end until the stop file is there, and say how many records there are."""
    written = 0

    def numbers() -> Iterator[int]:
        nonlocal written
        while not stop.exists():
            yield written
            written += 1

    write(name, numbers())
    sys.stdout.write(str(written))


def link(stop: Path) -> None:
    """Link in small steps until the stop file is there; several of these run side by side."""
    from django.utils import timezone

    from marketplace.audit.sequencer import link_pending

    while not stop.exists():
        if not link_pending(at=timezone.now(), limit=7):
            time.sleep(0.005)


def die_after_each() -> None:
    """Fork one process after the other: the first is killed when it has sent one statement, the next after two, until one ends well.

    Says how many were killed.
    """
    for statements in range(1, 100):
        pid = os.fork()
        if not pid:
            die_after(statements)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSIGNALED(status):
            sys.stdout.write(f"{statements - 1} {os.WEXITSTATUS(status)}")
            return


def die_after(statements: int) -> None:
    """Link, and be killed for good when the given number of statements was sent."""
    from django.db import connection
    from django.utils import timezone

    from marketplace.audit.sequencer import link_pending

    sent = 0

    def count(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        nonlocal sent
        answer = execute(sql, params, many, context)
        sent += 1
        if sent == statements:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    connection.ensure_connection()
    with connection.execute_wrapper(count):
        link_pending(at=timezone.now(), limit=4)


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "write":
        write(sys.argv[2], range(int(sys.argv[3])))
    elif sys.argv[1] == "write-until":
        write_until(Path(sys.argv[2]), sys.argv[3])
    elif sys.argv[1] == "link":
        link(Path(sys.argv[2]))
    else:
        die_after_each()
