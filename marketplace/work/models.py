"""Tables of the work room: what is to be done, and which processes are there to do it."""

from django.db import models
from django.db.models import F, Q

from marketplace.kernel.ids import new_public_id


class JobState(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    DONE = "done", "done"
    DEAD = "dead", "dead"
    CANCELLED = "cancelled", "cancelled"
    DISCARDED = "discarded", "discarded"  # was dead, and somebody said that it need not be done


OVER_STATES = (JobState.DONE, JobState.CANCELLED, JobState.DISCARDED)  # nobody waits for these any more
FINAL_STATES = (*OVER_STATES, JobState.DEAD)


class Job(models.Model):
    """One piece of work, recorded in the transaction that caused it.

    ``fence`` grows at each claim: it is the claimant's token, and the only worker whose effect can commit is the one
    that still holds it. ``key`` names work that must exist once: an event's handler, a period of a schedule.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    kind = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    key = models.CharField(
        max_length=200, null=True, blank=True, unique=True
    )  # null: keys that are not there do not collide
    request_id = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    priority = models.SmallIntegerField(default=0)  # higher first
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)  # claims since queued or last revived
    max_attempts = models.PositiveSmallIntegerField(default=8)
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)  # the last claimant
    lease_until = models.DateTimeField(null=True, blank=True)
    progress = models.JSONField(default=dict, blank=True)  # {"done": int, "total": int, "note": str}
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="work_job_state_known", condition=Q(state__in=JobState.values)),
            models.CheckConstraint(
                name="work_job_lease_while_running",
                condition=Q(state=JobState.RUNNING, lease_until__isnull=False)
                | (~Q(state=JobState.RUNNING) & Q(lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="work_job_worker_while_running", condition=~Q(state=JobState.RUNNING) | ~Q(worker="")
            ),
            models.CheckConstraint(
                name="work_job_finished_when_final",
                condition=Q(state__in=FINAL_STATES, finished_at__isnull=False)
                | (~Q(state__in=FINAL_STATES) & Q(finished_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="work_job_death_explained",
                condition=~Q(state__in=[JobState.DEAD, JobState.DISCARDED]) | ~Q(last_error=""),
            ),
            models.CheckConstraint(
                name="work_job_attempts_bounded",
                condition=Q(max_attempts__gte=1) & Q(attempts__lte=F("max_attempts")),
            ),
        ]
        indexes = [
            models.Index(
                F("priority").desc(), F("due_at"), F("id"), name="work_job_queue", condition=Q(state=JobState.QUEUED)
            ),
            models.Index(fields=["lease_until"], name="work_job_leases", condition=Q(state=JobState.RUNNING)),
            models.Index(fields=["state", "finished_at"], name="work_job_finished"),
            models.Index(fields=["kind", "state"], name="work_job_kinds"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id} ({self.state})"


class JobFailure(models.Model):
    """One attempt that failed or was lost with its worker; ``fence`` says which claim it was."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="failures")
    fence = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField()  # since queued or last revived
    worker = models.CharField(max_length=200)
    at = models.DateTimeField()
    error = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "fence"], name="work_failure_once_a_claim")]

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.job_id}"


class WorkerRole(models.TextChoices):
    """What a process does."""

    WORKER = "worker", "worker"  # does jobs without a broker: the embedded worker, or the dispatcher's stand-in
    DISPATCHER = "dispatcher", "dispatcher"  # keeps house: sequencer, sweep, schedule; in the embedded worker too
    CELERY = "celery", "celery"  # a process of the Celery pool


class WorkerHeartbeat(models.Model):
    """A process that says it is alive; ``machine`` is host and process-id namespace, so that ``pid`` means something."""

    name = models.CharField(max_length=200, unique=True)
    role = models.CharField(max_length=12, choices=WorkerRole.choices)
    machine = models.CharField(max_length=150)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="work_heartbeat_role_known", condition=Q(role__in=WorkerRole.values)),
            models.CheckConstraint(name="work_heartbeat_in_order", condition=Q(beat_at__gte=F("started_at"))),
        ]

    def __str__(self) -> str:
        return self.name
