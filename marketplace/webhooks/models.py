"""Tables of the webhooks room: who is called, what they are to get, and how each call ended."""

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.accounts.models import Organization
from marketplace.events.models import OutboxEvent
from marketplace.kernel.ids import new_public_id
from marketplace.records.fields import CodeListField
from marketplace.records.models import EventScope, Record


class DisabledReason(models.TextChoices):
    """Why a webhook is switched off."""

    OWNER = "owner", "owner"
    FAILING = "failing", "failing"  # nothing got through for days
    GONE = "gone", "gone"  # the receiver answered 410


class Webhook(Record):
    """An address of an organization that is to get the events which the organization may see.

    ``turn`` numbers the jobs that call it, one after the other: a job that does not bear the present number does nothing.
    """

    resource: ClassVar[str] = "webhook"

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=100, blank=True)
    url = models.CharField(max_length=2_000)
    types = CodeListField()  # event types, or prefixes such as `training_request.*`; empty: all
    resources = CodeListField()  # kinds of things; empty: all
    resource_ids = CodeListField()  # public ids of things; empty: all
    active = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=10, blank=True, choices=DisabledReason.choices)
    starts_after = models.PositiveBigIntegerField()  # the end of the feed when it was set up or switched on
    succeeded_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)  # the first of the failures in a row
    failures = models.PositiveIntegerField(default=0)  # in a row, over all deliveries
    paused_until = models.DateTimeField(null=True, blank=True)  # nothing is tried before
    due_at = models.DateTimeField(null=True, blank=True)  # when something may be tried; null: nothing waits
    turn = models.PositiveIntegerField(default=0)
    is_in_turn = models.BooleanField(default=False)  # the job of `turn` waits or runs

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="webhook_off_with_reason",
                condition=Q(active=True, disabled_at__isnull=True, disabled_reason="")
                | Q(active=False, disabled_at__isnull=False, disabled_reason__in=DisabledReason.values),
            ),
            models.CheckConstraint(
                name="webhook_failing_with_failures",
                condition=Q(failing_since__isnull=True, failures=0) | Q(failing_since__isnull=False, failures__gte=1),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="webhook_due", condition=Q(active=True, due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.reference_text

    @property
    def reference_text(self) -> str:
        """Its name, or its id."""
        return self.name or str(self.public_id)

    @property
    def organization_for_audit(self) -> str:
        """The organization that it belongs to."""
        return self.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """Its own organization learns of it."""
        return EventScope("organizations", frozenset({self.organization_id}))

    def event_data(self) -> dict[str, Any]:
        """Whose it is; never its address, which may hold a key."""
        return {"organization": self.organization.code}


class SigningSecret(models.Model):
    """A key that deliveries are signed with; several while a new one is being rolled out."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="secrets")
    sealed = models.TextField()  # encrypted under SECRET_KEY: it has to be read again at each delivery
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)  # null: until another one takes its place

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.webhook_id}"


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands."""

    PENDING = "pending", "pending"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "failed"  # not taken within three days
    WITHHELD = "withheld", "withheld"  # the organization may no longer see the event


class Delivery(models.Model):
    """One event for one webhook. ``lane`` is the thing that the event is about: within it, order is kept."""

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(OutboxEvent, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    sequence = models.PositiveBigIntegerField()  # of the event; 0 for a ping, which has none
    lane = models.UUIDField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.PENDING)
    attempts = models.PositiveIntegerField(default=0)  # over all replays
    tries = models.PositiveIntegerField(default=0)  # since queued or last replayed
    replays = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    give_up_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["webhook", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(name="webhook_delivery_status_known", condition=Q(status__in=DeliveryStatus.values)),
            models.CheckConstraint(
                name="webhook_delivery_finished_unless_pending",
                condition=Q(status="pending", finished_at__isnull=True)
                | (~Q(status="pending") & Q(finished_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="webhook_ping_without_event",
                condition=Q(event__isnull=True, sequence=0) | Q(event__isnull=False, sequence__gte=1),
            ),
        ]
        indexes = [
            models.Index(fields=["webhook", "lane", "sequence"], name="webhook_lanes", condition=Q(status="pending")),
            models.Index(fields=["webhook", "sequence"], name="webhook_queue", condition=Q(status="pending")),
            models.Index(fields=["webhook", "-id"], name="webhook_log"),
            models.Index(fields=["finished_at"], name="webhook_finished"),
        ]

    def __str__(self) -> str:
        return f"delivery {self.public_id}"


class Attempt(models.Model):
    """One call of a receiver, and how it ended. What the receiver said is not kept."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="calls")
    number = models.PositiveIntegerField()
    request_id = models.UUIDField()  # told to the receiver in `X-Request-ID`
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True, blank=True)  # of HTTP; null: no answer
    problem = models.CharField(max_length=30, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="webhook_attempt_numbered")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.delivery_id}"


class Spread(models.Model):
    """How far the feed has been spread over the webhooks: one row."""

    THE_ROW: ClassVar[int] = 1

    sequence = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"up to {self.sequence}"
