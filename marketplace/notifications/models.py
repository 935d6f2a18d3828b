"""Notices to people inside the product."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from marketplace.kernel.ids import new_public_id
from marketplace.notifications.subjects import Cadence, MailKind, Outcome, Subject
from marketplace.records.fields import CodeListField
from marketplace.records.models import Record


class Mail(models.Model):
    """One e-mail to one person: a notice at once, or a digest, of which there is one for each period."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)  # names the message for ever
    recipient = models.ForeignKey("accounts.User", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in MailKind])
    period = models.DateField(null=True, blank=True)  # first day after what a digest tells of
    outcome = models.CharField(
        max_length=10, default=Outcome.WAITING.value, choices=[(outcome.value, outcome.value) for outcome in Outcome]
    )
    reason = models.CharField(max_length=300, blank=True)  # why not sent: a word of ours, or what the server said
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "kind", "period"], name="mail_one_digest_for_a_period"),
            models.CheckConstraint(
                condition=Q(kind=MailKind.NOTICE.value, period__isnull=True)
                | Q(kind__in=[MailKind.DAILY.value, MailKind.WEEKLY.value], period__isnull=False),
                name="mail_digest_has_a_period",
            ),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.WAITING.value, finished_at__isnull=True)
                | Q(
                    outcome__in=[outcome.value for outcome in Outcome if outcome is not Outcome.WAITING],
                    finished_at__isnull=False,
                ),
                name="mail_finished_with_an_outcome",
            ),
        ]
        indexes = [models.Index(fields=["finished_at"], name="mail_finished")]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"


class MailPreference(models.Model):
    """What a person wants by e-mail, and how their address has been taking it; without a row: everything, at once."""

    user = models.OneToOneField("accounts.User", on_delete=models.CASCADE, related_name="+")
    email = models.BooleanField(default=True)
    cadence = models.CharField(
        max_length=10,
        default=Cadence.AT_ONCE.value,
        choices=[(cadence.value, cadence.value) for cadence in Cadence],
    )
    muted = CodeListField()  # subjects that are not mailed; a new subject is mailed until it is muted
    language = models.CharField(max_length=10, blank=True)  # empty: the person's own
    since = models.DateTimeField()  # digests tell of nothing older: e-mail was off, or there was no row
    refusals = models.PositiveSmallIntegerField(default=0)  # of `refused_address` for good, in a row
    refused_address = models.EmailField(blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cadence__in=[cadence.value for cadence in Cadence]), name="mail_cadence_known"
            )
        ]

    def __str__(self) -> str:
        return f"mail of {self.user_id}"


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
    # The e-mail that tells of it, once there is one.
    mail = models.ForeignKey(Mail, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

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
