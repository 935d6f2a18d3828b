"""What can be asked of the work table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet

from marketplace.work import registry
from marketplace.work.models import FINAL_STATES, Job, JobState, WorkerHeartbeat, WorkerRole

ALIVE_WITHIN = timedelta(seconds=60)  # a worker beats every five seconds; Celery's pool at each ring or sweep
WORKING_ROLES = (WorkerRole.WORKER, WorkerRole.CELERY)
KEEPING_ROLES = (WorkerRole.DISPATCHER,)


@dataclass(frozen=True, slots=True)
class WorkStatistics:
    """A glance at the work table; ages in seconds."""

    queued: int
    due: int
    running: int
    dead: int
    unknown_kinds: int  # queued, but no process of this version can do them
    oldest_due_seconds: float


def jobs() -> QuerySet[Job]:
    """Give all jobs, newest first."""
    return Job.objects.order_by("-id")


def job_by_public_id(public_id: UUID) -> Job | None:
    """Find one job by its outward id."""
    return Job.objects.filter(public_id=public_id).first()


def job_by_key(key: str) -> Job | None:
    """Find the one job that carries ``key``."""
    return Job.objects.filter(key=key).first()


def dead_letters() -> QuerySet[Job]:
    """Give the jobs that ran out of attempts or gave up, latest first."""
    return Job.objects.filter(state=JobState.DEAD).order_by("-finished_at", "-id")


def due_jobs(at: datetime) -> QuerySet[Job]:
    """Give the jobs that a worker of this version could claim at ``at``."""
    return Job.objects.filter(state=JobState.QUEUED, due_at__lte=at, kind__in=registry.job_kinds())


def statistics(at: datetime) -> WorkStatistics:
    """Count what waits, runs and died, in one query."""
    known = Q(kind__in=registry.job_kinds())
    queued = Q(state=JobState.QUEUED)
    due = queued & Q(due_at__lte=at)
    row = Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING, JobState.DEAD]).aggregate(
        queued=Count("id", filter=queued),
        due=Count("id", filter=due & known),
        running=Count("id", filter=Q(state=JobState.RUNNING)),
        dead=Count("id", filter=Q(state=JobState.DEAD)),
        unknown_kinds=Count("id", filter=queued & ~known),
        oldest_due=Min("due_at", filter=due & known),
    )
    oldest = row.pop("oldest_due")
    return WorkStatistics(**row, oldest_due_seconds=(at - oldest).total_seconds() if oldest else 0.0)


@dataclass(frozen=True, slots=True)
class KindStatistics:
    """How one kind of job stands; ages in seconds."""

    kind: str
    queued: int
    due: int
    running: int
    dead: int
    oldest_due_seconds: float


def statistics_by_kind(at: datetime) -> list[KindStatistics]:
    """Count what waits, runs and died of each kind that has any, in one query; for metrics with the kind as label."""
    due = Q(state=JobState.QUEUED, due_at__lte=at)
    rows = (
        Job.objects.filter(state__in=[JobState.QUEUED, JobState.RUNNING, JobState.DEAD])
        .values_list("kind")
        .annotate(
            queued=Count("id", filter=Q(state=JobState.QUEUED)),
            due=Count("id", filter=due),
            running=Count("id", filter=Q(state=JobState.RUNNING)),
            dead=Count("id", filter=Q(state=JobState.DEAD)),
            oldest_due=Min("due_at", filter=due),
        )
        .order_by("kind")
    )
    return [
        KindStatistics(kind, queued, now_due, running, dead, (at - oldest).total_seconds() if oldest else 0.0)
        for kind, queued, now_due, running, dead, oldest in rows
    ]


def live_processes(at: datetime, within: timedelta = ALIVE_WITHIN) -> QuerySet[WorkerHeartbeat]:
    """Give the processes that said within that time that they are alive."""
    return WorkerHeartbeat.objects.filter(beat_at__gt=at - within).order_by("name")


def silent_processes(at: datetime, since: timedelta = ALIVE_WITHIN) -> QuerySet[WorkerHeartbeat]:
    """Give the processes that neither took leave nor have said since then that they are alive: killed or frozen.

    An idle process of the Celery pool is no such thing: it says something only when it is rung.
    """
    return WorkerHeartbeat.objects.filter(beat_at__lte=at - since).exclude(role=WorkerRole.CELERY).order_by("name")


def live_processes_by_role(at: datetime) -> dict[str, int]:
    """Count the processes that are alive, for every role, those without any included."""
    counted = live_processes(at).order_by().values_list("role").annotate(number=Count("id"))
    return {role.value: 0 for role in WorkerRole} | dict(counted)


def worker_alive(at: datetime) -> bool:
    """Tell whether somebody does jobs: a fresh heartbeat, or a job running under a lease that still holds."""
    return (
        live_processes(at).filter(role__in=WORKING_ROLES).exists()
        or Job.objects.filter(state=JobState.RUNNING, lease_until__gt=at).exists()
    )


def pool_stirred(at: datetime, *, within: timedelta) -> bool:
    """Tell whether a process of the Celery pool was rung awake, or ended a job, within that time, or has one under way."""
    since, theirs = at - within, Q(worker__startswith=f"{WorkerRole.CELERY}@")
    return (
        WorkerHeartbeat.objects.filter(role=WorkerRole.CELERY, beat_at__gt=since).exists()
        or Job.objects.filter(theirs, state=JobState.RUNNING, lease_until__gt=at).exists()
        or Job.objects.filter(theirs, state__in=FINAL_STATES, finished_at__gt=since).exists()
    )


def housekeeper_alive(at: datetime) -> bool:
    """Tell whether somebody sequences events and keeps the schedule."""
    return live_processes(at).filter(role__in=KEEPING_ROLES).exists()


def under_way(keys: Iterable[str], *, at: datetime, dead_within: timedelta) -> set[str]:
    """Give those of the keys whose job waits or runs, or died so short a while ago that nobody can have looked at it."""
    recently = Q(state=JobState.DEAD, finished_at__gt=at - dead_within)
    found = Job.objects.filter(Q(state__in=[JobState.QUEUED, JobState.RUNNING]) | recently, key__in=list(keys))
    return {str(key) for key in found.values_list("key", flat=True)}
