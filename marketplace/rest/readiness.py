"""What must be well before this installation takes calls; rooms above add their own checks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from marketplace.kernel.text import gettext_noop as _
from marketplace.work import queries as work

BROKER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check; one that is not ``needed`` is told but refuses no calls."""

    name: str
    ok: bool
    detail: str = ""
    needed: bool = True


Check = Callable[[datetime], Finding]
_more: list[Check] = []
_migrated: set[str] = set()  # databases found complete once: migrations do not go away under a running process


def readiness_check(check: Check) -> Check:
    """Add a check of a room above (the demo's data, for one)."""
    _more.append(check)
    return check


def database(at: datetime) -> Finding:
    """Ask the database for the simplest thing."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return Finding("database", ok=False, detail=_("The database does not answer."))
    return Finding("database", ok=True)


def migrations(at: datetime) -> Finding:
    """Look for migrations that were not run."""
    name = str(connection.settings_dict["NAME"])
    if name not in _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return Finding("migrations", ok=False, detail=_("Migrations wait to be run."))
        _migrated.add(name)
    return Finding("migrations", ok=True)


def worker(at: datetime) -> Finding:
    """Look for a worker that said lately that it is alive."""
    if work.worker_alive(at) and work.housekeeper_alive(at):
        return Finding("worker", ok=True)
    return Finding("worker", ok=False, detail=_("No worker or dispatcher has said lately that it is alive."))


def broker(at: datetime) -> Finding:
    """Ring the doorbell, where there is one: without it everything still gets done, only later."""
    if not settings.REDIS_URL:
        return Finding("broker", ok=True, needed=False)
    bell = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS
    )
    try:
        bell.ping()
    except redis.RedisError:
        return Finding("broker", ok=False, needed=False, detail=_("Redis does not answer; work goes on by polling."))
    finally:
        bell.close()
    return Finding("broker", ok=True, needed=False)


def findings(at: datetime) -> list[Finding]:
    """Run all checks; where the database is away, the others are not asked."""
    first = database(at)
    if not first.ok:
        return [first, broker(at)]
    return [first, migrations(at), worker(at), broker(at), *(check(at) for check in _more)]
