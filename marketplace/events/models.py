"""The outbox: what became true, written in the transaction that made it true."""

from django.db import models
from django.db.models import Q

from marketplace.kernel.ids import new_public_id


class Audience(models.TextChoices):
    """Who may learn of an event beside the secretariat, which may learn of all that is not private."""

    PRIVATE = "private", "private"  # of what is only drafted: handlers see it, no feed does
    SECRETARIAT = "secretariat", "secretariat"
    ORGANIZATIONS = "organizations", "organizations"  # those addressed in EventAudience
    GROUP = "group", "group"  # active members of the group, and those addressed
    PUBLIC = "public", "public"


class OutboxEvent(models.Model):
    """One event. Until ``sequence`` is stamped it is unpublished; afterwards it never changes and nothing comes before it.

    ``id`` is no cursor: transactions commit in another order than they draw ids. Only ``sequence`` is.
    """

    public_id = models.UUIDField(default=new_public_id, unique=True, editable=False)
    type = models.CharField(max_length=80)
    resource = models.CharField(max_length=40)
    resource_id = models.UUIDField()
    resource_reference = models.CharField(max_length=80, blank=True)
    version = models.PositiveIntegerField(default=1)  # of the resource, after the change
    organization = models.ForeignKey(
        "accounts.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    audience = models.CharField(max_length=16, choices=Audience.choices)
    # Code of the programme that the thing is in, for readers whose membership is limited to some; empty for none, null where
    # that decides nothing.
    programme = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001  null and empty are two answers
    # Codes of the countries that the thing is about, a space before and behind each, for readers whose membership in the
    # organization, or in one above it, is limited to some; blank for none, null where that decides nothing.
    countries = models.TextField(null=True, blank=True)  # noqa: DJ001  as above
    data = models.JSONField(default=dict, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()
    sequence = models.PositiveBigIntegerField(null=True, blank=True, unique=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="events_audience_known", condition=Q(audience__in=Audience.values)),
            models.CheckConstraint(
                name="events_published_with_sequence",
                condition=Q(sequence__isnull=True, published_at__isnull=True)
                | Q(sequence__isnull=False, sequence__gte=1, published_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="events_unpublished", condition=Q(sequence__isnull=True)),
            models.Index(fields=["resource_id", "sequence"], name="events_of_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.resource_reference or self.resource_id}"


class EventAudience(models.Model):
    """An organization that an event is addressed to."""

    event = models.ForeignKey(OutboxEvent, on_delete=models.CASCADE, related_name="addressees")
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "event"], name="events_addressed_once")]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.organization_id}"
