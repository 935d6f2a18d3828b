"""Notices to people inside the product."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from marketplace.notifications.subjects import Subject
from marketplace.records.models import Record


class Notification(Record):
    """One thing told to one person; its text is made when it is read, in the reader's language."""

    resource: ClassVar[str] = "notification"

    recipient = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    # In whose name the recipient is told: where they hold the role that the notice is for.
    organization = models.ForeignKey(
        "accounts.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    subject = models.CharField(max_length=40, choices=[(subject.value, subject.value) for subject in Subject])
    step = models.CharField(max_length=40, blank=True)  # service-level code
    party = models.CharField(max_length=32, blank=True)  # who owes the step
    due_at = models.DateTimeField(null=True, blank=True)
    event_id = models.UUIDField(null=True, blank=True)
    event_type = models.CharField(max_length=80, blank=True)
    about_resource = models.CharField(max_length=40)
    about_id = models.UUIDField()
    about_reference = models.CharField(max_length=80, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            # An event is worked on again after a crash; nobody is told twice.
            models.UniqueConstraint(fields=["recipient", "event_id", "subject"], name="notification_once_per_event"),
            models.CheckConstraint(
                condition=Q(subject__in=[subject.value for subject in Subject]), name="notification_subject_known"
            ),
        ]
        indexes = [
            models.Index(fields=["recipient", "-created_at"], name="notification_inbox"),
            models.Index(fields=["recipient"], condition=Q(read_at__isnull=True), name="notification_unread"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.about_reference or self.about_id}"
