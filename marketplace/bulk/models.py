"""What is known of an import: what it was told, how far it has come, and what became of its rows."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.models import EventScope, Record


class ImportMode(models.TextChoices):
    """What a refused row does to the others."""

    ATOMIC = "atomic", "atomic"  # nothing is written
    PARTIAL = "partial", "partial"  # the others are written


class ImportStatus(models.TextChoices):
    """Where an import stands."""

    QUEUED = "queued", "queued"
    RUNNING = "running", "running"
    DONE = "done", "done"  # also with refused rows, in mode partial
    REFUSED = "refused", "refused"  # the file cannot be read, or a row of an atomic import was refused
    CANCELLED = "cancelled", "cancelled"
    FAILED = "failed", "failed"  # its job died; what was written by then stays


class RowOutcome(models.TextChoices):
    """What became of a row, or would become of it."""

    CREATED = "created", "created"
    CHANGED = "changed", "changed"
    UNCHANGED = "unchanged", "unchanged"
    REFUSED = "refused", "refused"


OPEN = (ImportStatus.QUEUED, ImportStatus.RUNNING)
OVER = (ImportStatus.DONE, ImportStatus.REFUSED, ImportStatus.CANCELLED, ImportStatus.FAILED)


class Import(Record):
    """One file on its way in. ``rows_done`` is the cursor: it moves in the very transaction that writes the rows."""

    resource: ClassVar[str] = "import"

    target = models.CharField(max_length=40)  # "offerings" ...
    format = models.CharField(max_length=8)
    mode = models.CharField(max_length=8, choices=ImportMode.choices)
    dry_run = models.BooleanField()
    # The file is one that a list gave: what is shown only is passed over. (The database's own default, so that a version that
    # does not know the column goes on while it is added.)
    from_export = models.BooleanField(default=False, db_default=False)
    upload = models.ForeignKey("files.StoredFile", on_delete=models.PROTECT, related_name="+")
    requested_by = models.CharField(max_length=80)  # kind and public id of the caller, in whose name rows are written
    scopes = models.JSONField(null=True, blank=True)  # of the token; null: a session, not limited
    acting_for = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=10)  # of the problems
    status = models.CharField(max_length=10, choices=ImportStatus.choices, default=ImportStatus.QUEUED)
    rows_total = models.PositiveIntegerField(null=True, blank=True)  # null: not counted yet
    rows_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    passed_over = models.JSONField(default=list, db_default=[], blank=True)  # columns, or members of the first line
    problems = models.JSONField(default=list, blank=True)  # of the file as a whole
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["requested_by", "created_at", "id"], name="import_of_caller"),
            models.Index(fields=["status", "created_at"], name="import_status"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=ImportMode.values), name="import_mode_known"),
            models.CheckConstraint(condition=Q(status__in=ImportStatus.values), name="import_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=OVER, finished_at__isnull=False)
                | (~Q(status__in=OVER) & Q(finished_at__isnull=True)),
                name="import_finished_when_over",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target} {self.public_id} ({self.status})"

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.status in OVER

    def event_scope(self, *, at: datetime) -> EventScope:
        """An import is its caller's own; what it writes has events of its own."""
        return EventScope("private")

    def event_data(self) -> dict[str, Any]:
        """What, and how it stands."""
        return {"resource": self.target, "status": str(self.status), "dry_run": self.dry_run}


class ImportRow(models.Model):
    """A row that was refused; of a dry run also each that would create or change something."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    line = models.PositiveIntegerField()  # in the file, the first is 1
    outcome = models.CharField(max_length=10, choices=RowOutcome.choices)
    reference = models.CharField(max_length=200, blank=True)  # as the row names itself
    changes = models.JSONField(default=dict, blank=True)  # {"field": [before, after]}, as the audit trail says it
    errors = models.JSONField(default=list, blank=True)  # problem objects

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["of", "line", "id"], name="import_row_lines")]
        constraints = [
            models.UniqueConstraint(fields=["of", "line"], name="import_row_once"),
            models.CheckConstraint(condition=Q(outcome__in=RowOutcome.values), name="import_row_outcome_known"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.outcome}"
